/** What brokers refuse: times out of range, and codecs that they do not know. */
import type { SimulatedTime } from '../support/simulated-time.ts';
import { INVALID_TIMESTAMP, type Judge, type Refusal } from './simulated-brokers.ts';

export interface TimeLimits {
  readonly beforeMs?: number;
  readonly afterMs?: number;
  /** Milliseconds that the broker's clock is ahead of the proxy's. */
  readonly clockAheadMs?: number;
  /** What it says of the refused records: the range and the places, the places, or nothing. Kafka says the range. */
  readonly says?: 'range' | 'places' | 'nothing';
  /** Does it take records without a time? Kafka does. */
  readonly takesNone?: boolean;
}

const NO_LIMIT = 2n ** 63n - 1n;

/** Refuses times as Kafka's LogValidator does, or with less words. `limits` may change later. */
export function timeLimits(time: SimulatedTime, limits: TimeLimits): Judge {
  return ({ records }) => {
    const { beforeMs, afterMs, clockAheadMs = 0, says = 'range', takesNone = true } = limits;
    const now = time.wall.now() + clockAheadMs;
    const culprits = records.flatMap(({ timestamp }, index) => {
      if (timestamp === -1) return takesNone ? [] : [index];
      const isIn = now - timestamp <= (beforeMs ?? Infinity) && timestamp - now <= (afterMs ?? Infinity);
      return isIn ? [] : [index];
    });
    if (culprits.length === 0) return undefined;
    if (says === 'nothing') return { errorCode: INVALID_TIMESTAMP };
    if (says === 'places') return { errorCode: INVALID_TIMESTAMP, culprits };
    // As Java adds: "no limit" overflows.
    const from = BigInt.asIntN(64, BigInt(now) - (beforeMs === undefined ? NO_LIMIT : BigInt(beforeMs)));
    const to = BigInt.asIntN(64, BigInt(now) + (afterMs === undefined ? NO_LIMIT : BigInt(afterMs)));
    const refused = records[culprits[0] ?? 0]?.timestamp ?? 0;
    const message = `Timestamp ${refused} of message with offset 0 is out of range. The timestamp should be within [${from}, ${to}]`;
    return { errorCode: INVALID_TIMESTAMP, culprits, message };
  };
}

/** Refuses batches with these codecs: the lowest three bits of their attributes. */
export function withoutCodecs(attributes: readonly number[], answer: Refusal | 'close'): Judge {
  return ({ compression }) => (attributes.includes(compression) ? answer : undefined);
}
