/**
 * Remembers the results for tokens: the second request with a token needs no cryptography and no call to another service. The key is the
 * whole text of the token, signature included.
 */
import { LRUCache } from 'lru-cache';
import { systemTime, type Time } from '../support/time.ts';
import type { Finding, Recognised, TokenCheck } from './sender.ts';
import { Validity } from './validity.ts';

/**
 * Milliseconds for which a rejection is remembered: a misconfigured client sends the same token with each event. Short, because the token
 * may become valid soon: by its `nbf`, or by a key that is published a moment later.
 */
const REFUSED_MS = 5000;

/** Characters of all remembered rejected tokens, so that a flood of them takes no more memory. */
const REFUSED_CHARACTERS = 1024 * 1024;

interface Remembered {
  readonly finding: Recognised;
  readonly validity: Validity;
}

export class TokenMemory {
  readonly #check: TokenCheck;
  readonly #time: Time;
  readonly #recognised: LRUCache<string, Remembered>;
  readonly #refused: LRUCache<string, Finding>;
  /** Checks in flight: many requests with one token may arrive at once. */
  readonly #inFlight = new Map<string, Promise<Finding>>();

  /** Remembers `size` recognised tokens, and forgets the least recently used. */
  constructor(check: TokenCheck, size: number, time = systemTime) {
    this.#check = check;
    this.#time = time;
    this.#recognised = new LRUCache({ max: size });
    this.#refused = new LRUCache({
      maxSize: REFUSED_CHARACTERS,
      // The library requires a size above 0, also for an empty token.
      sizeCalculation: (_, token) => token.length + 1,
      ttl: REFUSED_MS,
      perf: time.monotonic,
    });
  }

  /** The remembered result, at once; otherwise the result of the check. */
  find(token: string): Finding | Promise<Finding> {
    const known = this.#recognised.get(token);
    if (known && !known.validity.isOver) return known.finding;
    return this.#refused.get(token) ?? this.#inFlight.get(token) ?? this.#run(token);
  }

  #run(token: string): Promise<Finding> {
    const asked = this.#check(token)
      .then((finding) => this.#keep(token, finding))
      .finally(() => this.#inFlight.delete(token));
    this.#inFlight.set(token, asked);
    return asked;
  }

  #keep(token: string, finding: Finding): Finding {
    if (!finding.rejection) {
      this.#recognised.set(token, { finding, validity: new Validity(finding, this.#time) });
      return finding;
    }
    this.#recognised.delete(token);
    if (finding.rejection.reason !== 'unavailable') this.#refused.set(token, finding);
    return finding;
  }
}
