/** What the page knows: it hears of each outcome from the observer, and keeps a bounded part of it. */
import type { Rejection } from '../auth/sender.ts';
import type { Kept } from '../delivery/port.ts';
import type { Refusal } from '../errors.ts';
import type { CheckedEvent, JobNames } from '../openlineage/verdict.ts';
import type { Arrival } from '../pipeline/arrival.ts';
import type {
  KnownKind,
  OutcomeWatch,
  RefusedRequest,
  WatchedEvent,
  WatchedSource,
} from '../pipeline/outcome-watch.ts';
import { areErrors, shortName } from '../pipeline/refusal-facts.ts';
import type { Time } from '../support/time.ts';
import { OutcomeRing } from './outcome-ring.ts';
import type { OutcomeRow } from './outcome-row.ts';
import { QualityTable } from './quality-table.ts';
import { RefusalGroups } from './refusal-groups.ts';
import { RunTable } from './run-table.ts';
import { kept } from './texts.ts';

const NO_JOB: JobNames = {};

export class Watch implements OutcomeWatch {
  readonly #time: Time;
  /** Two rings: a flood of refusals leaves the events that are taken in theirs. */
  readonly #taken = new OutcomeRing();
  readonly #refused = new OutcomeRing();
  readonly refusals: RefusalGroups;
  readonly runs = new RunTable();
  readonly quality = new QualityTable();
  /** Filled for each outcome, and read at once. */
  readonly #noted = { sequence: 0, at: 0, tookMs: 0, outcome: '', topic: '', partition: -1, offset: -1 };

  constructor(time: Time) {
    this.#time = time;
    this.refusals = new RefusalGroups(time.monotonic);
  }

  /** The number of the last outcome. */
  get sequence(): number {
    return this.#noted.sequence;
  }

  /** The time of the wall clock, in milliseconds since the epoch. */
  get now(): number {
    return this.#time.wall.now();
  }

  /** The outcomes after the one with this number, the oldest first. */
  rowsAfter(sequence: number): readonly OutcomeRow[] {
    if (sequence >= this.sequence) return [];
    const rows = [...this.#taken.rowsAfter(sequence), ...this.#refused.rowsAfter(sequence)];
    return rows.sort((a, b) => a.sequence - b.sequence);
  }

  kept(arrival: Arrival, event: CheckedEvent, bytes: Buffer, outcome: Kept, topic: string): WatchedSource {
    const isWritten = outcome.kind === 'acknowledged';
    const noted = this.#note(arrival, isWritten ? 'kafka' : 'spool', topic);
    if (isWritten) {
      noted.partition = outcome.partition;
      noted.offset = outcome.offset;
    }
    this.#taken.noteEvent(noted, arrival, event, bytes);
    const sender = arrival.known?.sender;
    this.runs.note(event, bytes, sender, noted.at);
    return this.quality.note(sender, event, bytes);
  }

  dropped(arrival: Arrival, event: CheckedEvent, bytes: Buffer): void {
    this.#taken.noteEvent(this.#note(arrival, 'dropped', ''), arrival, event, bytes);
  }

  deadLettered(arrival: Arrival, kind: KnownKind, bytes: number, job: JobNames, reason: () => string): void {
    const noted = this.#note(arrival, 'dead-letter', '');
    const { namespace = '', name = '' } = job;
    this.#taken.noteOther(noted, arrival, kind, bytes, namespace, name, kept(reason()));
  }

  refused(
    arrival: Arrival,
    kind: KnownKind,
    refusal: Refusal,
    job: () => JobNames,
    valid: WatchedEvent | undefined,
  ): void {
    const noted = this.#note(arrival, refusal.code, '');
    this.refusals.note(arrival, refusal, '', job, noted.at);
    const reason = reasonOf(refusal);
    if (valid) this.#refused.noteEvent(noted, arrival, valid.event, valid.bytes, reason);
    else {
      const { namespace = '', name = '' } = job();
      this.#refused.noteOther(noted, arrival, kind, 0, namespace, name, reason);
    }
  }

  notRecognised(arrival: Arrival, { reason, refusal, detail }: Rejection): void {
    const noted = this.#note(arrival, refusal.code, '');
    const told = detail === undefined ? refusal : withDetail(refusal, detail);
    this.refusals.note(arrival, told, refusal.cause ?? reason, () => NO_JOB, noted.at);
    this.#refused.noteOther(noted, arrival, 'unknown', 0, '', '', reasonOf(told));
  }

  requestRefused(request: RefusedRequest, refusal: Refusal): void {
    const { method, path } = request.origin();
    // A browser that asks for an icon, or a probe of a load balancer, brings no event.
    if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return;
    const noted = this.#note(request, refusal.code, '');
    this.refusals.note(request, refusal, refusal.cause ?? '', () => NO_JOB, noted.at);
    // A connection without a request brings no event. A health check without TLS makes one every few seconds.
    if (method === undefined) return;
    const reason = kept(`${method} ${shortName(path) ?? ''}: ${refusal.message}`);
    this.#refused.noteOther(noted, request, 'unknown', 0, '', '', reason);
  }

  #note({ startedAt }: Pick<Arrival, 'startedAt'>, outcome: string, topic: string) {
    const noted = this.#noted;
    noted.sequence += 1;
    noted.at = this.#time.wall.now();
    noted.tookMs = startedAt === undefined ? -1 : this.#time.monotonic.now() - startedAt;
    noted.outcome = outcome;
    noted.topic = topic;
    noted.partition = -1;
    noted.offset = -1;
    return noted;
  }
}

/** What only the log and the page say of a credential, such as whose token has expired. */
function withDetail(refusal: Refusal, detail: string): Refusal {
  const details = typeof refusal.details === 'string' ? `${refusal.details}: ${detail}` : detail;
  return { ...refusal, details };
}

/** Validation errors that a reason names: most wrong events have no more. */
const SHOWN_ERRORS = 3;

/** A short reason: the message, or the first validation errors. It has no value of the event. */
function reasonOf({ message, details }: Refusal): string {
  if (typeof details === 'string') return kept(`${message}: ${details}`);
  const errors = areErrors(details) ? details : [];
  if (errors.length === 0) return kept(message);
  const shown = errors
    .slice(0, SHOWN_ERRORS)
    .map((error) => `${shortName(error.location.join('.')) ?? ''}: ${error.message}`);
  const more = errors.length > shown.length ? ` (and ${errors.length - shown.length} more)` : '';
  return kept(shown.join('; ')) + more;
}
