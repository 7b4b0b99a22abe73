/** The facts of a log line about a refusal. What a client has chosen is shortened and made printable. */
import type { Refusal } from '../errors.ts';
import type { LogFacts } from '../log.ts';
import { describeErrors, type ValidationError } from '../openlineage/validation-error.ts';
import type { JobNames } from '../openlineage/verdict.ts';
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

/** The request of a line. */
export function requestFacts(arrival: Pick<Arrival, 'requestId' | 'known' | 'origin'>): LogFacts {
  return {
    request_id: arrival.requestId,
    ...originFacts(arrival.origin()),
    sender: shortName(arrival.known?.sender.name),
  };
}

export function originFacts({ method, path, client, userAgent }: Origin): LogFacts {
  return {
    method: short(method, MAX_METHOD),
    path: shortName(path),
    client: shortName(client),
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

/** The job of a refused event, as far as it is known. */
export function jobFacts({ namespace, name }: JobNames = {}): LogFacts {
  return { job_namespace: shortName(namespace), job_name: shortName(name) };
}

/**
 * What shares one limit of log lines: the address of a client, or its network of 64 bits in IPv6, where one client has
 * that many addresses (RFC 4291 §2.5.4). Undefined if the address is not known.
 */
export function networkOf({ address, client }: Origin): string | undefined {
  const known = address ?? client;
  if (known?.includes(':') !== true) return known;
  const [groups = ''] = known.split('::');
  return `${groups.split(':').slice(0, 4).join(':')}::`;
}

export function shortName(value: string | undefined): string | undefined {
  return short(value, MAX_NAME);
}

function short(value: string | undefined, most: number): string | undefined {
  return value === undefined ? undefined : printable(value.slice(0, most));
}

export function areErrors(details: unknown): details is readonly ValidationError[] {
  return (
    Array.isArray(details) && details.every((detail) => typeof detail === 'object' && 'location' in detail)
  );
}
