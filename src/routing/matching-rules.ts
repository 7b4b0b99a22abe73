/** Which rules match a value: a namespace, a name, a producer. It is remembered, because most values come again and again. */
import { LRUCache } from 'lru-cache';
import { matcherOf, type Matcher } from '../auth/pattern.ts';

/** For each rule 1 if it matches, or has no such condition. */
export type Matching = Uint8Array;

/** Values that are remembered, at most: each needs a byte for each rule. */
const MAX_REMEMBERED = 2000;

/** A longer value is not remembered. */
const MAX_KEY = 1000;

/**
 * Characters of a value that patterns read. A longer one matches `*` only: 200 patterns would need too long for a value
 * of megabytes. Real names have less than a thousand.
 */
export const MAX_MATCHED = 10_000;

export class MatchingRules {
  /** True if a rule has such a condition. */
  readonly isAsked: boolean;
  /** The rules without the condition. */
  readonly #unconditional: Matching;
  readonly #rules: readonly Conditional[];
  readonly #remembered: LRUCache<string, Matching>;

  /** `patterns` has the patterns of each rule: one of them must match. Undefined for a rule without the condition. */
  constructor(patterns: readonly (readonly string[] | undefined)[]) {
    this.#unconditional = Uint8Array.from(patterns, (some) => (some ? 0 : 1));
    this.#rules = patterns.flatMap((some, index) =>
      some ? [{ index, matchers: some.map(matcherOf), takesAll: some.some((one) => /^\*+$/.test(one)) }] : [],
    );
    this.isAsked = this.#rules.length > 0;
    // It takes its memory at once.
    this.#remembered = new LRUCache({ max: this.isAsked ? MAX_REMEMBERED : 1 });
  }

  /** True if the rule has the condition. */
  asks(index: number): boolean {
    return this.#unconditional[index] === 0;
  }

  /** Of an event without the value, only rules without the condition match. */
  of(value: string | undefined): Matching {
    if (value === undefined || !this.isAsked) return this.#unconditional;
    if (value.length > MAX_KEY) return this.#find(value);
    let matching = this.#remembered.get(value);
    if (!matching) this.#remembered.set(value, (matching = this.#find(value)));
    return matching;
  }

  /** A rule matches if it matches one of the values. */
  ofAny(values: readonly string[]): Matching {
    const [first, ...others] = values;
    if (others.length === 0) return this.of(first);
    const all = this.of(first).slice();
    for (const value of others)
      for (const [index, matches] of this.of(value).entries()) all[index] ||= matches;
    return all;
  }

  #find(value: string): Matching {
    const matching = this.#unconditional.slice();
    const isLong = value.length > MAX_MATCHED;
    for (const { index, matchers, takesAll } of this.#rules) {
      if (takesAll || (!isLong && matchers.some((matches) => matches(value)))) matching[index] = 1;
    }
    return matching;
  }
}

interface Conditional {
  readonly index: number;
  readonly matchers: readonly Matcher[];
  readonly takesAll: boolean;
}
