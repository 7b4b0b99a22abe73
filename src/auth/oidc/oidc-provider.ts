/**
 * Knows the keys of the OpenID provider: finds them (OpenID Connect Discovery 1.0 §4, else RFC 8414 §3), reads them anew before they
 * are old and when a token names one that is not known, and keeps them while the provider is away.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CryptoKey } from 'jose';
import type { Logger } from 'pino';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Metrics } from '../../metrics/metrics.ts';
import { OidcKeys } from './oidc-keys.ts';
import { DocumentError, readDocument } from './provider-document.ts';

export interface ProviderSettings {
  readonly issuer: string;
  readonly algorithms: readonly string[];
  /** Certificates to trust in place of the system's; read each time, for they change. */
  readonly caFile: string | undefined;
}

/** All in milliseconds. */
export interface ProviderTimes {
  /** From one reading of the keys to the next: so long is a key believed that the provider has taken back. */
  readonly refresh: number;
  /** Between two readings for the sake of keys that are not known, so that made-up key ids do not flood the provider. */
  readonly cooldown: number;
  /** For which a request waits for the keys. The client's patience, and the user's query behind it, is not ours to spend. */
  readonly patience: number;
  /** For the provider's documents: in the background there is more time, which one that has only just started may need. */
  readonly answer: number;
  /** Before the second try while the provider is away; doubles with each, up to the other. */
  readonly firstPause: number;
  readonly longestPause: number;
}

export const PROVIDER_TIMES: ProviderTimes = {
  refresh: 300_000,
  cooldown: 10_000,
  patience: 800,
  answer: 5000,
  firstPause: 500,
  longestPause: 30_000,
};

const Discovery = Type.Object({ issuer: Type.String(), jwks_uri: Type.String() });

export class OidcProvider {
  readonly #settings: ProviderSettings;
  readonly #times: ProviderTimes;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  #keys = OidcKeys.none;
  #problem: string | undefined = 'has not been asked yet';
  #failures = 0;
  #reading = false;
  /** Settles when the reading that is under way is over, or nobody should wait for it any longer. Never rejects. */
  #worthWaitingFor: Promise<unknown> = Promise.resolve();
  #renewedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #underWay = new AbortController();
  #closed = false;

  constructor(settings: ProviderSettings, metrics: Metrics, log: Logger, times = PROVIDER_TIMES) {
    this.#settings = settings;
    this.#metrics = metrics;
    this.#log = log;
    this.#times = times;
  }

  /** What is wrong with the provider, in words that go behind "the OpenID provider" and name no address; or undefined. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Begins to read the keys, and goes on reading them until `close`. */
  start(): void {
    this.#metrics.oidcUp.set(0);
    this.#read();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#underWay.abort();
  }

  /** The keys known that a token with this header may be signed with. */
  matching(algorithm: string, kid: string | undefined): CryptoKey[] {
    return this.#keys.matching(algorithm, kid);
  }

  /**
   * Reads the keys anew for a token that none of them fits, unless that was done a moment ago. Takes no longer than a request may
   * wait, and no time while the provider is known to be away. Are they now as the provider has them, as far as may be asked?
   */
  async renew(): Promise<boolean> {
    if (this.#failures > 0 || this.#closed) return false;
    if (!this.#reading) {
      if (performance.now() - this.#renewedAt < this.#times.cooldown) return true;
      this.#renewedAt = performance.now();
      this.#read();
    }
    await this.#worthWaitingFor;
    return !this.#reading && this.#problem === undefined;
  }

  #read(): void {
    clearTimeout(this.#timer);
    this.#reading = true;
    this.#underWay = new AbortController();
    const limit = setTimeout(() => this.#underWay.abort(), this.#times.answer).unref();
    const read = this.#readKeys(this.#underWay.signal)
      .finally(() => {
        clearTimeout(limit);
        this.#reading = false;
      })
      .then(
        (keys) => this.#learned(keys),
        (error: unknown) => this.#failed(error),
      );
    this.#worthWaitingFor = Promise.race([read, sleep(this.#times.patience, undefined, { ref: false })]);
  }

  async #readKeys(signal: AbortSignal): Promise<OidcKeys> {
    const { issuer, algorithms, caFile } = this.#settings;
    const ca = caFile === undefined ? undefined : await readCertificates(caFile);
    const ask = (url: URL) => readDocument(url, ca, signal);
    const keys = await OidcKeys.of(await ask(await findKeys(issuer, ask)), algorithms);
    if (!keys) throw new DocumentError('answers with something that is not a key set');
    return keys;
  }

  #learned(keys: OidcKeys): void {
    if (this.#closed) return;
    const { used, unused } = keys;
    if (unused !== this.#keys.unused && unused > 0)
      this.#log.warn(
        { used, unused },
        'keys of the OpenID provider that are broken or do not fit are not used',
      );
    // Also where none is left: what the provider has taken back must not go on counting.
    this.#keys = keys;
    if (used === 0) {
      this.#failed(new DocumentError('has no key that could be used'));
      return;
    }
    if (this.#problem !== undefined)
      this.#log.info({ keys: used }, 'the keys of the OpenID provider are read');
    this.#problem = undefined;
    this.#failures = 0;
    this.#metrics.oidcUp.set(1);
    this.#readIn(this.#times.refresh);
  }

  #failed(error: unknown): void {
    if (this.#closed) return;
    const { message, detail } =
      error instanceof DocumentError ? error : new DocumentError('cannot be asked', String(error));
    // One line when it goes away, not one for each try.
    if (this.#failures === 0) this.#log.warn({ detail }, `the OpenID provider ${message}`);
    this.#problem = message;
    this.#failures += 1;
    this.#metrics.oidcUp.set(0);
    const { firstPause, longestPause } = this.#times;
    this.#readIn(Math.min(longestPause, firstPause * 2 ** Math.min(this.#failures - 1, 10)));
  }

  #readIn(delayMs: number): void {
    this.#timer = setTimeout(() => this.#read(), delayMs).unref();
  }
}

async function readCertificates(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new DocumentError('cannot be asked: auth.oidc.ca_file cannot be read', why);
  }
}

/** Where the provider has its keys. */
async function findKeys(issuer: string, ask: (url: URL) => Promise<unknown>): Promise<URL> {
  const document = await discover(issuer, ask);
  if (!Value.Check(Discovery, document))
    throw new DocumentError('answers with something that is not its description');
  // Discovery §4.3: "MUST exactly match", else anyone's keys could be passed off as this issuer's.
  if (document.issuer !== issuer)
    throw new DocumentError(
      'gives another issuer than auth.oidc.issuer',
      `it says ${document.issuer.slice(0, 500)}`,
    );
  const url = URL.parse(document.jwks_uri);
  // Keys that come in the clear are anybody's, unless both are on this machine: see the rule for auth.oidc.issuer.
  if (url === null || (url.protocol !== 'https:' && url.origin !== new URL(issuer).origin))
    throw new DocumentError('has its keys at an address that is not https', document.jwks_uri.slice(0, 500));
  return url;
}

async function discover(issuer: string, ask: (url: URL) => Promise<unknown>): Promise<unknown> {
  // Discovery §4.1: a terminating slash goes.
  const { origin, pathname } = new URL(issuer.replace(/\/$/, ''));
  const path = pathname.replace(/\/$/, '');
  try {
    return await ask(new URL(`${origin}${path}/.well-known/openid-configuration`));
  } catch (error) {
    if (!(error instanceof DocumentError) || error.status !== 404) throw error;
    return ask(new URL(`${origin}/.well-known/oauth-authorization-server${path}`));
  }
}
