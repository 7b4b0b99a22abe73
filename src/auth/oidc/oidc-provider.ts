/**
 * Holds the keys of the OpenID provider. It reads them again at intervals, and when a token names a key that it does not have. While
 * the provider is unavailable, it keeps the keys that it has.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CryptoKey } from 'jose';
import type { Logger } from '../../log.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { backoff } from '../../support/backoff.ts';
import type { EgressProxies } from '../../support/egress-proxy.ts';
import { errorText } from '../../support/error-text.ts';
import { OidcKeys } from './oidc-keys.ts';
import { DocumentError, readKeySet } from './provider-documents.ts';

export interface ProviderSettings {
  readonly issuer: string;
  readonly algorithms: readonly string[];
  /** Certificates to trust in place of the system's. The file is read each time, because operators renew it. */
  readonly caFile: string | undefined;
  /** The HTTP proxies on the way to it. Without them it is asked itself. */
  readonly proxies?: EgressProxies | undefined;
}

/** All in milliseconds. */
export interface ProviderTimes {
  /** Between two readings of the keys. For so long the proxy trusts a key that the provider has withdrawn. */
  readonly refresh: number;
  /** Between two readings for unknown keys, so that invented key ids do not flood the provider. */
  readonly cooldown: number;
  /** For which a request waits for the keys. A sender waits with a user's query behind it. */
  readonly patience: number;
  /** For the provider's documents. In the background there is more time: a provider that starts may need it. */
  readonly answer: number;
  /** Before the second attempt while the provider is unavailable; doubles with each failure, up to `longestPause`. */
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

export class OidcProvider {
  readonly #settings: ProviderSettings;
  readonly #times: ProviderTimes;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  #keys = OidcKeys.none;
  #problem: string | undefined = 'has not been asked yet';
  #failures = 0;
  #reading = false;
  /** Settles when the current reading is over, or when a request should wait for it no longer. Never rejects. */
  #worthWaitingFor: Promise<unknown> = Promise.resolve();
  #renewedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #current = new AbortController();
  #closed = false;

  constructor(settings: ProviderSettings, metrics: Metrics, log: Logger, times = PROVIDER_TIMES) {
    this.#settings = settings;
    this.#metrics = metrics;
    this.#log = log;
    this.#times = times;
  }

  /** What is wrong, in words that follow "the OpenID provider" and name no address; undefined while nothing is. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Begins to read the keys, and repeats it until `close`. */
  start(): void {
    this.#metrics.oidcUp.set(0);
    this.#read();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#current.abort();
  }

  /** The known keys that may have signed a token with this header. */
  matching(algorithm: string, kid: string | undefined): CryptoKey[] {
    return this.#keys.matching(algorithm, kid);
  }

  /**
   * Reads the keys again for a token that none of them fits, unless `cooldown` forbids it. Takes `patience` at most, and no time
   * while the provider is known to be unavailable. Resolves with true when the keys are as current as the limits allow.
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
    this.#current = new AbortController();
    const limit = setTimeout(() => this.#current.abort(), this.#times.answer).unref();
    const read = this.#readKeys(this.#current.signal)
      .finally(() => {
        clearTimeout(limit);
        this.#reading = false;
      })
      .then(
        (keys) => this.#succeeded(keys),
        (error: unknown) => this.#failed(error),
      );
    this.#worthWaitingFor = Promise.race([read, sleep(this.#times.patience, undefined, { ref: false })]);
  }

  async #readKeys(signal: AbortSignal): Promise<OidcKeys> {
    const { issuer, algorithms, caFile, proxies } = this.#settings;
    const ca = caFile === undefined ? undefined : await readCertificates(caFile);
    const keys = await OidcKeys.of(await readKeySet(issuer, ca, signal, proxies), algorithms);
    if (!keys) throw new DocumentError('answers with something that is not a key set');
    return keys;
  }

  #succeeded(keys: OidcKeys): void {
    if (this.#closed) return;
    const { used, unused } = keys;
    if (unused !== this.#keys.unused && unused > 0)
      this.#log.warn(
        { keys_used: used, keys_unused: unused },
        'some keys of the OpenID provider are not used: they are broken or do not fit',
      );
    // Also where no key is left: keys that the provider has withdrawn must not be accepted.
    this.#keys = keys;
    if (used === 0) {
      this.#failed(new DocumentError('has no key that could be used'));
      return;
    }
    if (this.#problem !== undefined)
      this.#log.info({ keys_used: used }, 'the keys of the OpenID provider are read');
    this.#problem = undefined;
    this.#failures = 0;
    this.#metrics.oidcUp.set(1);
    this.#readIn(this.#times.refresh);
  }

  #failed(error: unknown): void {
    if (this.#closed) return;
    const { message, detail } =
      error instanceof DocumentError ? error : new DocumentError('cannot be asked', String(error));
    // One line when it becomes unavailable, not one for each attempt.
    if (this.#failures === 0) this.#log.warn({ detail }, `the OpenID provider ${message}`);
    this.#problem = message;
    this.#failures += 1;
    this.#metrics.oidcUp.set(0);
    this.#readIn(backoff(this.#failures, this.#times.firstPause, this.#times.longestPause));
  }

  #readIn(delayMs: number): void {
    this.#timer = setTimeout(() => this.#read(), delayMs).unref();
  }
}

async function readCertificates(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new DocumentError('cannot be asked: auth.oidc.ca_file cannot be read', errorText(error));
  }
}
