/**
 * What is refused, by sender, kind of client and cause. A client that is not a known sender counts by its address, in IPv6
 * by its network. Engines on one machine, or behind one gateway, share an address: the kind of client tells some of them
 * apart. The number of groups is bounded, those of known senders apart: a flood of strangers leaves them alone.
 */
import type { Way } from '../auth/sender.ts';
import type { Refusal } from '../errors.ts';
import type { JobNames } from '../openlineage/verdict.ts';
import { areErrors, networkOf, reasonOf, shortName } from '../pipeline/refusal-facts.ts';
import type { RefusedRequest } from '../pipeline/outcome-watch.ts';
import type { Clock } from '../support/time.ts';
import { kept } from './texts.ts';

/** Most groups of known senders, and most groups of other clients. */
export const MAX_GROUPS = 256;

/** Milliseconds after which a group takes the next refusal as its example. It keeps the first one as well. */
const EXAMPLE_MS = 1000;

/** Most validation errors of an example. */
const MAX_ERRORS = 5;

/**
 * Which of OpenLineage's clients a request is of, by its header User-Agent. No engine names itself there: Trino, Spark and
 * Flink send with the Java client, whose library calls itself Apache-HttpClient.
 */
export type ClientFamily = 'java' | 'python' | 'go';

const PATTERNS: readonly (readonly [family: ClientFamily, pattern: RegExp])[] = [
  ['java', /^(?:Apache-HttpClient|openlineage-java|Java)\b/i],
  ['python', /^(?:python-|openlineage-python|aiohttp)/i],
  ['go', /^(?:Go-http-client|openlineage-go)/i],
];

/** Undefined for any other program. */
export function familyOf(userAgent: string | undefined): ClientFamily | undefined {
  return userAgent === undefined ? undefined : PATTERNS.find(([, pattern]) => pattern.test(userAgent))?.[0];
}

/** One refusal as an example. Texts that a client has chosen are short and printable. */
export interface RefusalExample {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly requestId: string;
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly client: string | undefined;
  readonly userAgent: string | undefined;
  readonly namespace: string | undefined;
  readonly job: string | undefined;
  /** The message and, for a sender that is not recognised, the details. */
  readonly message: string;
  /** The first validation errors. They have no value of the event. */
  readonly errors: readonly { readonly location: string; readonly message: string }[];
}

export interface RefusalGroup {
  /** The code of the error, with the reason if it has several: `unauthorized`, `expired`. */
  readonly code: string;
  readonly reason: string;
  /** Undefined for a client that is not a known sender. */
  readonly sender: string | undefined;
  readonly way: Way | undefined;
  /** The address or the network of such a client. */
  readonly client: string | undefined;
  readonly family: ClientFamily | undefined;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly example: RefusalExample;
}

type Changing<T> = { -readonly [Key in keyof T]: T[Key] };

interface Group extends Changing<RefusalGroup> {
  /** On the monotonic clock. */
  exampleAt: number;
}

export class RefusalGroups {
  readonly #clock: Clock;
  readonly #known = new Groups();
  readonly #strangers = new Groups();

  /** `clock` is monotonic. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes a refusal of now. `at` is now, in milliseconds since the epoch. */
  note(request: RefusedRequest, refusal: Refusal, reason: string, job: () => JobNames, at: number): void {
    const sender = request.known?.sender;
    const groups = sender === undefined ? this.#strangers : this.#known;
    const origin = request.origin();
    const family = familyOf(origin.userAgent);
    const client = sender === undefined ? kept(networkOf(origin) ?? '') : undefined;
    const who = whoOf(sender === undefined ? (client ?? '') : `${sender.way} ${sender.name}`, family);
    const now = this.#clock.now();
    const group = groups.find(who, refusal.code, reason);
    if (!group) {
      groups.add(who, {
        code: refusal.code,
        reason,
        sender: sender?.name,
        way: sender?.way,
        client,
        family,
        count: 1,
        firstAt: at,
        lastAt: at,
        example: exampleOf(request, refusal, job, at),
        exampleAt: now,
      });
      return;
    }
    group.count += 1;
    group.lastAt = at;
    if (now - group.exampleAt < EXAMPLE_MS) return;
    group.example = exampleOf(request, refusal, job, at);
    group.exampleAt = now;
  }

  /** The groups, the last one first. */
  get groups(): readonly RefusalGroup[] {
    return [...this.#known.all, ...this.#strangers.all].sort((a, b) => b.lastAt - a.lastAt);
  }

  /** How many groups had to leave for others. */
  get forgotten(): number {
    return this.#known.forgotten + this.#strangers.forgotten;
  }
}

/** A line end is in no name. */
function whoOf(name: string, family: ClientFamily | undefined): string {
  return `${family ?? ''}\n${name}`;
}

/** A reason may be the name of another error's code. */
function keyOf(code: string, reason: string): string {
  return `${code} ${reason}`;
}

/** At most MAX_GROUPS. The one that was not used for the longest time leaves for another. */
class Groups {
  readonly #groups = new Map<string, Map<string, Group>>();
  #count = 0;
  forgotten = 0;

  get all(): readonly RefusalGroup[] {
    return [...this.#groups.values()].flatMap((groups) => [...groups.values()]);
  }

  find(who: string, code: string, reason: string): Group | undefined {
    const ofWho = this.#groups.get(who);
    return ofWho?.get(keyOf(code, reason));
  }

  add(who: string, group: Group): void {
    if (this.#count >= MAX_GROUPS) this.#forgetOldest();
    let ofWho = this.#groups.get(who);
    if (!ofWho) this.#groups.set(who, (ofWho = new Map<string, Group>()));
    this.#count += 1;
    ofWho.set(keyOf(group.code, group.reason), group);
  }

  #forgetOldest(): void {
    let oldest: readonly [who: string, key: string, group: Group] | undefined;
    for (const [who, groups] of this.#groups) {
      for (const [key, group] of groups) {
        if (!oldest || group.lastAt < oldest[2].lastAt) oldest = [who, key, group];
      }
    }
    if (!oldest) return;
    const [who, key] = oldest;
    const ofWho = this.#groups.get(who);
    ofWho?.delete(key);
    if (ofWho?.size === 0) this.#groups.delete(who);
    this.#count -= 1;
    this.forgotten += 1;
  }
}

function exampleOf(
  request: RefusedRequest,
  refusal: Refusal,
  job: () => JobNames,
  at: number,
): RefusalExample {
  const { requestId } = request;
  const { method, path, client, userAgent } = request.origin();
  const { namespace, name } = job();
  const { message, details } = refusal;
  const errors = areErrors(details) ? details.slice(0, MAX_ERRORS) : [];
  const more = typeof details === 'string' ? `: ${details}` : '';
  return {
    at,
    requestId,
    method: shortName(method),
    path: shortName(path),
    client: shortName(client),
    userAgent: shortName(userAgent),
    namespace: shortName(namespace),
    job: shortName(name),
    message: reasonOf({ ...refusal, message: `${message}${more}`, details: null }),
    errors: errors.map((error) => ({
      location: shortName(error.location.join('.')) ?? '',
      message: shortName(error.message) ?? '',
    })),
  };
}
