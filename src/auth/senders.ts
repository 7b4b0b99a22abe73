/** The senders of the file: their API keys, and what each may do, however it was recognised. */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { matcherOf } from './pattern.ts';
import { Quota } from './quota.ts';
import { invalidToken, type Finding, type Sender } from './sender.ts';
import type { SenderEntry } from './senders-file.ts';

/** What a sender may do. */
export interface Limits {
  /** Has it only some namespaces? */
  readonly limited: boolean;
  readonly mayWriteTo: (namespace: string) => boolean;
  /** How much it may send; undefined: as much as it likes. */
  readonly quota: Quota | undefined;
}

const NO_LIMITS: Limits = { limited: false, mayWriteTo: () => true, quota: undefined };

/** Senders whose quota is remembered; one that is forgotten begins with a full one. */
const MAX_REMEMBERED = 10_000;

/** API keys do not expire: they are looked up each time, as this costs no more than to remember. */
const FOR_EVER = Number.MAX_SAFE_INTEGER;

export class Senders {
  /**
   * By a keyed hash of their own hash, with a key that nobody else has: how long a look takes then tells nothing of what
   * is in the map, whatever is looked for.
   */
  readonly #apiKeys: ReadonlyMap<string, Finding>;
  readonly #secret = randomBytes(32);
  readonly #rules: readonly Rule[];
  readonly #limits = new LRUCache<string, Limits>({ max: MAX_REMEMBERED });

  constructor(entries: readonly SenderEntry[]) {
    this.#rules = entries.map(ruleOf);
    this.#apiKeys = new Map(
      entries.flatMap(({ name, api_keys = [] }) => {
        const finding: Finding = { sender: { way: 'api-key', name }, holdsUntil: FOR_EVER };
        return api_keys.map((hash) => [
          this.#blind(Buffer.from(hash.slice('sha256:'.length), 'hex')),
          finding,
        ]);
      }),
    );
  }

  /** Are there API keys at all? */
  get haveApiKeys(): boolean {
    return this.#apiKeys.size > 0;
  }

  /** Whose an API key is. */
  findApiKey(key: string): Finding {
    const hash = createHash('sha256').update(key).digest();
    return this.#apiKeys.get(this.#blind(hash)) ?? invalidToken('unknown-key', 'Unknown API key');
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

  #blind(hash: Buffer): string {
    return createHmac('sha256', this.#secret).update(hash).digest('base64');
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
      quota: rate === undefined ? undefined : new Quota(rate),
    }),
  };
}
