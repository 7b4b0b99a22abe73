/**
 * The explaining lane: takes whatever is right, by `JSON.parse` and the schema, and lists everything that is wrong with
 * the rest. It is the measure of the fast lane, which is for the speed alone.
 */
import { isUtf8 } from 'node:buffer';
import { Compile } from 'typebox/compile';
import { findDeviations } from './deviations.ts';
import { formatKey, keyPartsOf, ownPartsOf } from './event-key.ts';
import { eventSchemas, type CheckLevel, type EventKind } from './event-schema.ts';
import { parseEventTime } from './event-time.ts';
import { findErrors, member, type ValidationError } from './validation-error.ts';
import { scanJson, type JsonError } from './json-scan.ts';
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

/** Judges one event. Never throws: whatever the bytes are, it is an event or a list of errors. */
export function explainEvent(bytes: Buffer, level: CheckLevel): Verdict {
  const errors = explainText(bytes).errors;
  if (errors) return { path: 'full_check', kind: undefined, errors };
  const event: unknown = JSON.parse(bytes.toString('utf8'));
  return checkValue(event, level);
}

/** Looks at a body as JSON text only: UTF-8, no byte order mark, the grammar, and the limits of `json-scan.ts`. */
export function explainText(bytes: Buffer): TextVerdict {
  if (bytes.length === 0) return textError('The body is empty');
  if (!isUtf8(bytes)) return textError('The body is not UTF-8');
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    // RFC 8259 §8.1 forbids one; some parsers refuse it, and the record must hold the very bytes received.
    return textError('The body starts with a byte order mark, which JSON forbids');
  }
  const { elements, fault } = scanJson(bytes);
  if (fault) return { errors: [describe(fault, bytes)] };
  return elements ? { elements } : {};
}

function checkValue(event: unknown, level: CheckLevel): Verdict {
  const found = kindOf(event);
  // What has no sign of any kind is told what a run event needs, that being what nearly all events are.
  const kind = found ?? 'run';
  if (!validators[level][kind].Check(event)) {
    return { path: 'full_check', kind: found, errors: findErrors(eventSchemas[level][kind], event) };
  }
  const own = ownPartsOf(kind, event);
  const time = parseEventTime(event.eventTime);
  // The schema demands what both are made of.
  if (!own || !time) throw new Error('the event schema lets pass an event without key or time');
  const key = Buffer.from(formatKey(keyPartsOf(kind, event, own)));
  const { namespace } = own;
  return {
    path: 'full_check',
    event: { kind, key, namespace, time: time.milliseconds, deviations: findDeviations(event) },
  };
}

/** OpenLineage has no field that names the kind: a run event has a run, a job event only a job (`OpenLineage.json`). */
function kindOf(event: unknown): EventKind | undefined {
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
