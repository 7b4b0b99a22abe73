/** What a sender of an open loop is told, what it tells, and the times of its requests. */
import { Type, type Static } from 'typebox';

export const Plan = Type.Object({
  url: Type.String(),
  headers: Type.Record(Type.String(), Type.String()),
  /** Requests a second. 0 is a closed loop: every connection posts again at once. */
  rate: Type.Number(),
  /** Seconds at the begin that do not count: connections are opened, and the sender is compiled. */
  warmUp: Type.Number(),
  /** Seconds that count. */
  seconds: Type.Number(),
  /** Connections that are opened before the first request. */
  connections: Type.Number(),
});
export type Plan = Static<typeof Plan>;

export const Outcome = Type.Object({
  /** Answers 2xx, other answers, and requests without an answer. */
  taken: Type.Number(),
  refused: Type.Number(),
  broken: Type.Number(),
  perSecond: Type.Number(),
  /** Connections at the end. */
  connections: Type.Number(),
  p50Ms: Type.Number(),
  p99Ms: Type.Number(),
  p999Ms: Type.Number(),
  /** 99th percentile of how much later than intended a request was sent. It is a part of the latency. */
  lateMs: Type.Number(),
});
export type Outcome = Static<typeof Outcome>;

/** Random gaps with a mean of 1, exponentially distributed: the times between independent events. Always the same ones. */
export class Gaps {
  #state = 0x9e3779b9;

  next(): number {
    // xorshift (Marsaglia 2003), never 0.
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return -Math.log((this.#state >>> 0) / 2 ** 32);
  }
}

/** Percentiles of times in ms. NaN, which JSON cannot have, is 0. */
export function percentilesOf(times: readonly number[]): { p50Ms: number; p99Ms: number; p999Ms: number } {
  const sorted = Float64Array.from(times).sort();
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
  return { p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999) };
}
