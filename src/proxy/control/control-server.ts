/**
 * The control server: commands of an operator reach a running proxy through a socket in its spool folder. The owner of
 * the socket and root may open it; there is no other authentication.
 *
 * The protocol is HTTP/1.1. A request is `POST /parked/retry` or `POST /parked/drop`, with the body
 *
 *     {"ids": ["0123456789abcdef", …]}
 *
 * The answer is 200 with a JSON object a line (`application/x-ndjson`). There is one line for each event, as soon as it is
 * decided, and `{"done":true}` at the end. `{"error":"…"}` there, or no such line, means that some are not decided.
 *
 *     {"id": "0123456789abcdef", "topic": "input.runs", "outcome": "kafka"}
 *     {"id": "…", "topic": "input.runs", "outcome": "parked", "reason": "too-large: …"}
 *     {"done": true}
 *
 * `outcome` is that of `Decided` (delivery/port.ts).
 *
 * `POST /spool/import` has lines of `http2kafka spool export` as its body, 64 MiB at most. There is an answer for each line
 * (`ImportedLine` in import-lines.ts), in their order, when its event is in Kafka or synced to disk.
 *
 * `GET /tap?job=…&namespace=…&sender=…&outcome=…&text=…&last=…` is answered with the last outcomes, at most `last` of them,
 * and then with those to come: a line for each (`OutcomeRow` in page/outcome-row.ts), `{"skipped": …}` where some are left
 * out, and an empty line every 15 s. It ends when the client or the proxy ends.
 *
 * Any other answer is an error: 400, 404, 405, 413 or 503, with
 * `{"error": "…"}`.
 *
 * Bounds: 4 connections, a head of 8 KiB, a body of ids of 1 MiB, 10 s for a request, 60 s in which a client reads nothing.
 */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { EventDelivery, ParkedControl, Tell } from '../../delivery/port.ts';
import type { Logger } from '../../log.ts';
import { errorText } from '../../support/error-text.ts';
import { controlSocket, type SocketAddress } from './control-socket.ts';
import { importLines, MAX_IMPORT_BYTES } from './import-lines.ts';
import { tap, type Outcomes } from './tap.ts';

const MAX_CONNECTIONS = 4;
const MAX_HEAD_BYTES = 8 * 1024;
const MAX_BODY_BYTES = 1024 * 1024;
const REQUEST_MS = 10_000;
const IDLE_MS = 60_000;

/** Only the owner may open the socket, from its first moment on. */
const OTHERS = 0o177;
const SOCKET_MODE = 0o600;

/** What the commands reach. */
export interface Controlled {
  readonly parked: ParkedControl;
  readonly delivery: Pick<EventDelivery, 'deliver'>;
  /** What the proxy has seen of events. Undefined for a program that takes none. */
  readonly outcomes?: Outcomes | undefined;
}

export class ControlServer {
  readonly #controlled: Controlled;
  readonly #log: Logger;
  readonly #server: Server;
  readonly #address: SocketAddress;

  private constructor(controlled: Controlled, log: Logger, address: SocketAddress) {
    this.#controlled = controlled;
    this.#log = log;
    this.#address = address;
    this.#server = createServer(
      { maxHeaderSize: MAX_HEAD_BYTES, requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS },
      (request, response) => void this.#handle(request, response),
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.setTimeout(IDLE_MS);
  }

  /**
   * Listens in this spool folder. The caller holds the lock of the folder, so a socket that is there belongs to a process
   * that has ended: it is replaced. A folder without sockets is no reason not to run: the log says so, and the result is
   * undefined.
   */
  static async open(
    spoolFolder: string,
    controlled: Controlled,
    log: Logger,
  ): Promise<ControlServer | undefined> {
    let address: SocketAddress | undefined;
    try {
      address = controlSocket(spoolFolder);
      const control = new ControlServer(controlled, log, address);
      await control.#listen();
      return control;
    } catch (error) {
      address?.[Symbol.dispose]();
      const reason = errorText(error);
      log.warn(
        { file: spoolFolder, reason },
        '"http2kafka spool retry", "spool drop" and "spool import" cannot reach this proxy',
      );
      return undefined;
    }
  }

  /** Cuts all connections, and removes the socket. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#controlled.outcomes?.close();
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
    rmSync(this.#address.file, { force: true });
    this.#address[Symbol.dispose]();
  }

  async #listen(): Promise<void> {
    const { path, file } = this.#address;
    rmSync(file, { force: true });
    const listening = once(this.#server, 'listening');
    // `listen` makes the socket before it returns.
    const umask = process.umask(OTHERS);
    try {
      this.#server.listen(path);
    } finally {
      process.umask(umask);
    }
    await listening;
    chmodSync(file, SOCKET_MODE);
    // A client that breaks its connection is no error of the proxy.
    this.#server.on('error', (error) => this.#log.warn({ error }, 'the control socket fails'));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('connection', 'close');
    try {
      if (request.url === IMPORT) {
        await this.#import(request, response);
        return;
      }
      const { outcomes } = this.#controlled;
      if (outcomes && isTap(request.url)) {
        const status = request.method === 'GET' ? tap(request, response, outcomes) : 405;
        if (status !== undefined) refuse(response, status);
        return;
      }
      const command = commandOf(this.#controlled.parked, request.url);
      const ids = await idsOf(request, command !== undefined);
      if (!command || typeof ids === 'number') {
        refuse(response, typeof ids === 'number' ? ids : 404);
        return;
      }
      response.setHeader('content-type', 'application/x-ndjson');
      await command(ids, (decided) => write(response, decided));
      response.end(DONE);
    } catch (error) {
      const reason = errorText(error);
      this.#log.warn({ reason }, 'a command has ended before its end');
      response.end(`${JSON.stringify({ error: reason })}\n`);
    }
  }

  async #import(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = request.method === 'POST' ? await bodyOf(request, MAX_IMPORT_BYTES) : 405;
    if (typeof body === 'number') {
      refuse(response, body);
      return;
    }
    response.setHeader('content-type', 'application/x-ndjson');
    await importLines(body, this.#controlled.delivery, (imported) => write(response, imported));
    response.end(DONE);
  }
}

const IMPORT = '/spool/import';

function isTap(url = ''): boolean {
  return url === '/tap' || url.startsWith('/tap?');
}

const DONE = '{"done":true}\n';

/** What a request asks for; undefined for a wrong path. */
function commandOf(
  parked: ParkedControl,
  path: string | undefined,
): ((ids: readonly string[], tell: Tell) => Promise<void>) | undefined {
  if (path === '/parked/retry') return (ids, tell) => parked.retry(ids, tell);
  if (path === '/parked/drop') return (ids, tell) => parked.drop(ids, tell);
  return undefined;
}

const ERRORS: Readonly<Record<number, string>> = {
  400: 'the body is not {"ids": ["…"]}',
  404: 'there is no such command',
  405: 'this path takes another method',
  413: 'the body is too large',
  503: 'as many programs watch as may',
};

function refuse(response: ServerResponse, status: number): void {
  const body = JSON.stringify({ error: ERRORS[status] });
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${body}\n`);
}

/** The ids in the body of a request, or the status of the refusal. */
async function idsOf(request: IncomingMessage, isCommand: boolean): Promise<readonly string[] | number> {
  if (!isCommand) return 404;
  if (request.method !== 'POST') return 405;
  const body = await bodyOf(request, MAX_BODY_BYTES);
  return typeof body === 'number' ? body : (parsedIds(body.toString()) ?? 400);
}

/** The body of a request, or the status of the refusal. */
async function bodyOf(request: IncomingMessage, maxBytes: number): Promise<Buffer | number> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    // The rest is read, too: a connection that is cut would hide the answer.
    if (size <= maxBytes) chunks.push(chunk);
  }
  return size > maxBytes ? 413 : Buffer.concat(chunks);
}

/** Undefined if the body is not a list of ids. */
function parsedIds(body: string): readonly string[] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return undefined;
  }
  const ids: unknown =
    typeof parsed === 'object' && parsed !== null && 'ids' in parsed ? parsed.ids : undefined;
  return Array.isArray(ids) && ids.every((id) => typeof id === 'string') ? ids : undefined;
}

/** Resolves when the client has room for more; to false when it is gone. */
async function write(response: ServerResponse, line: object): Promise<boolean> {
  if (response.destroyed) return false;
  if (response.write(`${JSON.stringify(line)}\n`)) return true;
  await Promise.race([once(response, 'drain'), once(response, 'close')]);
  return !response.destroyed;
}
