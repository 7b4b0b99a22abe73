/** What the check says of a body. */
import type { Breach } from './breaches.ts';
import type { EventKind } from './event-schema.ts';
import type { Fault } from './fault.ts';

/** What the rest of the house needs to know of an event. */
export interface CheckedEvent {
  readonly kind: EventKind;
  /** The record's key. */
  readonly key: Buffer;
  /** The namespace of its own job, or dataset: senders may be limited to some. Not always that of the key. */
  readonly namespace: string;
  /** `eventTime` in milliseconds since the epoch. */
  readonly time: number;
  readonly breaches: readonly Breach[];
}

/** Who judged: fast-lane.ts or explaining-lane.ts. */
export type Lane = 'fast' | 'explaining';

export type Verdict =
  | { readonly lane: Lane; readonly event: CheckedEvent; readonly faults?: undefined }
  | {
      readonly lane: 'explaining';
      readonly event?: undefined;
      readonly kind: EventKind | undefined;
      readonly faults: readonly Fault[];
    };

/** What a body is as JSON text. */
export interface TextVerdict {
  readonly faults?: readonly Fault[];
  /** Byte offsets of the elements, start and end in pairs, when it is an array. */
  readonly elements?: readonly number[] | Uint32Array;
}
