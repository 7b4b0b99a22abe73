/** Builds the check of Data.Rentgen's personal tokens from the settings. */
import type { Logger } from '../log.ts';
import { personalTokenCheck } from '../auth/personal-tokens/personal-tokens.ts';
import { Revocations } from '../auth/personal-tokens/revocations.ts';
import type { TokenCheck } from '../auth/sender.ts';
import { readDatabaseUrl, type DatabaseAddress } from '../support/database-url.ts';
import type { Settings } from '../config/schema/schema.ts';
import type { Metrics } from '../metrics/metrics.ts';

/** The check, and what it depends on. */
export interface PersonalTokens {
  readonly check: TokenCheck;
  /** Undefined where revocation is not checked. */
  readonly revocations: Revocations | undefined;
}

/** Undefined without a secret key. The database is first queried for a token, or by `start` of the revocations. */
export function createPersonalTokens(
  settings: Settings,
  metrics: Metrics,
  log: Logger,
): PersonalTokens | undefined {
  const { secretKey, securityAlgorithm: algorithm, ...rest } = settings.auth.personalTokens;
  if (secretKey === undefined) return undefined;
  const address = rest.checkRevocation ? databaseAddress(settings) : undefined;
  const caching = {
    cacheTtlMs: rest.cacheTtlSeconds * 1000,
    cacheSize: rest.cacheSize,
    graceMs: rest.databaseGrace,
  };
  const revocations = address && new Revocations({ address, ...caching }, metrics, log);
  return { check: personalTokenCheck({ secretKey, algorithm }, revocations), revocations };
}

/** The address of Data.Rentgen's database; undefined where it is not set. An invalid URL is a configuration error before this. */
export function databaseAddress({ database: { url } }: Settings): DatabaseAddress | undefined {
  const address = url === undefined ? undefined : readDatabaseUrl(url);
  return typeof address === 'string' ? undefined : address;
}
