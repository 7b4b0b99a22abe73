/** The users of the page: their passwords, and the sessions of all who have logged in, in whatever way. */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../../support/time.ts';
import { PageCookie } from './page-cookie.ts';

/** A user, with the hash of the password: scrypt (RFC 7914). */
export interface PageUser {
  readonly name: string;
  readonly cost: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** Most sessions. A further one ends the one that was not used for the longest time. */
export const MAX_SESSIONS = 100;

/** Milliseconds after which a session ends: a working day. */
const SESSION_MS = 12 * 3_600_000;

/** Passwords that are hashed at the same time. Each takes a thread and 16 MiB for about 50 ms. */
const MAX_HASHING = 2;

/** Failed attempts of an address, or of all for one name, until no more are taken for TRIES_MS. */
export const MAX_TRIES = 10;
const TRIES_MS = 10 * 60_000;
const MAX_COUNTED = 1000;

/** RFC 7914 §2: block size and parallelization. */
const SCRYPT = { r: 8, p: 1, maxmem: 256 * 1024 * 1024 };

export type Login = { readonly cookie: string } | 'wrong' | 'too-many';

export class PageSessions {
  readonly #users: ReadonlyMap<string, PageUser>;
  readonly #nobody: PageUser;
  readonly #clock: Clock;
  readonly #cookie: PageCookie;
  /** By the key of their cookie. */
  readonly #sessions = new LRUCache<string, { readonly user: string; readonly endsAt: number }>({
    max: MAX_SESSIONS,
  });
  readonly #failures = new LRUCache<string, { count: number; readonly since: number }>({ max: MAX_COUNTED });
  #hashing = 0;

  /** `users` are those with a password; there may be none. `path` is that of the page. `clock` is monotonic. `https`: browsers send the cookie with TLS only. */
  constructor(users: readonly PageUser[], path: string, https: boolean, clock: Clock) {
    this.#users = new Map(users.map((user) => [user.name, user]));
    this.#nobody = { name: '', cost: users[0]?.cost ?? 16_384, salt: randomBytes(16), hash: randomBytes(32) };
    this.#clock = clock;
    this.#cookie = new PageCookie('http2kafka_page', path, 'Strict', https);
  }

  /** Whether any user has a password. */
  get takesPasswords(): boolean {
    return this.#users.size > 0;
  }

  /** The user of a request; undefined without a session. */
  userOf(request: IncomingMessage): string | undefined {
    const key = this.#cookie.keyOf(request);
    const session = key === undefined ? undefined : this.#sessions.get(key);
    if (session === undefined || key === undefined) return undefined;
    if (this.#clock.now() < session.endsAt) return session.user;
    this.#sessions.delete(key);
    return undefined;
  }

  /** Begins a session, if the password is right. `address` is that of the client. */
  async login(name: string, password: string, address: string): Promise<Login> {
    const counted = [ofAddress(address), `name ${name.slice(0, 256)}`];
    if (this.#hashing >= MAX_HASHING || counted.some((key) => this.#isOver(key))) return 'too-many';
    // An unknown name takes as long as a wrong password.
    const user = this.#users.get(name) ?? this.#nobody;
    this.#hashing += 1;
    try {
      const hash = await hashOf(password, user);
      if (!timingSafeEqual(hash, user.hash) || user === this.#nobody) {
        for (const key of counted) this.#countFailure(key);
        return 'wrong';
      }
    } finally {
      this.#hashing -= 1;
    }
    return { cookie: this.begin(user.name) };
  }

  /** Begins a session of a user who has shown who it is. Returns the cookie for the browser. */
  begin(user: string): string {
    const { key, cookie } = this.#cookie.issue(SESSION_MS);
    this.#sessions.set(key, { user, endsAt: this.#clock.now() + SESSION_MS });
    return cookie;
  }

  /** Whether no more attempts of an address are taken now, whatever the way to log in. */
  isBarred(address: string): boolean {
    return this.#isOver(ofAddress(address));
  }

  /** Counts a failed attempt of an address to log in without a password. */
  countFailureOf(address: string): void {
    this.#countFailure(ofAddress(address));
  }

  /** Ends the session of a request. Returns the cookie that removes that of the browser. */
  logout(request: IncomingMessage): string {
    const key = this.#cookie.keyOf(request);
    if (key !== undefined) this.#sessions.delete(key);
    return this.#cookie.removal;
  }

  #isOver(key: string): boolean {
    const failures = this.#failures.get(key);
    if (!failures) return false;
    if (this.#clock.now() - failures.since < TRIES_MS) return failures.count >= MAX_TRIES;
    this.#failures.delete(key);
    return false;
  }

  #countFailure(key: string): void {
    const failures = this.#failures.get(key);
    if (failures) failures.count += 1;
    else this.#failures.set(key, { count: 1, since: this.#clock.now() });
  }
}

async function hashOf(password: string, { cost, salt, hash }: PageUser): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  scrypt(password.normalize('NFC'), salt, hash.length, { N: cost, ...SCRYPT }, (error, key) =>
    error ? reject(error) : resolve(key),
  );
  return promise;
}

function ofAddress(address: string): string {
  return `address ${address}`;
}
