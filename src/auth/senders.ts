/** The senders of the file: their API keys, and what each may do, however it was recognised. */
import { hash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { matcherOf } from './pattern.ts';
import { TokenBucket } from '../support/token-bucket.ts';
import { invalidToken, type Finding, type Sender } from './sender.ts';
import type { SenderEntry } from './senders-file.ts';

/** What a sender may do. */
export interface Limits {
  /** Has it only some namespaces? */
  readonly limited: boolean;
  readonly mayWriteTo: (namespace: string) => boolean;
  /** How much it may send; undefined: as much as it likes. */
  readonly quota: TokenBucket | undefined;
}

const NO_LIMITS: Limits = { limited: false, mayWriteTo: () => true, quota: undefined };

/** Senders whose quota is remembered; one that is forgotten begins with a full one. */
const MAX_REMEMBERED = 10_000;

const FOR_EVER = Number.MAX_SAFE_INTEGER;

const UNKNOWN_KEY = invalidToken('unknown-key', 'Unknown API key');

export class Senders {
  /**
   * By a keyed hash of their own hash, with a key that nobody else has: how long a look takes then tells nothing of what
   * is in the map, whatever is looked for.
   */
  readonly #apiKeys: ReadonlyMap<string, Finding>;
  readonly #secret = randomBytes(32).toString('hex');
  /**
   * Keys that were found, by their own text: no more than the file has. V8 compares two texts only where their hashes, made
   * with a seed that nobody knows, are the same; so this, too, tells nobody how near he is.
   */
  readonly #found = new Map<string, Finding>();
  readonly #rules: readonly Rule[];
  readonly #limits = new LRUCache<string, Limits>({ max: MAX_REMEMBERED });

  constructor(entries: readonly SenderEntry[]) {
    this.#rules = entries.map(ruleOf);
    this.#apiKeys = new Map(
      entries.flatMap(({ name, api_keys = [] }) => {
        const finding: Finding = { sender: { way: 'api-key', name }, holdsUntil: FOR_EVER };
        return api_keys.map((text) => [this.#blind(text.slice('sha256:'.length).toLowerCase()), finding]);
      }),
    );
  }

  /** Are there API keys at all? */
  get haveApiKeys(): boolean {
    return this.#apiKeys.size > 0;
  }

  /** Whose an API key is. The second time this takes no cryptography. */
  findApiKey(key: string): Finding {
    const known = this.#found.get(key);
    if (known) return known;
    const finding = this.#apiKeys.get(this.#blind(hash('sha256', key, 'hex')));
    if (!finding) return UNKNOWN_KEY;
    this.#found.set(key, finding);
    return finding;
  }

  /** What a sender may do, by the first entry that is about it. */
  limitsOf({ way, name }: Sender): Limits {
    if (this.#rules.length === 0) return NO_LIMITS;
    const key = `${way} ${name}`;
    let limits = this.#limits.get(key);
    if (!limits) {
      limits = this.#rules.find((rule) => rule.isAbout(way, name))?.limits() ?? NO_LIMITS;
      this.#limits.set(key, limits);
    }
    return limits;
  }

  /** `digest` in lower case. Nobody sees what comes out: a plain hash does, at a tenth of the cost of an HMAC. */
  #blind(digest: string): string {
    return hash('sha256', this.#secret + digest, 'base64');
  }
}

interface Rule {
  readonly isAbout: (way: Sender['way'], name: string) => boolean;
  /** Of one sender: a rule may be about many, each with a quota of its own. */
  readonly limits: () => Limits;
}

function ruleOf({ name, way, api_keys, namespaces, events_per_second: rate }: SenderEntry): Rule {
  const names = api_keys ? undefined : matcherOf(name);
  const ownWay = api_keys ? 'api-key' : way;
  const allowed = namespaces?.map(matcherOf);
  return {
    isAbout: (ofWay, ofName) =>
      (ownWay === undefined || ownWay === ofWay) && (names ? names(ofName) : name === ofName),
    limits: () => ({
      limited: allowed !== undefined,
      mayWriteTo: (namespace) => allowed?.some((matches) => matches(namespace)) ?? true,
      quota: rate === undefined ? undefined : new TokenBucket(rate),
    }),
  };
}
