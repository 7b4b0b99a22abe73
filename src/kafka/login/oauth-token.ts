/**
 * The token for OAUTHBEARER. It comes from a token endpoint (RFC 6749, 4.4) or the library of a cloud and is renewed before it
 * expires, or from a file that is read at each login.
 */
import { readFile } from 'node:fs/promises';
import { errorText } from '../../support/error-text.ts';
import { systemTime, type Time } from '../../support/time.ts';
import { withinTime } from '../../support/time-limit.ts';
import { BrokerError } from '../broker-error.ts';
import { CloudToken, type CloudSettings } from './cloud/cloud-token.ts';
import { NO_ANSWER, requestToken, type TokenEndpointSettings } from './token-endpoint.ts';
import type { TokenSource } from './token-source.ts';

export interface OauthSettings extends TokenEndpointSettings {
  /** Takes the place of the token endpoint. */
  readonly tokenFile: string | undefined;
  /** With a provider, it takes the place of the token endpoint. */
  readonly cloud?: CloudSettings | undefined;
}

/** The part of its life after which a token is renewed. Brokers request another login at 80 % (KIP-368). */
const RENEW_AT = 0.75;

/** Milliseconds until the token endpoint is asked again, while the current token is valid. */
const RETRY_MS = 10_000;

/** Milliseconds that a login waits for a token. Less than the limit of a connection, so that this more exact error is reported. */
const LOGIN_LIMIT_MS = 2000;

/** RFC 6750, 2.1: `b64token`. */
const TOKEN = /^[\w.~+/-]+=*$/;

/** `expires_in` is a length (RFC 6749, 5.1), so both times are on the monotonic clock. */
interface HeldToken {
  readonly token: string;
  readonly renewAt: number;
  readonly expiresAt: number;
}

/** The library of the cloud, if one is set, or else the token endpoint. */
export function tokenSourceOf(settings: OauthSettings): TokenSource {
  const { cloud, scope } = settings;
  return cloud?.provider === undefined
    ? { noAnswer: NO_ANSWER, issue: (now) => requestToken(settings, now) }
    : new CloudToken({ ...cloud, provider: cloud.provider, scope });
}

export class OauthToken {
  readonly #tokenFile: string | undefined;
  readonly #source: TokenSource;
  readonly #time: Time;
  #held: HeldToken | undefined;
  /** The request for a token in flight: one at most. */
  #request: Promise<HeldToken> | undefined;
  /** Why the last request gave no token. */
  #failure: unknown;

  constructor(settings: OauthSettings, time = systemTime) {
    this.#tokenFile = settings.tokenFile;
    this.#source = tokenSourceOf(settings);
    this.#time = time;
  }

  /**
   * A valid token.
   * @throws {BrokerError} when there is none.
   */
  async current(): Promise<string> {
    if (this.#tokenFile !== undefined) return readToken(this.#tokenFile, this.#time.wall.now());
    const held = this.#held;
    if (held && this.#now < held.renewAt) return held.token;
    const renewed = this.#renew();
    // A login does not wait for the endpoint while the current token is valid.
    if (held && this.#now < held.expiresAt) {
      renewed.catch(() => undefined);
      return held.token;
    }
    // After the limit, the request continues: its token is for the next login.
    const { token } = await withinTime(renewed, LOGIN_LIMIT_MS, () => this.#tooLate());
    return token;
  }

  /**
   * A broker has refused the token, although it may be valid for long: its issuer may have new keys. The next login still uses it, and
   * starts the renewal.
   */
  refused(): void {
    if (this.#held) this.#held = { ...this.#held, renewAt: Number.NEGATIVE_INFINITY };
  }

  get #now(): number {
    return this.#time.monotonic.now();
  }

  /** The reason of the last failure says more: a library that tries several services needs longer than a login waits. */
  #tooLate(): Error {
    if (this.#failure instanceof BrokerError) return this.#failure;
    return new BrokerError(`no token within ${LOGIN_LIMIT_MS / 1000} s`, this.#source.noAnswer, true);
  }

  #renew(): Promise<HeldToken> {
    this.#request ??= this.#fetch()
      .catch((error: unknown) => {
        this.#failure = error;
        throw error;
      })
      .finally(() => {
        this.#request = undefined;
      });
    return this.#request;
  }

  async #fetch(): Promise<HeldToken> {
    // The life of the token begins with the answer at the latest: the time of the request is the safe side.
    const from = this.#now;
    const { token, lifetimeMs } = await this.#source.issue(this.#time.wall.now());
    this.#failure = undefined;
    const held = { token, renewAt: from + lifetimeMs * RENEW_AT, expiresAt: from + lifetimeMs };
    this.#held = held;
    this.#renewIn(held.renewAt - this.#now);
    return held;
  }

  /** Renews in the background: a login does not wait for the token endpoint, and short outages of it do no harm. */
  #renewIn(delayMs: number): void {
    const again = () => {
      this.#renew().catch(() => {
        if (this.#now < (this.#held?.expiresAt ?? 0)) this.#renewIn(RETRY_MS);
      });
    };
    // Node's timers have 31 bits, about 25 days. A token that is valid for longer is renewed at a login.
    if (delayMs > 0 && delayMs < 2 ** 31) this.#time.setTimeout(again, delayMs).unref();
  }
}

/** `now` in milliseconds since the epoch: the token in the file names its end so. */
async function readToken(path: string, now: number): Promise<string> {
  const setting = 'kafka.security.oauth.token_file';
  let token: string;
  try {
    token = (await readFile(path, 'utf8')).trim();
  } catch (error) {
    const reason = errorText(error);
    throw new BrokerError(reason, `the file with the token for Kafka cannot be read (${setting})`, true);
  }
  if (!TOKEN.test(token)) {
    throw new BrokerError(`${path} contains no token`, `there is no token in the file (${setting})`, true);
  }
  const expiresAt = expiryOf(token);
  if (expiresAt !== undefined && expiresAt < now) {
    const problem = `the token for Kafka has expired, and the file has no newer one (${setting})`;
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
