/**
 * The token for OAUTHBEARER: from a token endpoint (RFC 6749, 4.4), fetched anew in good time, or from a file, read at each
 * login.
 */
import { readFile } from 'node:fs/promises';
import { withinTime } from '../../support/time-limit.ts';
import { BrokerError } from '../broker-error.ts';
import type { OauthSettings } from './security-settings.ts';
import { NO_ANSWER, requestToken, type IssuedToken } from './token-endpoint.ts';

/** The part of its life after which a token is fetched anew: before a broker asks for another login, at 80 % (KIP-368). */
const RENEW_AT = 0.75;

/** Milliseconds until the token endpoint is asked again, where the token still holds. */
const RETRY_MS = 10_000;

/** Milliseconds that a login waits for a token, less than a connection is given: so that it is told what was wrong with it. */
const LOGIN_LIMIT_MS = 2000;

const tooLate = () => new BrokerError(`no token within ${LOGIN_LIMIT_MS / 1000} s`, NO_ANSWER, true);

/** RFC 6750, 2.1: `b64token`. */
const TOKEN = /^[\w.~+/-]+=*$/;

interface HeldToken extends IssuedToken {
  /** In milliseconds since the epoch. */
  readonly renewAt: number;
}

export class OauthToken {
  readonly #settings: OauthSettings;
  #held: HeldToken | undefined;
  /** The one request for a token that is under way. */
  #request: Promise<HeldToken> | undefined;

  constructor(settings: OauthSettings) {
    this.#settings = settings;
  }

  /** A token that holds. Rejects with a `BrokerError` when there is none. */
  async current(): Promise<string> {
    const { tokenFile } = this.#settings;
    if (tokenFile !== undefined) return readToken(tokenFile);
    const held = this.#held;
    if (held && Date.now() < held.renewAt) return held.token;
    const renewed = this.#renew();
    // Whoever logs in need not wait for the endpoint while there is one that holds.
    if (held && Date.now() < held.expiresAt) {
      renewed.catch(() => undefined);
      return held.token;
    }
    // The request goes on: its token is for the next login.
    const { token } = await withinTime(renewed, LOGIN_LIMIT_MS, tooLate);
    return token;
  }

  /** A broker did not take it, although it may hold for long: its issuer may have other keys by now. The next login but one has another. */
  refused(): void {
    if (this.#held) this.#held = { ...this.#held, renewAt: 0 };
  }

  #renew(): Promise<HeldToken> {
    this.#request ??= this.#fetch().finally(() => {
      this.#request = undefined;
    });
    return this.#request;
  }

  async #fetch(): Promise<HeldToken> {
    const from = Date.now();
    const issued = await requestToken(this.#settings);
    const held = { ...issued, renewAt: from + (issued.expiresAt - from) * RENEW_AT };
    this.#held = held;
    this.#renewIn(held.renewAt - Date.now());
    return held;
  }

  /** So that a login need not wait for the token endpoint, nor fail when that is away for a while. */
  #renewIn(delayMs: number): void {
    const again = () => {
      this.#renew().catch(() => {
        if (Date.now() < (this.#held?.expiresAt ?? 0)) this.#renewIn(RETRY_MS);
      });
    };
    // A token that holds for months is not worth a timer beyond what one can be set to.
    if (delayMs > 0 && delayMs < 2 ** 31) setTimeout(again, delayMs).unref();
  }
}

async function readToken(path: string): Promise<string> {
  const setting = 'kafka.security.oauth.token_file';
  let token: string;
  try {
    token = (await readFile(path, 'utf8')).trim();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BrokerError(reason, `the file with the token for Kafka cannot be read (${setting})`, true);
  }
  if (!TOKEN.test(token)) {
    throw new BrokerError(`${path} has no token in it`, `there is no token in the file (${setting})`, true);
  }
  const expiresAt = expiryOf(token);
  if (expiresAt !== undefined && expiresAt < Date.now()) {
    const problem = `the token for Kafka has expired, and nobody has renewed the file (${setting})`;
    throw new BrokerError(`${path} expired at ${new Date(expiresAt).toISOString()}`, problem, true);
  }
  return token;
}

/** When a JWT expires (RFC 7519, 4.1.4), in milliseconds since the epoch; undefined for any other token. */
function expiryOf(token: string): number | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    if (typeof claims !== 'object' || claims === null || !('exp' in claims)) return undefined;
    return typeof claims.exp === 'number' ? claims.exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
