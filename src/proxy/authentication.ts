/** Builds the authentication of senders from the settings. */
import type { Logger } from '../log.ts';
import type { Oidc } from '../auth/oidc/oidc.ts';
import { Authenticator } from '../auth/authenticator.ts';
import { ClientCertificates } from '../auth/client-certificates.ts';
import { SendersWatch } from '../auth/senders-watch.ts';
import { TokenMemory } from '../auth/token-memory.ts';
import { takesPersonalTokens } from '../config/rules/auth-rules.ts';
import type { Settings } from '../config/schema/schema.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { egressProxies } from './egress.ts';
import { beginAuthenticationMetrics } from './initial-metrics.ts';
import type { PersonalTokens } from './personal-tokens.ts';

/** The number of access tokens that are remembered: each has some kilobytes, and is replaced every few minutes. */
const MAX_ACCESS_TOKENS = 2000;

const NO_SENDERS =
  'EVERY EVENT IS REJECTED: auth.personal_tokens.enabled is false, and no other authentication is configured. Remove the setting to accept events without authentication';

/** The authentication, and what it depends on. */
export interface Authentication {
  readonly authenticator: Authenticator;
  readonly senders: SendersWatch;
  /** What is wrong with its dependencies, by their names; for `/monitoring/ready`. */
  readonly problems: () => Readonly<Record<string, string>>;
  readonly close: () => Promise<void>;
}

/**
 * Undefined without authentication: the proxy accepts events of all clients.
 * @throws when the senders file is invalid, or when no sender could ever be recognised.
 */
export async function createAuthentication(
  settings: Settings,
  metrics: Metrics,
  log: Logger,
): Promise<Authentication | undefined> {
  metrics.databaseUp.set(1);
  metrics.sendersFileGood.set(1);
  const { sendersFile, oidc, clientCertificates } = settings.auth;
  const hasAnotherWay =
    takesPersonalTokens(settings) || oidc.issuer !== undefined || clientCertificates.enabled;
  if (sendersFile === undefined && !hasAnotherWay) {
    // Data.Rentgen rejects every event then. To disable tokens does not mean to accept events of all clients.
    if (settings.auth.personalTokens.enabled !== false) return undefined;
    log.warn(NO_SENDERS);
  }
  beginAuthenticationMetrics(metrics);
  const senders = new SendersWatch(sendersFile, metrics, log);
  if (sendersFile !== undefined && !hasAnotherWay && !senders.senders.haveApiKeys) {
    throw new Error(`no sender has an API key in ${sendersFile}, and no other authentication is configured`);
  }
  const personalTokens = await openPersonalTokens(settings, metrics, log);
  const revocations = personalTokens?.revocations;
  revocations?.start();
  const accessTokens = await openOidc(settings, metrics, log);
  const authenticator = new Authenticator({
    senders: () => senders.senders,
    personalTokens:
      personalTokens && new TokenMemory(personalTokens.check, settings.auth.personalTokens.cacheSize),
    oidc: accessTokens && new TokenMemory(accessTokens.check, MAX_ACCESS_TOKENS),
    certificates: clientCertificates.enabled ? new ClientCertificates(clientCertificates.name) : undefined,
  });
  return {
    authenticator,
    senders,
    problems: () => ({
      ...(senders.problem === undefined ? {} : { senders_file: senders.problem }),
      ...(revocations?.problem === undefined ? {} : { database: revocations.problem }),
      ...(accessTokens?.problem === undefined ? {} : { oidc: accessTokens.problem }),
    }),
    close: async () => {
      senders.close();
      accessTokens?.close();
      await revocations?.close();
    },
  };
}

/** The check of access tokens, which has started; undefined without a provider. */
export async function openOidc(settings: Settings, metrics: Metrics, log: Logger): Promise<Oidc | undefined> {
  const {
    issuer,
    algorithms,
    caFile,
    audience,
    clockSkew: clockSkewMs,
    nameClaim,
    requiredScope,
  } = settings.auth.oidc;
  if (issuer === undefined) return undefined;
  const proxies = egressProxies();
  const oidcSettings = {
    issuer,
    algorithms,
    caFile,
    audience,
    clockSkewMs,
    nameClaim,
    requiredScope,
    proxies,
  };
  // Loaded here: only a proxy with a provider needs it.
  const { Oidc } = await import('../auth/oidc/oidc.ts');
  const checks = new Oidc(oidcSettings, metrics, log);
  checks.start();
  return checks;
}

async function openPersonalTokens(
  settings: Settings,
  metrics: Metrics,
  log: Logger,
): Promise<PersonalTokens | undefined> {
  if (!takesPersonalTokens(settings)) return undefined;
  // Loaded here: only a proxy that accepts them needs it.
  const { createPersonalTokens } = await import('./personal-tokens.ts');
  return createPersonalTokens(settings, metrics, log);
}
