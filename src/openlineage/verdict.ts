/** What the check says of a body. */
import type { Deviation } from './deviations.ts';
import type { EventKind } from './event-schema.ts';
import type { ValidationError } from './validation-error.ts';

/** What the rest of the house needs to know of an event. */
export interface CheckedEvent {
  readonly kind: EventKind;
  /** The record's key. */
  readonly key: Buffer;
  /** The namespace of its own job, or dataset: senders may be limited to some. Not always that of the key. */
  readonly namespace: string;
  /** `eventTime` in milliseconds since the epoch. */
  readonly time: number;
  readonly deviations: readonly Deviation[];
}

/** Who judged: fast-lane.ts or explaining-lane.ts. */
export type CheckPath = 'fast_path' | 'full_check';

export type Verdict =
  | { readonly path: CheckPath; readonly event: CheckedEvent; readonly errors?: undefined }
  | {
      readonly path: 'full_check';
      readonly event?: undefined;
      readonly kind: EventKind | undefined;
      readonly errors: readonly ValidationError[];
    };

/** What a body is as JSON text. */
export interface TextVerdict {
  readonly errors?: readonly ValidationError[];
  /** Byte offsets of the elements, start and end in pairs, when it is an array. */
  readonly elements?: readonly number[] | Uint32Array;
}
