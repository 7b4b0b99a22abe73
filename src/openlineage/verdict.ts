/** The results of the check. */
import type { Deviation } from './deviations.ts';
import type { EventKind, EventType } from './event-schema.ts';
import type { ValidationError } from './validation-error.ts';

/** What the proxy needs to know of a valid event. */
export interface CheckedEvent {
  readonly kind: EventKind;
  /** The record's key. */
  readonly key: Buffer;
  /**
   * The namespace of the event's own job or dataset. A sender may be limited to some namespaces. The key may have
   * another one: that of a parent job.
   */
  readonly namespace: string;
  /** `eventTime` in milliseconds since the epoch. */
  readonly time: number;
  readonly deviations: readonly Deviation[];
  readonly type: EventType | undefined;
  /**
   * Where the event's bytes have what only people read: the name of its own job or dataset, the id of its run, and its
   * producer. All are 0 if `texts` has them. Only numbers, because most of them are never read.
   */
  readonly nameAt: number;
  readonly nameEnd: number;
  /** The name may have escapes of JSON. */
  readonly nameHasEscape: boolean;
  /** 0 without a run. The id has 36 bytes, or 32 without dashes. */
  readonly runIdAt: number;
  readonly producerAt: number;
  readonly producerEnd: number;
  /** The same as texts, if the full check has them. */
  readonly texts: EventTexts | undefined;
}

/** What only people read of an event. */
export interface EventTexts {
  readonly name: string;
  readonly runId: string | undefined;
  readonly producer: string | undefined;
}

/** The namespace and the name of an event's job, as far as it has them. The sender chose them: they may be long. */
export interface JobNames {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

/** Which check decided: check.ts on the fast path, or full-check.ts. It is the label of a metric. */
export type CheckPath = 'fast_path' | 'full_check';

export type Verdict =
  | { readonly path: CheckPath; readonly event: CheckedEvent; readonly errors?: undefined }
  | {
      readonly path: 'full_check';
      readonly event?: undefined;
      readonly kind: EventKind | undefined;
      readonly errors: readonly ValidationError[];
      readonly job: JobNames;
    };

/** The result of a check of a body as JSON text. */
export interface TextVerdict {
  readonly errors?: readonly ValidationError[];
  /** Byte offsets of the elements, start and end in pairs, when the text is an array. */
  readonly elements?: readonly number[] | Uint32Array;
  /** How many elements the array has. `elements` may have fewer. */
  readonly count?: number;
  /** The event that an element is, if that is certain already. */
  readonly eventAt?: (index: number) => CheckedEvent | undefined;
}
