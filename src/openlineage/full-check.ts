/**
 * The full check: `JSON.parse` and the schema. It accepts every valid event, and lists the validation errors of all
 * others. It defines what is valid: the fast path only saves time, and must never accept more.
 */
import { isUtf8 } from 'node:buffer';
import { Compile } from 'typebox/compile';
import { findDeviations } from './deviations.ts';
import { formatKey, keyPartsOf, ownPartsOf } from './event-key.ts';
import { eventSchemas, eventTypes, type EventKind, type SchemaLevel } from './event-schema.ts';
import { parseEventTime } from './event-time.ts';
import { MAX_DEPTH, member, scanInSlices, type JsonError, type JsonScan } from './json.ts';
import { reduceEvent } from './reduced-event.ts';
import { countByte } from './scanner-module.ts';
import { excerpt, findErrors, type ValidationError } from './validation-error.ts';
import type { JobNames, TextVerdict, Verdict } from './verdict.ts';

const validators = {
  core: {
    run: Compile(eventSchemas.core.run),
    job: Compile(eventSchemas.core.job),
    dataset: Compile(eventSchemas.core.dataset),
  },
  routing: {
    run: Compile(eventSchemas.routing.run),
    job: Compile(eventSchemas.routing.job),
    dataset: Compile(eventSchemas.routing.dataset),
  },
};

/** Bytes of a large body that are read before others have their turn: at most about two milliseconds. */
export const SLICE_BYTES = 16 * 1024;

const ALL_AT_ONCE = Number.POSITIVE_INFINITY;

/** Resolves when the next slice may be read. */
type Pause = () => Promise<void>;

/** Checks one event. Never throws: the verdict has the event or its validation errors, whatever the bytes are. */
export function checkFully(bytes: Buffer, level: SchemaLevel): Verdict {
  if (bytes.length < SHORT_BYTES && isUtf8(bytes)) {
    const value = parsedShort(bytes);
    if (value !== NOT_JSON) return checkValue(value, level);
  }
  const errors = checkTextFully(bytes).errors;
  if (errors) return refused(errors);
  const event: unknown = JSON.parse(bytes.toString('utf8'));
  return checkValue(event, level);
}

/** A shorter text cannot be nested too deep, and has no number that is too long. */
const SHORT_BYTES = MAX_DEPTH;

const NOT_JSON = Symbol('not JSON');

/** The value of a short text, without a scan before: a batch may have 50,000 of them. */
function parsedShort(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return NOT_JSON;
  }
}

/** The same for an event of any size, in slices of about `sliceBytes`. The verdict is the same. */
export async function checkInSlices(
  bytes: Buffer,
  level: SchemaLevel,
  pause: Pause,
  sliceBytes = SLICE_BYTES,
): Promise<Verdict> {
  const encoding = errorOfEncoding(bytes);
  if (encoding) return refused([encoding]);
  const reduced = await ended(reduceEvent(bytes, sliceBytes), pause);
  // Both the description and the check may read everything once more.
  if (bytes.length > sliceBytes) await pause();
  if ('error' in reduced) return refused([describe(reduced.error, bytes)]);
  const verdict = checkValue(reduced.event, level);
  return verdict.errors
    ? { ...verdict, errors: verdict.errors.map((error) => withTrueIndex(error, reduced.indexes)) }
    : verdict;
}

/** Checks a body as JSON text only: UTF-8, no byte order mark, the grammar, and the limits of `json.ts`. */
export function checkTextFully(bytes: Buffer): TextVerdict {
  const encoding = errorOfEncoding(bytes);
  if (encoding) return { errors: [encoding] };
  const scan = scanInSlices(bytes, ALL_AT_ONCE, ALL_AT_ONCE).next();
  return scan.done === true ? textVerdict(scan.value, bytes) : {};
}

/** The same in slices. The verdict has the offsets of at most `maxElements` elements. */
export async function checkTextInSlices(
  bytes: Buffer,
  maxElements: number,
  pause: Pause,
): Promise<TextVerdict> {
  const encoding = errorOfEncoding(bytes);
  if (encoding) return { errors: [encoding] };
  return textVerdict(await ended(scanInSlices(bytes, SLICE_BYTES, maxElements), pause), bytes);
}

async function ended<Result>(reading: Generator<void, Result>, pause: Pause): Promise<Result> {
  for (;;) {
    const { done, value } = reading.next();
    if (done === true) return value;
    await pause();
  }
}

function textVerdict({ error, ...array }: JsonScan, bytes: Buffer): TextVerdict {
  return error ? { errors: [describe(error, bytes)] } : array;
}

/** The code of the error of a body that is compressed, but not said to be. */
export const ENCODING_MISSING = 'encoding_missing';

const IS_GZIP =
  'The body is compressed with gzip. Send it with the header Content-Encoding: gzip, compressed once.';

function errorOfEncoding(bytes: Buffer): ValidationError | undefined {
  if (bytes.length === 0) return textError('The body is empty');
  // RFC 1952 §2.3.1: gzip begins so, and no JSON text does.
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return textError(IS_GZIP, ENCODING_MISSING);
  if (!isUtf8(bytes)) return textError('The body is not UTF-8');
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    // RFC 8259 §8.1 forbids it. Some parsers refuse it, and the record must hold the bytes exactly as received.
    return textError('The body starts with a byte order mark, which JSON forbids');
  }
  return undefined;
}

/** The reduced event has only some datasets of a list. */
function withTrueIndex(
  error: ValidationError,
  indexes: ReadonlyMap<string, readonly number[]>,
): ValidationError {
  const [body, list, index, ...rest] = error.location;
  if (body === undefined || typeof list !== 'string' || typeof index !== 'number') return error;
  return { ...error, location: [body, list, indexes.get(list)?.[index] ?? index, ...rest] };
}

function refused(errors: readonly ValidationError[], job: JobNames = {}): Verdict {
  return { path: 'full_check', kind: undefined, errors, job };
}

/** The names of the job of a parsed event. */
export function jobNamesOf(event: unknown): JobNames {
  const job = member(event, 'job');
  return { namespace: textOf(member(job, 'namespace')), name: textOf(member(job, 'name')) };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The full check reads values, and not where they are. */
const NO_PLACES = {
  nameAt: 0,
  nameEnd: 0,
  nameHasEscape: false,
  runIdAt: 0,
  producerAt: 0,
  producerEnd: 0,
};

function checkValue(event: unknown, level: SchemaLevel): Verdict {
  const conflict = conflictOf(event);
  if (conflict) return refused([conflict], jobNamesOf(event));
  const found = kindOf(event);
  // An event that shows no kind gets the errors of a run event, because nearly all events are run events.
  const kind = found ?? 'run';
  if (!validators[level][kind].Check(event)) {
    const errors = findErrors(eventSchemas[level][kind], event);
    return { path: 'full_check', kind: found, errors, job: jobNamesOf(event) };
  }
  const own = ownPartsOf(kind, event);
  const time = parseEventTime(event.eventTime);
  // The schema demands the fields that both are made of.
  if (!own || !time) throw new Error('the event schema accepts an event without a key or a time');
  const key = Buffer.from(formatKey(keyPartsOf(kind, event, own)));
  return {
    path: 'full_check',
    event: {
      kind,
      key,
      namespace: own.namespace,
      time: time.milliseconds,
      deviations: findDeviations(event),
      type: eventTypes.find((type) => type === member(event, 'eventType')),
      ...NO_PLACES,
      texts: {
        name: own.name,
        runId: kind === 'run' ? textOf(member(member(event, 'run'), 'runId')) : undefined,
        producer: textOf(member(event, 'producer')),
      },
    },
  };
}

/**
 * The error of an event with a dataset and also a run or a job, which fits two kinds; undefined for all other events.
 * `OpenLineage.json` demands that an event fits one kind (`oneOf`), so it forbids a dataset beside a job alone. It allows
 * a dataset beside a run: with a job that is a run event, without a job a dataset event. But not all consumers decide by
 * these members. DataHub, for one, decides by `schemaURL`. Then the namespace of the job could pass the check of the
 * sender's namespaces, and a consumer would use that of the dataset. So both are refused, at every level.
 */
function conflictOf(event: unknown): ValidationError | undefined {
  const has = (name: string) => (member(event, name) ?? null) !== null;
  if (!has('dataset') || !(has('run') || has('job'))) return undefined;
  const other = has('run') ? 'run' : 'job';
  const message =
    `Input should be an event of one kind: with \`${other}\` it is a ${other} event, ` +
    'with `dataset` it is a dataset event';
  const context = { kinds: [other, 'dataset'] };
  return { location: ['body'], message, code: 'event_of_two_kinds', context, input: excerpt(event) };
}

/**
 * OpenLineage has no field that names the kind: a run event has a run, a job event only a job (`OpenLineage.json`). In
 * a dataset event, a run and a job that are null are the same as absent. In any other event, a run that is null is an
 * error: a run event that has lost its run must not pass as a job event.
 */
function kindOf(event: unknown): EventKind | undefined {
  if ((member(event, 'dataset') ?? null) !== null) return 'dataset';
  if (member(event, 'run') !== undefined) return 'run';
  if (member(event, 'job') !== undefined) return 'job';
  return member(event, 'dataset') === undefined ? undefined : 'dataset';
}

function textError(message: string, code = 'json_invalid'): ValidationError {
  return { location: ['body'], message, code, context: {}, input: null };
}

function describe({ offset, reason, code }: JsonError, bytes: Buffer): ValidationError {
  const lineStart = offset === 0 ? 0 : bytes.lastIndexOf(0x0a, offset - 1) + 1;
  const line = 1 + countByte(bytes.subarray(0, lineStart), 0x0a);
  let column = 1;
  for (let at = lineStart; at < offset; at++) {
    const byte = bytes[at] ?? 0;
    // Columns are counted as JavaScript and Java count characters: some take two.
    if (!isContinuation(byte)) column += byte >= 0xf0 ? 2 : 1;
  }
  const message = `Invalid JSON: ${reason} (line ${line}, column ${column})`;
  return {
    location: ['body'],
    message,
    code,
    context: { offset, line, column },
    input: around(bytes, offset),
  };
}

/** The text at `offset`: about twenty bytes, without the half of a character at their end. */
function around(bytes: Buffer, offset: number): string {
  let end = Math.min(offset + 20, bytes.length);
  while (end > offset && isContinuation(bytes[end] ?? 0)) end -= 1;
  return bytes.toString('utf8', offset, end);
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}
