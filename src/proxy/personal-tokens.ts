/** Puts together what checks Data.Rentgen's personal tokens, from the settings. */
import type { Logger } from 'pino';
import { personalTokenCheck } from '../auth/personal-tokens/personal-tokens.ts';
import { Revocations } from '../auth/personal-tokens/revocations.ts';
import type { TokenCheck } from '../auth/sender.ts';
import { readDatabaseUrl, type DatabaseAddress } from '../support/database-url.ts';
import type { Settings } from '../config/schema/schema.ts';
import type { Metrics } from '../metrics/metrics.ts';

/** The check, and what is behind it. */
export interface PersonalTokens {
  readonly check: TokenCheck;
  /** Who knows which are revoked; undefined where nobody is asked. */
  readonly revocations: Revocations | undefined;
}

/** What the settings ask for; undefined without a secret key. The database is not asked before a token is, or `start`. */
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

/** Where Data.Rentgen's database is, if that is set. A URL that cannot be read is a fault of the settings already. */
export function databaseAddress({ database: { url } }: Settings): DatabaseAddress | undefined {
  const address = url === undefined ? undefined : readDatabaseUrl(url);
  return typeof address === 'string' ? undefined : address;
}
