/**
 * Which of Data.Rentgen's personal tokens are revoked: its PostgreSQL knows. It is asked once in a while for each token,
 * and when it is away, those that were good stay so for a while. Nobody waits for a database that is known to be away:
 * it is tried in the background.
 */
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { Metrics } from '../../metrics/metrics.ts';
import { withinTime } from '../../support/time-limit.ts';
import { detailOf, problemOf } from './database-problem.ts';
import type { Database, DatabaseAddress } from './database.ts';

/** Milliseconds that somebody who posts waits for the database at most, whatever it does. */
const PATIENCE_MS = 900;

/** Milliseconds between attempts while it is away: soon at first, as most are a restart or a slow moment. */
const FIRST_ATTEMPT_MS = 250;
const LAST_ATTEMPT_MS = 4000;

/** Milliseconds after which a token that is taken without the database is looked at again: it may be back. */
const LOOK_AGAIN_MS = 2000;

/** No row: it was never issued, or its user is gone. Data.Rentgen's own question (`get_by_id` of its token repository). */
const QUESTION = 'select 1 from personal_token where user_id = $1 and id = $2 and revoked_at is null';

/** A question with which nothing is asked but whether it can be answered: tables, columns and permissions included. */
const NOBODYS_TOKEN = { userId: 0, tokenId: '00000000-0000-0000-0000-000000000000' };

export interface RevocationSettings {
  readonly address: DatabaseAddress;
  /** Milliseconds for which a token is believed to be alive. 0: it is asked for each time. */
  readonly cacheTtlMs: number;
  /** Tokens that are remembered. */
  readonly cacheSize: number;
  /** Milliseconds for which a token that was alive is taken while the database is away. */
  readonly graceMs: number;
}

/** Which token: both are in it (`sub_id`, `jti`). */
export interface TokenId {
  readonly userId: number;
  readonly tokenId: string;
}

/** How a token stands. `alive` holds until `until` (milliseconds since the epoch). */
export type Standing =
  | { readonly state: 'alive'; readonly until: number }
  | { readonly state: 'revoked' }
  | { readonly state: 'unknown' };

const tooLate = () => new Error(`no answer within ${PATIENCE_MS} ms`);

const REVOKED: Standing = { state: 'revoked' };
const UNKNOWN: Standing = { state: 'unknown' };

export class Revocations {
  readonly #settings: RevocationSettings;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  /** When a token was last known to be alive: milliseconds since the epoch. */
  readonly #alive: LRUCache<string, number>;
  /** One that is revoked stays so. */
  readonly #revoked: LRUCache<string, true>;
  #database: Promise<Database> | undefined;
  #away: { readonly since: Date; readonly problem: string } | undefined;
  #nextAttempt: NodeJS.Timeout | undefined;
  #pauseMs = FIRST_ATTEMPT_MS;
  #closed = false;

  /** Asks nobody before `start` or the first question. */
  constructor(settings: RevocationSettings, metrics: Metrics, log: Logger) {
    this.#settings = settings;
    this.#metrics = metrics;
    this.#log = log;
    this.#alive = new LRUCache({ max: settings.cacheSize });
    this.#revoked = new LRUCache({ max: settings.cacheSize });
  }

  /** Sees, in the background, whether the database can be asked, so that it is known before somebody waits for it. */
  start(): void {
    void this.#try();
  }

  /** What is wrong with the database and since when, in words without an address; undefined while it answers. */
  get problem(): string | undefined {
    return this.#away && `${this.#away.problem}; since ${this.#away.since.toISOString()}`;
  }

  /** How a token stands, within about a second. Never rejects. */
  async standingOf(token: TokenId): Promise<Standing> {
    const key = `${token.userId}/${token.tokenId}`;
    if (this.#revoked.get(key)) return REVOKED;
    const { cacheTtlMs } = this.#settings;
    const lastAlive = this.#alive.get(key);
    const now = Date.now();
    // A clock that was set back would make it believed for longer.
    if (lastAlive !== undefined && now >= lastAlive && now < lastAlive + cacheTtlMs) {
      return { state: 'alive', until: lastAlive + cacheTtlMs };
    }
    if (this.#away) return this.#withoutDatabase(key);
    try {
      return await withinTime(this.#ask(token, key), PATIENCE_MS, tooLate);
    } catch (error) {
      this.#goAway(error);
      return this.#withoutDatabase(key);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#nextAttempt);
    const database = await this.#database?.catch(() => undefined);
    await database?.close();
  }

  /** What is answered too late for who asked is remembered all the same. */
  async #ask(token: TokenId, key: string): Promise<Standing> {
    const askedAt = Date.now();
    if (await this.#hasRow(token)) {
      this.#alive.set(key, askedAt);
      return { state: 'alive', until: askedAt + this.#settings.cacheTtlMs };
    }
    this.#alive.delete(key);
    this.#revoked.set(key, true);
    return REVOKED;
  }

  #withoutDatabase(key: string): Standing {
    const { graceMs, cacheTtlMs } = this.#settings;
    const takenUntil = (this.#alive.get(key) ?? Number.NEGATIVE_INFINITY) + graceMs;
    const now = Date.now();
    if (now >= takenUntil) return UNKNOWN;
    return { state: 'alive', until: Math.min(takenUntil, now + Math.min(LOOK_AGAIN_MS, cacheTtlMs)) };
  }

  async #hasRow({ userId, tokenId }: TokenId): Promise<boolean> {
    this.#database ??= this.#open();
    const database = await this.#database.catch((error: unknown) => {
      this.#database = undefined;
      throw error;
    });
    const { rowCount } = await database.query(QUESTION, [userId, tokenId]);
    return rowCount === 1;
  }

  async #open(): Promise<Database> {
    // Not loaded by a program that has no database.
    const { Database } = await import('./database.ts');
    // A connection that breaks while nobody uses it is the first sign of a database that goes away.
    return new Database(this.#settings.address, () => {
      if (!this.#away) void this.#try();
    });
  }

  async #try(): Promise<void> {
    try {
      await this.#hasRow(NOBODYS_TOKEN);
      this.#comeBack();
    } catch (error) {
      this.#goAway(error);
    }
  }

  #goAway(error: unknown): void {
    if (this.#closed) return;
    const problem = problemOf(error);
    if (!this.#away) {
      this.#pauseMs = FIRST_ATTEMPT_MS;
      this.#metrics.databaseUp.set(0);
      this.#log.error(
        { detail: detailOf(error) },
        `Data.Rentgen's database cannot be asked which tokens are revoked: ${problem}. Those that were good are taken for ${this.#settings.graceMs / 1000} s, others are answered 503`,
      );
    }
    this.#away = { since: this.#away?.since ?? new Date(), problem };
    // Those who waited when it went away come here one after the other.
    this.#nextAttempt ??= setTimeout(() => {
      this.#nextAttempt = undefined;
      this.#pauseMs = Math.min(2 * this.#pauseMs, LAST_ATTEMPT_MS);
      void this.#try();
    }, this.#pauseMs).unref();
  }

  #comeBack(): void {
    if (!this.#away || this.#closed) return;
    const awaySeconds = Math.round((Date.now() - this.#away.since.getTime()) / 1000);
    this.#away = undefined;
    this.#metrics.databaseUp.set(1);
    this.#log.info({ awaySeconds }, "Data.Rentgen's database answers again");
  }
}
