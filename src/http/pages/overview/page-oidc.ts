/**
 * Logins to the page at an OpenID provider. A cookie binds each to the browser that has begun it: who sends the redirect
 * of a login of their own to another person's browser logs nobody in (RFC 6749 §10.12).
 */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { LRUCache } from 'lru-cache';
import type { BegunLogin, CodeFlow, FailedLogin } from '../../../auth/oidc/code-flow.ts';
import type { Clock } from '../../../support/time.ts';
import { digest, PageCookie } from './page-cookie.ts';

/** Most logins that have begun. A further one ends the oldest. */
export const MAX_BEGUN = 1000;

/** Milliseconds for a login, from its begin to the redirect back. */
const BEGUN_MS = 10 * 60_000;

/** Most requests of browsers that wait for the provider. */
const MAX_ASKING = 16;

/** The end of each redirect URI. */
export const CALLBACK = '/page/oidc/callback';

/** Why nobody is logged in. */
export type PageLoginFailure =
  | FailedLogin
  /** The browser has begun no login, or too long ago, or it has ended already; or too many ask at once. */
  | { readonly failure: 'unknown' | 'too-many'; readonly detail: string };

const TOO_MANY: PageLoginFailure = { failure: 'too-many', detail: 'too many logins at once' };

export class PageOidc {
  /** Where a login begins. It is absolute: a browser may have called the proxy by another name than the provider knows. */
  readonly address: string;
  /** Removes the cookie of a login that has ended. */
  readonly endCookie: string;
  readonly #flow: Pick<CodeFlow, 'begin' | 'finish'>;
  readonly #clock: Clock;
  readonly #cookie: PageCookie;
  /** By the key of their cookie. */
  readonly #begun = new LRUCache<string, BegunLogin & { readonly endsAt: number }>({ max: MAX_BEGUN });
  #asking = 0;

  /** `clock` is monotonic. */
  constructor(flow: Pick<CodeFlow, 'begin' | 'finish'>, redirectUri: string, clock: Clock) {
    this.#flow = flow;
    this.#clock = clock;
    this.address = redirectUri.slice(0, redirectUri.lastIndexOf('/'));
    const { protocol, pathname } = new URL(this.address);
    // With SameSite=Strict a browser would not send it with the redirect from the provider's site.
    this.#cookie = new PageCookie('http2kafka_login', pathname, 'Lax', protocol === 'https:');
    this.endCookie = this.#cookie.removal;
  }

  /** Where the browser has to go, and the cookie that it gets. Never rejects. */
  async begin(): Promise<{ readonly location: string; readonly cookie: string } | PageLoginFailure> {
    const found = await this.#ask(() => this.#flow.begin());
    if ('failure' in found) return found;
    const { url, begun } = found;
    const { key, cookie } = this.#cookie.issue(BEGUN_MS);
    this.#begun.set(key, { ...begun, endsAt: this.#clock.now() + BEGUN_MS });
    return { location: url, cookie };
  }

  /** The user, by the redirect back from the provider. Each login ends once. Never rejects. */
  async finish(
    request: IncomingMessage,
    query: URLSearchParams,
  ): Promise<{ readonly user: string } | PageLoginFailure> {
    const key = this.#cookie.keyOf(request);
    const begun = key === undefined ? undefined : this.#begun.get(key);
    if (key === undefined || !begun || this.#clock.now() >= begun.endsAt) {
      return { failure: 'unknown', detail: 'this browser has begun no login' };
    }
    // A forged redirect does not end the login.
    if (!isSame(query.get('state') ?? '', begun.state)) {
      return { failure: 'unknown', detail: 'the state is not that of the login' };
    }
    if (this.#asking >= MAX_ASKING) return TOO_MANY;
    this.#begun.delete(key);
    return this.#ask(() => this.#flow.finish(query, begun));
  }

  async #ask<Result>(question: () => Promise<Result>): Promise<Result | typeof TOO_MANY> {
    if (this.#asking >= MAX_ASKING) return TOO_MANY;
    this.#asking += 1;
    return question().finally(() => (this.#asking -= 1));
  }
}

function isSame(left: string, right: string): boolean {
  return timingSafeEqual(Buffer.from(digest(left)), Buffer.from(digest(right)));
}
