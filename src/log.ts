/** The log of the program on standard error: JSON lines for machines, or plain lines for people. */
import { write } from 'node:fs';
import {
  destination,
  pino,
  stdSerializers,
  stdTimeFunctions,
  type DestinationStream,
  type Level,
} from 'pino';
import { prettyFactory, type PrettyOptions } from 'pino-pretty';
import { InfoLines } from './support/log-lines/info-lines.ts';
import { LineQueue } from './support/log-lines/line-queue.ts';
import { printable, printableJson } from './support/printable.ts';

export interface LogSettings {
  readonly enabled: boolean;
  readonly level: string;
  readonly preset: 'plain' | 'colored' | 'json';
}

/** What a member of a JSON line holds. The documentation page is made from it. */
interface MemberKind {
  readonly type: 'text' | 'integer' | 'number' | 'boolean' | 'object' | 'list of text';
  /** In Markdown. */
  readonly about: string;
}

/** The members that every JSON line has, in this order; `message` is the last of the line. */
export const commonMembers = {
  level: { type: 'text', about: '`trace`, `debug`, `info`, `warn`, `error` or `fatal`' },
  time: { type: 'text', about: 'when the line was written: ISO 8601 in UTC, with milliseconds' },
  service: { type: 'text', about: 'always `http2kafka`' },
  version: { type: 'text', about: 'the version of http2kafka' },
  message: { type: 'text', about: 'what happened, in words; the wording may change between versions' },
} as const satisfies Record<string, MemberKind>;

/** The members that some lines have. No log call may have another one. A name keeps its meaning between versions. */
export const logMembers = {
  request_id: { type: 'text', about: 'the id of the request, as in its answer and in the record' },
  method: { type: 'text', about: 'the method of the request' },
  path: {
    type: 'text',
    about: 'the path as the client wrote it, without the query; at most 200 characters',
  },
  status: {
    type: 'integer',
    about: 'the status of the answer; 499 if the client closed the connection first',
  },
  duration_ms: {
    type: 'number',
    about: 'from the head of the request to the end of the answer, in milliseconds',
  },
  bytes: {
    type: 'integer',
    about: 'the size of the body of the request, from `Content-Length`; absent for a body in chunks',
  },
  sender: { type: 'text', about: 'the name of the sender; absent if it is not known' },
  client: {
    type: 'text',
    about: 'the address of the client; behind a trusted proxy the one that the proxy names, without a port',
  },
  user_agent: { type: 'text', about: 'the header `User-Agent`; at most 100 characters' },
  code: { type: 'text', about: 'the error code of a refusal, as in the answer' },
  reason: { type: 'text', about: "why; for a refusal its message, for Kafka the broker's name of the error" },
  job_namespace: {
    type: 'text',
    about: 'the namespace of the job of a refused event; at most 200 characters',
  },
  job_name: { type: 'text', about: 'the name of the job of a refused event; at most 200 characters' },
  omitted: {
    type: 'integer',
    about: 'how many lines were left out before this one; of refusals, those of the same cause and sender',
  },
  topic: { type: 'text', about: 'the topic that the line is about' },
  topics: { type: 'list of text', about: 'the topics that the line is about' },
  partition: { type: 'integer', about: 'the partition that the line is about' },
  dead_letter_topic: { type: 'text', about: 'the topic that gets the event instead' },
  events: { type: 'integer', about: 'how many events the line is about' },
  ids: {
    type: 'list of text',
    about: 'the ids of parked events, as `http2kafka spool` shows them; at most 100',
  },
  spool_bytes: { type: 'integer', about: 'the size of the events on disk' },
  disk_free_bytes: { type: 'integer', about: 'the free space of the volume that the spool is on' },
  may_be_written: { type: 'boolean', about: 'whether Kafka may have the events already' },
  since: { type: 'text', about: 'a time in ISO 8601: the oldest event on disk' },
  until: { type: 'text', about: 'a time in ISO 8601: the end of the Kerberos ticket' },
  unavailable_seconds: { type: 'integer', about: 'how long the database was unavailable' },
  keys_used: { type: 'integer', about: 'how many keys of the OpenID provider are in use' },
  keys_unused: { type: 'integer', about: 'how many keys of the OpenID provider are broken or do not fit' },
  kerberos_service: { type: 'text', about: 'the service that the proxy has logged in to' },
  file: { type: 'text', about: 'a file or a folder on this machine' },
  detail: { type: 'text', about: 'the exact error of a library, a broker or a server' },
  error: { type: 'object', about: 'an unexpected error: `type`, `message` and `stack`' },
} as const satisfies Record<string, MemberKind>;

/** The facts of a log line. A member that is undefined is not written. */
export type LogFacts = { readonly [Name in keyof typeof logMembers]?: unknown };

interface LogCall {
  (message: string): void;
  (facts: LogFacts, message: string): void;
}

/** What the parts of the program see of the log. It takes the members of the table only. */
export interface Logger extends Readonly<Record<Exclude<Level, 'trace'>, LogCall>> {
  isLevelEnabled(level: Level): boolean;
  /** The lowest level that is written; it may be set while the proxy runs. */
  level: string;
}

/** File descriptor of the log. Standard output is for the result of a command. */
const STANDARD_ERROR = 2;

const MESSAGE = 'message';

/** Lines of level info that come many times a second. They are written in their order, but a little later. */
export interface FrequentLines {
  /** The form of the lines: members for machines, or one text for people. */
  readonly form: 'members' | 'text';
  text(message: string): void;
  members(facts: LogFacts, message: string): void;
}

/** Opens the log on standard error. `version` is that of http2kafka. */
export function openLog(settings: LogSettings, version: string): { log: Logger; frequent: FrequentLines } {
  const file = destination({ dest: STANDARD_ERROR, sync: true });
  const queue = new LineQueue({
    writeNow: (text) => file.write(text),
    write: (bytes, done) => write(STANDARD_ERROR, bytes, done),
  });
  process.on('exit', () => queue.flush());
  const log = createLogger(settings, version, queue);
  takeWarnings(log);
  return { log, frequent: frequentLines(settings, version, log, queue) };
}

/** Warnings of Node and of libraries, such as those of the clouds. Node would write them as text between the lines. */
function takeWarnings(log: Logger): void {
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) =>
    log.warn({ detail: `${name}: ${message}` }, 'a library warns'),
  );
}

/**
 * Makes the logger. It writes synchronously, so that the last lines before an exit are not lost. `version` is that of
 * http2kafka. `lines` takes the lines as they are to be written.
 */
export function createLogger(settings: LogSettings, version: string, lines: DestinationStream): Logger {
  const { enabled, level, preset } = settings;
  const options = { enabled, level, messageKey: MESSAGE, serializers: { error: describeError } };
  if (preset === 'json') {
    const machine = {
      ...options,
      base: machineBase(version),
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (name: string) => ({ level: name }) },
      hooks: { streamWrite: (line: string) => `${printableJson(line.trimEnd())}\n` },
    };
    return pino(machine, lines);
  }
  const render = prettyFactory(prettyOptions(preset));
  // Pretty text has escapes of its own, for colours. So what is not printable is replaced before.
  const hooks = { streamWrite: (line: string) => `${printable(line.trimEnd())}\n` };
  return pino({ ...options, base: null, hooks }, { write: (line) => lines.write(render(line)) });
}

/** Lines as the logger would write them, at a fraction of its cost. */
export function frequentLines(
  { preset }: LogSettings,
  version: string,
  log: Logger,
  queue: Pick<LineQueue, 'add' | 'takeOmitted'>,
): FrequentLines {
  const render = prettyFactory(prettyOptions(preset));
  const sample = (time: number, message: string) => render(JSON.stringify({ level: 30, time, message }));
  const lines = new InfoLines(sample, machineBase(version));
  const add = (line: string) => {
    queue.add(line);
    const omitted = queue.takeOmitted();
    if (omitted > 0)
      log.warn({ omitted }, 'lines were left out, because standard error takes them too slowly');
  };
  return {
    form: preset === 'json' ? 'members' : 'text',
    text(message) {
      if (log.isLevelEnabled('info')) add(lines.text(Date.now(), printable(message)));
    },
    members(facts, message) {
      if (log.isLevelEnabled('info')) add(`${printableJson(lines.members(Date.now(), facts, message))}\n`);
    },
  };
}

function machineBase(version: string) {
  return { service: 'http2kafka', version };
}

function prettyOptions(preset: 'plain' | 'colored' | 'json'): PrettyOptions {
  return {
    colorize: preset === 'colored',
    singleLine: true,
    translateTime: 'SYS:yyyy-mm-dd HH:MM:ss.l',
    messageKey: MESSAGE,
    // People read the reason as the end of the sentence.
    ignore: 'reason',
    messageFormat: ({ [MESSAGE]: message, reason }) =>
      printable(typeof reason === 'string' ? `${String(message)}: ${reason}` : String(message)),
  };
}

/** An error for a line. Further members of errors differ by library, and could hold what must not be in a log. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { type, message, stack } = stdSerializers.err(error);
  // A stack has lines of its own. Its first may be a text that a broker or a client has chosen.
  return { type, message: printable(message), stack: stack.split('\n').map(printable).join('\n') };
}
