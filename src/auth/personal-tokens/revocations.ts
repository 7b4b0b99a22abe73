/**
 * Which of Data.Rentgen's personal tokens are revoked, by its PostgreSQL. The database is queried for each token once in a while. While
 * it is unavailable, tokens that were alive are accepted for a limited time. No request waits for a database that is known to be
 * unavailable: attempts run in the background.
 */
import { LRUCache } from 'lru-cache';
import type { Logger } from '../../log.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { backoff } from '../../support/backoff.ts';
import type { DatabaseAddress } from '../../support/database-url.ts';
import { systemTime, type Time } from '../../support/time.ts';
import { withinTime } from '../../support/time-limit.ts';
import { detailOf, problemOf } from './database-problem.ts';
import type { Database } from './database.ts';

/** Milliseconds that a request waits for the database at most. */
const PATIENCE_MS = 900;

/** Milliseconds between attempts while it is unavailable: short at first, as most outages are a restart or a slow moment. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4000;

/** Milliseconds after which a token that was accepted without the database is checked again: the database may be back. */
const CHECK_AGAIN_MS = 2000;

/** No row: the token was never issued, or its user is deleted. Data.Rentgen's own query (`get_by_id` of its token repository). */
const QUERY = 'select 1 from personal_token where user_id = $1 and id = $2 and revoked_at is null';

/** No user has this token. A query for it tests the connection, the table, its columns and the permissions. */
const PROBE = { userId: 0, tokenId: '00000000-0000-0000-0000-000000000000' };

export interface RevocationSettings {
  readonly address: DatabaseAddress;
  /** Milliseconds for which a token counts as alive after a query. 0: the database is queried each time. */
  readonly cacheTtlMs: number;
  /** The number of tokens that are remembered. */
  readonly cacheSize: number;
  /** Milliseconds for which a token that was alive is accepted while the database is unavailable. */
  readonly graceMs: number;
}

/** A token by two of its claims, `sub_id` and `jti`. */
export interface TokenId {
  readonly userId: number;
  readonly tokenId: string;
}

/** The revocation state of a token. `alive` is valid for `forMs` milliseconds from now. */
export type RevocationState =
  | { readonly state: 'alive'; readonly forMs: number }
  | { readonly state: 'revoked' }
  | { readonly state: 'unknown' };

const tooLate = () => new Error(`no answer within ${PATIENCE_MS} ms`);

const REVOKED: RevocationState = { state: 'revoked' };
const UNKNOWN: RevocationState = { state: 'unknown' };

export class Revocations {
  readonly #settings: RevocationSettings;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #time: Time;
  /** When a token was last known to be alive, on the monotonic clock: a step of the clock prolongs nothing. */
  readonly #alive: LRUCache<string, number>;
  /** A revoked token stays revoked. */
  readonly #revoked: LRUCache<string, true>;
  #database: Promise<Database> | undefined;
  #outage: { readonly since: Date; readonly sinceMs: number; readonly problem: string } | undefined;
  #nextAttempt: NodeJS.Timeout | undefined;
  /** Attempts since the outage began, the one that found it included. */
  #attempts = 0;
  #closed = false;

  /** Makes no connection before `start` or the first token. */
  constructor(settings: RevocationSettings, metrics: Metrics, log: Logger, time = systemTime) {
    this.#settings = settings;
    this.#time = time;
    this.#metrics = metrics;
    this.#log = log;
    this.#alive = new LRUCache({ max: settings.cacheSize });
    this.#revoked = new LRUCache({ max: settings.cacheSize });
  }

  /** Tests the database in the background, so that an outage is known before a request waits for it. */
  start(): void {
    void this.#probe();
  }

  /** What is wrong with the database and since when, without an address; undefined while it answers. */
  get problem(): string | undefined {
    return this.#outage && `${this.#outage.problem}; since ${this.#outage.since.toISOString()}`;
  }

  /** The state of a token, within about a second. The promise never rejects. */
  async stateOf(token: TokenId): Promise<RevocationState> {
    const key = `${token.userId}/${token.tokenId}`;
    if (this.#revoked.get(key)) return REVOKED;
    const { cacheTtlMs } = this.#settings;
    const lastAlive = this.#alive.get(key);
    const now = this.#time.monotonic.now();
    if (lastAlive !== undefined && now < lastAlive + cacheTtlMs) {
      return { state: 'alive', forMs: lastAlive + cacheTtlMs - now };
    }
    if (this.#outage) return this.#stateInOutage(key);
    try {
      return await withinTime(this.#query(token, key), PATIENCE_MS, tooLate);
    } catch (error) {
      this.#failed(error);
      return this.#stateInOutage(key);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#nextAttempt);
    const database = await this.#database?.catch(() => undefined);
    await database?.close();
  }

  /** An answer that is too late for its request is still remembered. */
  async #query(token: TokenId, key: string): Promise<RevocationState> {
    const queriedAt = this.#time.monotonic.now();
    if (await this.#hasRow(token)) {
      this.#alive.set(key, queriedAt);
      return { state: 'alive', forMs: queriedAt + this.#settings.cacheTtlMs - this.#time.monotonic.now() };
    }
    this.#alive.delete(key);
    this.#revoked.set(key, true);
    return REVOKED;
  }

  #stateInOutage(key: string): RevocationState {
    const { graceMs, cacheTtlMs } = this.#settings;
    const acceptedUntil = (this.#alive.get(key) ?? Number.NEGATIVE_INFINITY) + graceMs;
    const now = this.#time.monotonic.now();
    if (now >= acceptedUntil) return UNKNOWN;
    return { state: 'alive', forMs: Math.min(acceptedUntil - now, CHECK_AGAIN_MS, cacheTtlMs) };
  }

  async #hasRow({ userId, tokenId }: TokenId): Promise<boolean> {
    this.#database ??= this.#open();
    const database = await this.#database.catch((error: unknown) => {
      this.#database = undefined;
      throw error;
    });
    const { rowCount } = await database.query(QUERY, [userId, tokenId]);
    return rowCount === 1;
  }

  async #open(): Promise<Database> {
    // Loaded here: a program without a database does not load `pg`.
    const { Database } = await import('./database.ts');
    // An unused connection that breaks is the first sign of an outage.
    return new Database(this.#settings.address, () => {
      if (!this.#outage) void this.#probe();
    });
  }

  async #probe(): Promise<void> {
    try {
      await this.#hasRow(PROBE);
      this.#recovered();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (this.#closed) return;
    const problem = problemOf(error);
    if (!this.#outage) {
      this.#attempts = 1;
      this.#metrics.databaseUp.set(0);
      this.#log.error(
        { detail: detailOf(error) },
        `Data.Rentgen's database is unavailable, revoked tokens are not known: ${problem}. Tokens that were alive are accepted for ${this.#settings.graceMs / 1000} s, others are answered 503`,
      );
    }
    const { monotonic, wall } = this.#time;
    const { since = new Date(wall.now()), sinceMs = monotonic.now() } = this.#outage ?? {};
    this.#outage = { since, sinceMs, problem };
    // Requests that waited when the outage began get here one after another.
    this.#nextAttempt ??= setTimeout(
      () => {
        this.#nextAttempt = undefined;
        this.#attempts += 1;
        void this.#probe();
      },
      backoff(this.#attempts, FIRST_PAUSE_MS, LONGEST_PAUSE_MS),
    ).unref();
  }

  #recovered(): void {
    if (!this.#outage || this.#closed) return;
    const unavailable_seconds = Math.round((this.#time.monotonic.now() - this.#outage.sinceMs) / 1000);
    this.#outage = undefined;
    this.#metrics.databaseUp.set(1);
    this.#log.info({ unavailable_seconds }, "Data.Rentgen's database answers again");
  }
}
