/** One call of `http2kafka send`: opens what it needs, sends the events of the files, and prints the result. */
import { readFile, stat } from 'node:fs/promises';
import { errorText } from '../../support/error-text.ts';
import { systemTime } from '../../support/time.ts';
import { version } from '../../version.ts';
import { filesOf, readEvents } from '../events/event-files.ts';
import { Progress } from '../progress.ts';
import { Endpoint } from './endpoint.ts';
import { Journal } from './journal.ts';
import { answerTable, Outcomes } from './outcomes.ts';
import { Sending, type NumberedEvent } from './sending.ts';

export interface SendRequest {
  readonly url: URL;
  readonly connections: number;
  /** Events a second; undefined without a limit. */
  readonly rate: number | undefined;
  readonly attempts: number;
  readonly timeoutMs: number;
  readonly apiKeyFile: string | undefined;
  readonly caFile: string | undefined;
  readonly journalFile: string | undefined;
  readonly refusedFile: string;
  readonly isJson: boolean;
}

/** What a call of the command has done. */
interface Result {
  readonly outcomes: Outcomes;
  readonly retries: number;
  readonly journal: Journal | undefined;
  readonly stopped: string | undefined;
}

/**
 * Returns the exit code: 0 when no event is refused and all were sent, else 1.
 * @throws when a file cannot be read or written, with a message for the user.
 */
export async function sendFiles(names: readonly string[], request: SendRequest): Promise<number> {
  const { url, connections, rate, journalFile } = request;
  const files = await filesOf(names);
  const total = await totalOf(files);
  const endpoint = await endpointOf(request);
  const journal = journalFile === undefined ? undefined : await Journal.open(journalFile, url.href, files);
  if (journal) tellOf(journal);
  const outcomes = new Outcomes(request.refusedFile);
  let read = 0;
  const sending = new Sending({
    ...{ endpoint, connections, rate, journal, time: systemTime },
    answered: (event, answer) => outcomes.add(event, answer),
  });
  const interrupt = () => sending.stop('interrupted');
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  let stopped: string | undefined;
  const progress = await Progress.start(() => {
    const { kept, dropped, refused } = outcomes;
    const text = (rate: number) => `${countsOf(outcomes)}, ${rate}/s, ${endpoint.retries} retries`;
    return { done: read, total, word: 'read', ended: kept + dropped + refused, text };
  });
  try {
    stopped = await sending.run(numbered(files, journal, (bytes) => (read += bytes)));
  } finally {
    progress.stop();
    endpoint.close();
    journal?.close();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
  const result = { outcomes, retries: endpoint.retries, journal, stopped };
  if (request.isJson) console.log(JSON.stringify(asJson(result)));
  else for (const line of linesOf(result, request)) console.log(line);
  return stopped === undefined && outcomes.refused === 0 ? 0 : 1;
}

/** Bytes of all files; undefined if it is not known. */
async function totalOf(files: readonly string[]): Promise<number | undefined> {
  let total = 0;
  for (const file of files) {
    if (file === '-') return undefined;
    total += (await stat(file)).size;
  }
  return total;
}

async function endpointOf(request: SendRequest): Promise<Endpoint> {
  const { url, connections, attempts, timeoutMs, apiKeyFile, caFile } = request;
  const key = apiKeyFile === undefined ? undefined : (await readFile(apiKeyFile, 'utf8')).trim();
  const ca = caFile === undefined ? undefined : await readFile(caFile);
  const headers = {
    'user-agent': `http2kafka-send/${version}`,
    ...(key !== undefined && { authorization: `Bearer ${key}` }),
  };
  return new Endpoint({ url, headers, ca, connections, attempts, timeoutMs, time: systemTime });
}

/** The events of all files that have not ended in an earlier call. */
async function* numbered(
  files: readonly string[],
  journal: Journal | undefined,
  onRead: (bytes: number) => void,
): AsyncGenerator<NumberedEvent> {
  let number = -1;
  for (const file of files) {
    for await (const event of eventsOf(file, onRead)) {
      number += 1;
      if (!journal?.ended.has(number)) yield { ...event, file, number };
    }
  }
}

/** @throws what reading throws, with the name of the file. */
async function* eventsOf(file: string, onRead: (bytes: number) => void): ReturnType<typeof readEvents> {
  try {
    yield* readEvents(file, onRead);
  } catch (error) {
    throw new Error(`${file}: ${errorText(error)}`, { cause: error });
  }
}

function tellOf({ ended, unknown }: Journal): void {
  if (ended.size === 0 && unknown === 0) return;
  console.error(
    `The journal has ${ended.size} events that ended. ${unknown} had begun: they are sent again.`,
  );
}

function asJson({ outcomes, retries, journal, stopped }: Result): object {
  const { kept, dropped, refused, counts } = outcomes;
  return {
    ...{ kept, dropped, refused, retries, answers: counts, stopped: stopped ?? null },
    ...(journal && { ended_before: journal.ended.size, sent_again: journal.unknown }),
  };
}

function linesOf({ outcomes, retries, stopped }: Result, request: SendRequest): readonly string[] {
  const { refused, counts } = outcomes;
  return [
    ...(counts.length > 0 ? [answerTable(counts), ''] : []),
    `${countsOf(outcomes)}, ${retries} retries`,
    ...(refused > 0 ? [`The refused events and the reasons are in ${request.refusedFile}`] : []),
    ...(stopped === undefined ? [] : [`Stopped: ${stopped}. ${nextStep(request)}`]),
  ];
}

function countsOf({ kept, dropped, refused }: Outcomes): string {
  return `${kept} kept, ${dropped > 0 ? `${dropped} dropped by rules, ` : ''}${refused} refused`;
}

function nextStep({ journalFile }: SendRequest): string {
  return journalFile === undefined
    ? 'What was sent is not noted. Use --journal to go on after an interruption'
    : 'Call the command again to go on';
}
