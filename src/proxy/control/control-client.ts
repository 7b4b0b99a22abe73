/** Sends a command to the proxy that runs with a spool folder. control-server.ts describes the protocol. */
import { request, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Decided } from '../../delivery/port.ts';
import { errorCode } from '../../support/error-text.ts';
import { controlSocket } from './control-socket.ts';
import type { ImportedLine } from './import-lines.ts';

/** No proxy listens in this folder. */
export class NoProxy extends Error {}

/** Milliseconds without a byte. An event may wait for Kafka and then for the disk. */
const IDLE_MS = 60_000;

/** Ids of one request: they fit into its body. */
const IDS = 10_000;

/**
 * Has the running proxy retry or drop these parked events. Yields what has become of each.
 * @throws {NoProxy} if no proxy listens. Rejects with another error if the proxy cannot be reached, or ends meanwhile.
 */
export async function* control(
  spoolFolder: string,
  command: 'retry' | 'drop',
  ids: readonly string[],
): AsyncGenerator<Decided, void> {
  using address = controlSocket(spoolFolder);
  for (let from = 0; from < ids.length; from += IDS) {
    const body = JSON.stringify({ ids: ids.slice(from, from + IDS) });
    yield* lines(await ask(address.path, `/parked/${command}`, body), isDecided);
  }
}

/**
 * Has the running proxy take exported events, a line each. Yields what has become of each line, in their order.
 * @throws {NoProxy} if no proxy listens. Rejects with another error if the proxy cannot be reached, or ends meanwhile.
 */
export async function* importThroughProxy(
  spoolFolder: string,
  exported: readonly Buffer[],
): AsyncGenerator<ImportedLine, void> {
  using address = controlSocket(spoolFolder);
  const body = Buffer.concat(exported.flatMap((line) => [line, LINE_FEED]));
  yield* lines(await ask(address.path, '/spool/import', body), isImported);
}

const LINE_FEED = Buffer.from('\n');

/**
 * What becomes of events, from the running proxy. `query` is that of the path `/tap`. Yields a line for each outcome, as
 * JSON, until the proxy ends.
 * @throws {NoProxy} if no proxy listens. Rejects with another error if it cannot be reached.
 */
export async function* tapThroughProxy(
  spoolFolder: string,
  query: URLSearchParams,
): AsyncGenerator<string, void> {
  using address = controlSocket(spoolFolder);
  const response = await ask(address.path, `/tap?${query.toString()}`, '', 'GET');
  try {
    // An empty line is a sign of life.
    for await (const line of createInterface({ input: response })) if (line !== '') yield line;
  } finally {
    response.destroy();
  }
}

async function ask(
  socketPath: string,
  path: string,
  body: string | Buffer,
  method = 'POST',
): Promise<IncomingMessage> {
  const sent = request({ socketPath, path, method, timeout: IDLE_MS });
  sent.on('timeout', () => sent.destroy(new Error('the proxy does not answer')));
  try {
    sent.end(body);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    sent.once('response', resolve);
    sent.on('error', reject);
    const response = await promise;
    if (response.statusCode === 200) return response;
    response.resume();
    await once(response, 'end');
    throw new Error(`the proxy answers ${response.statusCode}`);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ECONNREFUSED') throw new NoProxy('no proxy listens', { cause: error });
    throw error;
  }
}

async function* lines<Line>(
  response: IncomingMessage,
  isLine: (value: unknown) => value is Line,
): AsyncGenerator<Line, void> {
  response.setEncoding('utf8');
  let isDone = false;
  let rest = '';
  for await (const chunk of response) {
    const whole = `${rest}${String(chunk)}`.split('\n');
    rest = whole.pop() ?? '';
    for (const line of whole) {
      const parsed: unknown = JSON.parse(line);
      if (isLine(parsed)) yield parsed;
      else if (typeof parsed === 'object' && parsed !== null && 'error' in parsed) {
        throw new Error(String(parsed.error));
      } else isDone = true;
    }
  }
  if (!isDone) throw new Error('the proxy has ended before all events were decided');
}

function isDecided(value: unknown): value is Decided {
  return typeof value === 'object' && value !== null && 'id' in value && 'outcome' in value;
}

function isImported(value: unknown): value is ImportedLine {
  return typeof value === 'object' && value !== null && 'line' in value && 'outcome' in value;
}
