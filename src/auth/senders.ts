/** The senders of the file: their API keys, and the limits of each sender, however it was recognised. */
import { hash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { TokenBucket } from '../support/token-bucket.ts';
import { matcherOf } from './pattern.ts';
import { invalidToken, type Finding, type Sender } from './sender.ts';
import type { SenderEntry } from './senders-file.ts';

/** The limits of a sender. */
export interface Limits {
  /** True when the sender may write to some namespaces only. */
  readonly limited: boolean;
  readonly mayWriteTo: (namespace: string) => boolean;
  /** Undefined without a quota. */
  readonly quota: TokenBucket | undefined;
}

const NO_LIMITS: Limits = { limited: false, mayWriteTo: () => true, quota: undefined };

/** Senders with a remembered quota. A forgotten sender begins with a full one. */
const MAX_REMEMBERED = 10_000;

const FOREVER = Number.MAX_SAFE_INTEGER;

const UNKNOWN_KEY = invalidToken('unknown-key', 'Unknown API key');

/**
 * What clients send in place of a key that they were not given: OpenLineage's Java client `null`, if its setting has a wrong
 * name. Copied settings have the word of docs/clients.md.
 */
const PLACEHOLDERS: ReadonlyMap<string, Finding> = new Map(
  ['null', 'None', 'undefined', 'YOUR-KEY'].map((word) => [word, unsetKey(word)]),
);

function unsetKey(word: string): Finding {
  const { rejection } = UNKNOWN_KEY;
  const detail = `the client has sent the word "${word}": its setting for the key is missing or misspelt`;
  return { rejection: { ...rejection, refusal: { ...rejection.refusal, cause: 'unset-key' }, detail } };
}

/** The quotas of senders, each by its way and its name. They outlive a version of the senders file. */
export class Quotas {
  readonly #buckets = new LRUCache<string, TokenBucket>({ max: MAX_REMEMBERED });

  /** The quota of a sender, with this rate from now on. */
  of(key: string, eventsPerSecond: number): TokenBucket {
    const known = this.#buckets.get(key);
    const bucket = known ?? new TokenBucket(eventsPerSecond);
    if (known) known.changeRate(eventsPerSecond);
    else this.#buckets.set(key, bucket);
    return bucket;
  }
}

export class Senders {
  /**
   * By a keyed hash of their own hash, with a secret key of this process. The time of a lookup then tells a client nothing about
   * the keys in the map.
   */
  readonly #apiKeys: ReadonlyMap<string, Finding>;
  readonly #secret = randomBytes(32).toString('hex');
  /**
   * Keys that were found, by their text: no more than the file has. V8 compares two texts only where their hashes, made with a
   * secret seed, are equal. So this lookup does not tell a client how close a guess is, either.
   */
  readonly #found = new Map<string, Finding>();
  readonly #rules: readonly Rule[];
  readonly #limits = new LRUCache<string, Limits>({ max: MAX_REMEMBERED });

  readonly #quotas: Quotas;

  /** `quotas` are those of the version of the file before. */
  constructor(entries: readonly SenderEntry[], quotas = new Quotas()) {
    this.#quotas = quotas;
    this.#rules = entries.map(ruleOf);
    this.#apiKeys = new Map(
      entries.flatMap(({ name, api_keys = [] }) => {
        const finding: Finding = { sender: { way: 'api-key', name }, holdsUntil: FOREVER };
        return api_keys.map((text) => [this.#blind(text.slice('sha256:'.length).toLowerCase()), finding]);
      }),
    );
  }

  /** False when no sender has an API key. */
  get haveApiKeys(): boolean {
    return this.#apiKeys.size > 0;
  }

  /** The sender of an API key. Needs no cryptography from the second time on. */
  findApiKey(key: string): Finding {
    const known = this.#found.get(key);
    if (known) return known;
    const finding = this.#apiKeys.get(this.#blind(hash('sha256', key, 'hex')));
    if (!finding) return PLACEHOLDERS.get(key) ?? UNKNOWN_KEY;
    this.#found.set(key, finding);
    return finding;
  }

  /** The limits of a sender, by the first matching entry. */
  limitsOf({ way, name }: Sender): Limits {
    if (this.#rules.length === 0) return NO_LIMITS;
    const key = `${way} ${name}`;
    let limits = this.#limits.get(key);
    if (!limits) {
      limits = this.#rules.find((rule) => rule.applies(way, name))?.limits(key, this.#quotas) ?? NO_LIMITS;
      this.#limits.set(key, limits);
    }
    return limits;
  }

  /** `digest` in lower case. The result never leaves this object, so a plain hash is enough, at a tenth of the cost of an HMAC. */
  #blind(digest: string): string {
    return hash('sha256', this.#secret + digest, 'base64');
  }
}

interface Rule {
  readonly applies: (way: Sender['way'], name: string) => boolean;
  /** The limits for one sender, by its key: a rule may apply to many, each with a quota of its own. */
  readonly limits: (key: string, quotas: Quotas) => Limits;
}

function ruleOf({ name, way, api_keys, namespaces, events_per_second: rate }: SenderEntry): Rule {
  const names = api_keys ? undefined : matcherOf(name);
  const ownWay = api_keys ? 'api-key' : way;
  const allowed = namespaces?.map(matcherOf);
  return {
    applies: (ofWay, ofName) =>
      (ownWay === undefined || ownWay === ofWay) && (names ? names(ofName) : name === ofName),
    limits: (key, quotas) => ({
      limited: allowed !== undefined,
      mayWriteTo: (namespace) => allowed?.some((matches) => matches(namespace)) ?? true,
      quota: rate === undefined ? undefined : quotas.of(key, rate),
    }),
  };
}
