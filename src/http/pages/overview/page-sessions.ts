/** The users of the page: their passwords, and the sessions of all who have logged in, in whatever way. */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { LRUCache } from 'lru-cache';
import { networkOf } from '../../../pipeline/refusal-facts.ts';
import type { Clock } from '../../../support/time.ts';
import { PageCookie } from './page-cookie.ts';
import type { SenderLogin } from './page-senders.ts';

/** A user, with the hash of the password: scrypt (RFC 7914). */
export interface PageUser {
  readonly name: string;
  readonly cost: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** Most sessions of users. A further one ends the one that was not used for the longest time. */
export const MAX_SESSIONS = 100;

/** Most sessions of senders, which end none of users; and most of one sender, so that it ends none of others. */
export const MAX_OF_SENDERS = 1000;
export const MAX_OF_SENDER = 10;

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

export interface Session {
  /** The name of the user or the sender. */
  readonly user: string;
  /** Undefined for a user. */
  readonly sender: SenderLogin | undefined;
  /** On the monotonic clock. */
  readonly endsAt: number;
}

type Failures = LRUCache<string, { count: number; readonly since: number }>;

function failures(): Failures {
  return new LRUCache({ max: MAX_COUNTED });
}

export class PageSessions {
  readonly #users: ReadonlyMap<string, PageUser>;
  readonly #nobody: PageUser;
  readonly #clock: Clock;
  readonly #cookie: PageCookie;
  /** By the key of their cookie. */
  readonly #ofUsers = new LRUCache<string, Session>({ max: MAX_SESSIONS });
  readonly #ofSenders = new LRUCache<string, Session>({ max: MAX_OF_SENDERS });
  readonly #ofAddresses = failures();
  /** Apart: failures of many addresses must not make room for further attempts for a name. */
  readonly #ofNames = failures();
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

  /** Whether a user of this name has a password. */
  hasUser(name: string): boolean {
    return this.#users.has(name);
  }

  /** The session of a request; undefined without one. */
  sessionOf(request: IncomingMessage): Session | undefined {
    const key = this.#cookie.keyOf(request);
    if (key === undefined) return undefined;
    const session = this.#ofUsers.get(key) ?? this.#ofSenders.get(key);
    if (session === undefined || this.#clock.now() < session.endsAt) return session;
    this.#end(key);
    return undefined;
  }

  /** Begins a session, if the password is right. `address` is that of the client. */
  async login(name: string, password: string, address: string): Promise<Login> {
    if (!this.takesPasswords) return 'wrong';
    const known = name.slice(0, 256);
    if (this.#hashing >= MAX_HASHING || this.isBarred(address) || this.#isOver(this.#ofNames, known))
      return 'too-many';
    // An unknown name takes as long as a wrong password.
    const user = this.#users.get(name) ?? this.#nobody;
    this.#hashing += 1;
    try {
      const hash = await hashOf(password, user);
      if (!timingSafeEqual(hash, user.hash) || user === this.#nobody) {
        this.countFailureOf(address);
        this.#countFailure(this.#ofNames, known);
        return 'wrong';
      }
    } finally {
      this.#hashing -= 1;
    }
    return { cookie: this.begin(user.name) };
  }

  /** Begins a session of a user who has shown who it is. Returns the cookie for the browser. */
  begin(user: string): string {
    return this.#begin(this.#ofUsers, user, undefined);
  }

  /** The same for a sender. */
  beginOfSender(login: SenderLogin): string {
    const { way, name } = login.sender;
    // Those that were used last come first.
    const own = [...this.#ofSenders.entries()].filter(
      ([, { sender }]) => sender?.sender.way === way && sender.sender.name === name,
    );
    for (const [key] of own.slice(MAX_OF_SENDER - 1)) this.#ofSenders.delete(key);
    return this.#begin(this.#ofSenders, name, login);
  }

  /** Whether no more attempts of an address are taken now, whatever the way to log in. */
  isBarred(address: string): boolean {
    return this.#isOver(this.#ofAddresses, networkFrom(address));
  }

  /** Counts a failed attempt of an address to log in without a password. */
  countFailureOf(address: string): void {
    this.#countFailure(this.#ofAddresses, networkFrom(address));
  }

  /** Ends the session of a request. Returns the cookie that removes that of the browser. */
  logout(request: IncomingMessage): string {
    const key = this.#cookie.keyOf(request);
    if (key !== undefined) this.#end(key);
    return this.#cookie.removal;
  }

  #begin(sessions: LRUCache<string, Session>, user: string, sender: SenderLogin | undefined): string {
    const { key, cookie } = this.#cookie.issue(SESSION_MS);
    sessions.set(key, { user, sender, endsAt: this.#clock.now() + SESSION_MS });
    return cookie;
  }

  #end(key: string): void {
    this.#ofUsers.delete(key);
    this.#ofSenders.delete(key);
  }

  #isOver(failures: Failures, key: string): boolean {
    const own = failures.get(key);
    if (!own) return false;
    if (this.#clock.now() - own.since < TRIES_MS) return own.count >= MAX_TRIES;
    failures.delete(key);
    return false;
  }

  #countFailure(failures: Failures, key: string): void {
    const own = failures.get(key);
    if (own) own.count += 1;
    else failures.set(key, { count: 1, since: this.#clock.now() });
  }
}

async function hashOf(password: string, { cost, salt, hash }: PageUser): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  scrypt(password.normalize('NFC'), salt, hash.length, { N: cost, ...SCRYPT }, (error, key) =>
    error ? reject(error) : resolve(key),
  );
  return promise;
}

/** One client has all addresses of its network. */
function networkFrom(address: string): string {
  return networkOf({ client: address, address }) ?? '';
}
