/**
 * Remembers what was found of tokens, so that the second request with one costs no cryptography and no call to anybody.
 * A token is found again by its whole text, signature included.
 */
import { LRUCache } from 'lru-cache';
import type { Finding, Recognised, TokenCheck } from './sender.ts';

/**
 * How long a token that was refused stays so, in milliseconds: somebody who is set up wrongly sends the same one with each
 * event. Short, for it may be good in a moment: valid from now on, or signed with a key that is only just published.
 */
const REFUSED_MS = 5000;

/** Characters of refused tokens that are kept, so that a flood of them takes no memory. */
const REFUSED_CHARACTERS = 1024 * 1024;

export class TokenMemory {
  readonly #check: TokenCheck;
  readonly #recognised: LRUCache<string, Recognised>;
  readonly #refused = new LRUCache<string, Finding>({
    maxSize: REFUSED_CHARACTERS,
    // Of the empty one, too: the library wants a size above 0.
    sizeCalculation: (_, token) => token.length + 1,
    ttl: REFUSED_MS,
  });
  /** Many requests with one token may come at once. */
  readonly #underWay = new Map<string, Promise<Finding>>();

  /** Remembers `size` good tokens; the least recently used go. */
  constructor(check: TokenCheck, size: number) {
    this.#check = check;
    this.#recognised = new LRUCache({ max: size });
  }

  /** What is known of a token, at once; or what its check finds. */
  find(token: string): Finding | Promise<Finding> {
    const known = this.#recognised.get(token);
    if (known && Date.now() < known.holdsUntil) return known;
    return this.#refused.get(token) ?? this.#underWay.get(token) ?? this.#ask(token);
  }

  #ask(token: string): Promise<Finding> {
    const asked = this.#check(token)
      .then((finding) => this.#keep(token, finding))
      .finally(() => this.#underWay.delete(token));
    this.#underWay.set(token, asked);
    return asked;
  }

  #keep(token: string, finding: Finding): Finding {
    if (!finding.rejection) {
      this.#recognised.set(token, finding);
      return finding;
    }
    this.#recognised.delete(token);
    if (finding.rejection.reason !== 'unavailable') this.#refused.set(token, finding);
    return finding;
  }
}
