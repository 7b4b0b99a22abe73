/**
 * Hears of each outcome beside the metrics and the log, for people who watch. It gets what exists anyway, and makes no
 * text of it on the way of an event.
 */
import type { Rejection } from '../auth/sender.ts';
import type { Kept } from '../delivery/port.ts';
import type { Refusal } from '../errors.ts';
import type { EventKind } from '../openlineage/event-schema.ts';
import type { CheckedEvent, JobNames } from '../openlineage/verdict.ts';
import type { Arrival } from './arrival.ts';
import type { Foreseen } from './foresight.ts';

/** The kind of an event, or `unknown` if the event was not checked or names no kind. */
export type KnownKind = EventKind | 'unknown';

/** A request that is refused by its head. */
export type RefusedRequest = Pick<Arrival, 'requestId' | 'known' | 'origin' | 'startedAt'>;

/** Events of one sender and one producer. What is foreseen of an event later is counted there. */
export interface WatchedSource {
  foreseen(found: Foreseen): void;
}

/** A valid event. Its bytes are read before the call returns. */
export interface WatchedEvent {
  readonly event: CheckedEvent;
  readonly bytes: Buffer;
}

export interface OutcomeWatch {
  kept(
    arrival: Arrival,
    event: CheckedEvent,
    bytes: Buffer,
    kept: Kept,
    topic: string,
  ): WatchedSource | undefined;
  dropped(arrival: Arrival, event: CheckedEvent, bytes: Buffer): void;
  deadLettered(arrival: Arrival, kind: KnownKind, bytes: number, job: JobNames, reason: () => string): void;
  /** `valid` is the event, if it is refused although it is valid. */
  refused(
    arrival: Arrival,
    kind: KnownKind,
    refusal: Refusal,
    job: () => JobNames,
    valid: WatchedEvent | undefined,
  ): void;
  notRecognised(arrival: Arrival, rejection: Rejection): void;
  requestRefused(request: RefusedRequest, refusal: Refusal): void;
}

/** A watch whose defects reach no other part: an event that is kept must not be refused for what only people read of it. */
export class GuardedWatch implements OutcomeWatch {
  readonly #watch: OutcomeWatch;
  readonly #failed: (requestId: string, error: unknown) => void;

  /** `failed` hears of each defect. */
  constructor(watch: OutcomeWatch, failed: (requestId: string, error: unknown) => void) {
    this.#watch = watch;
    this.#failed = failed;
  }

  kept(
    arrival: Arrival,
    event: CheckedEvent,
    bytes: Buffer,
    kept: Kept,
    topic: string,
  ): WatchedSource | undefined {
    try {
      return this.#watch.kept(arrival, event, bytes, kept, topic);
    } catch (error) {
      this.#failed(arrival.requestId, error);
      return undefined;
    }
  }

  dropped(...args: Parameters<OutcomeWatch['dropped']>): void {
    this.#guard(args[0].requestId, () => this.#watch.dropped(...args));
  }

  deadLettered(...args: Parameters<OutcomeWatch['deadLettered']>): void {
    this.#guard(args[0].requestId, () => this.#watch.deadLettered(...args));
  }

  refused(...args: Parameters<OutcomeWatch['refused']>): void {
    this.#guard(args[0].requestId, () => this.#watch.refused(...args));
  }

  notRecognised(...args: Parameters<OutcomeWatch['notRecognised']>): void {
    this.#guard(args[0].requestId, () => this.#watch.notRecognised(...args));
  }

  requestRefused(...args: Parameters<OutcomeWatch['requestRefused']>): void {
    this.#guard(args[0].requestId, () => this.#watch.requestRefused(...args));
  }

  #guard(requestId: string, tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#failed(requestId, error);
    }
  }
}
