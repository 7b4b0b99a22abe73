/** The facts of a log line about a refusal. What a client has chosen is shortened and made printable. */
import type { Refusal } from '../errors.ts';
import type { LogFacts } from '../log.ts';
import { member } from '../openlineage/json.ts';
import { describeErrors, type ValidationError } from '../openlineage/validation-error.ts';
import { printable } from '../support/printable.ts';
import type { Arrival, Origin } from './arrival.ts';

/** Most characters of a path, a namespace or a name in a log line. */
const MAX_NAME = 200;

/** Most characters of a method: the longest of the IANA registry has 17 (`UPDATEREDIRECTREF`). */
const MAX_METHOD = 20;

/** Most characters of `User-Agent` in a log line. */
const MAX_USER_AGENT = 100;

/** Most characters of the reason for a refusal in a log line. */
const MAX_REASON = 1000;

/** An event with more bytes is not parsed for the log: 1 MiB takes about ten milliseconds. */
const MAX_PARSED_BYTES = 1024 ** 2;

/** The request of a line. */
export function requestFacts(arrival: Pick<Arrival, 'requestId' | 'known' | 'origin'>): LogFacts {
  return {
    request_id: arrival.requestId,
    ...originFacts(arrival.origin()),
    sender: short(arrival.known?.sender.name, MAX_NAME),
  };
}

export function originFacts({ method, path, client, userAgent }: Origin): LogFacts {
  return {
    method: short(method, MAX_METHOD),
    path: short(path, MAX_NAME),
    client: short(client, MAX_NAME),
    user_agent: short(userAgent, MAX_USER_AGENT),
  };
}

/** The reason for the log. It holds nothing of the event's content, except the namespace of its job. */
export function reasonOf({ message, details }: Refusal): string {
  return areErrors(details) ? reasonOfErrors(details) : printable(message.slice(0, MAX_REASON));
}

/** The same for the validation errors of an event. */
export function reasonOfErrors(errors: readonly ValidationError[]): string {
  return printable(describeErrors(errors).slice(0, MAX_REASON));
}

/** The job of a refused event. Empty if the bytes are not JSON, or name no job. */
export function jobFacts(bytes: Buffer | undefined): LogFacts {
  const job = bytes && bytes.length <= MAX_PARSED_BYTES ? member(parsed(bytes), 'job') : undefined;
  return { job_namespace: text(member(job, 'namespace')), job_name: text(member(job, 'name')) };
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? short(value, MAX_NAME) : undefined;
}

function short(value: string | undefined, most: number): string | undefined {
  return value === undefined ? undefined : printable(value.slice(0, most));
}

function areErrors(details: unknown): details is readonly ValidationError[] {
  return (
    Array.isArray(details) && details.every((detail) => typeof detail === 'object' && 'location' in detail)
  );
}
