/**
 * The full check: `JSON.parse` and the schema. It accepts every valid event, and lists the validation errors of all
 * others. It defines what is valid: the fast path only saves time, and must never accept more.
 */
import { isUtf8 } from 'node:buffer';
import { Compile } from 'typebox/compile';
import { findDeviations } from './deviations.ts';
import { formatKey, keyPartsOf, ownPartsOf } from './event-key.ts';
import { eventSchemas, type CheckLevel, type EventKind } from './event-schema.ts';
import { parseEventTime } from './event-time.ts';
import { member, scanJson, type JsonError } from './json.ts';
import { excerpt, findErrors, type ValidationError } from './validation-error.ts';
import type { TextVerdict, Verdict } from './verdict.ts';

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

/** Checks one event. Never throws: the verdict has the event or its validation errors, whatever the bytes are. */
export function checkFully(bytes: Buffer, level: CheckLevel): Verdict {
  const errors = checkTextFully(bytes).errors;
  if (errors) return { path: 'full_check', kind: undefined, errors };
  const event: unknown = JSON.parse(bytes.toString('utf8'));
  return checkValue(event, level);
}

/** Checks a body as JSON text only: UTF-8, no byte order mark, the grammar, and the limits of `json.ts`. */
export function checkTextFully(bytes: Buffer): TextVerdict {
  if (bytes.length === 0) return textError('The body is empty');
  if (!isUtf8(bytes)) return textError('The body is not UTF-8');
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    // RFC 8259 §8.1 forbids it. Some parsers refuse it, and the record must hold the bytes exactly as received.
    return textError('The body starts with a byte order mark, which JSON forbids');
  }
  const { elements, error } = scanJson(bytes);
  if (error) return { errors: [describe(error, bytes)] };
  return elements ? { elements } : {};
}

function checkValue(event: unknown, level: CheckLevel): Verdict {
  const conflict = conflictOf(event);
  if (conflict) return { path: 'full_check', kind: undefined, errors: [conflict] };
  const found = kindOf(event);
  // An event that shows no kind gets the errors of a run event, because nearly all events are run events.
  const kind = found ?? 'run';
  if (!validators[level][kind].Check(event)) {
    return { path: 'full_check', kind: found, errors: findErrors(eventSchemas[level][kind], event) };
  }
  const own = ownPartsOf(kind, event);
  const time = parseEventTime(event.eventTime);
  // The schema demands the fields that both are made of.
  if (!own || !time) throw new Error('the event schema accepts an event without a key or a time');
  const key = Buffer.from(formatKey(keyPartsOf(kind, event, own)));
  const { namespace } = own;
  return {
    path: 'full_check',
    event: { kind, key, namespace, time: time.milliseconds, deviations: findDeviations(event) },
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

function textError(message: string): TextVerdict {
  return { errors: [{ location: ['body'], message, code: 'json_invalid', context: {}, input: null }] };
}

function describe({ offset, reason, code }: JsonError, bytes: Buffer): ValidationError {
  const before = bytes.toString('utf8', 0, offset);
  const line = before.split('\n').length;
  const column = before.length - before.lastIndexOf('\n');
  const message = `Invalid JSON: ${reason} (line ${line}, column ${column})`;
  const found = bytes.toString('utf8', offset, offset + 20);
  return { location: ['body'], message, code, context: { offset, line, column }, input: found };
}
