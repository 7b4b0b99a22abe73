/** Puts together, from the settings, what recognises senders. */
import type { Logger } from 'pino';
import type { Oidc } from '../auth/oidc/oidc.ts';
import { Authenticator } from '../auth/authenticator.ts';
import { ClientCertificates } from '../auth/client-certificates.ts';
import { SendersWatch } from '../auth/senders-watch.ts';
import { TokenMemory } from '../auth/token-memory.ts';
import { takesPersonalTokens } from '../config/rules/auth-rules.ts';
import type { Settings } from '../config/schema/schema.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { PersonalTokens } from './personal-tokens.ts';

/** Access tokens that are remembered: some kilobytes each, and new ones every few minutes. */
const MAX_ACCESS_TOKENS = 2000;

const NOBODY =
  'NOBODY MAY SEND: auth.personal_tokens.enabled is false, and no other way to be recognised is open. Leave it out to let everybody send';

/** What recognises senders, and what is behind it. */
export interface Authentication {
  readonly authenticator: Authenticator;
  readonly senders: SendersWatch;
  /** What is wrong with whom it asks, by its name; for `/monitoring/ready`. */
  readonly problems: () => Readonly<Record<string, string>>;
  readonly close: () => Promise<void>;
}

/**
 * What the settings ask for; undefined where everybody may send.
 * @throws when the file of senders is not right, or nobody could ever be recognised.
 */
export async function createAuthentication(
  settings: Settings,
  metrics: Metrics,
  log: Logger,
): Promise<Authentication | undefined> {
  metrics.databaseUp.set(1);
  metrics.sendersFileGood.set(1);
  const { sendersFile, oidc, clientCertificates } = settings.auth;
  const isAnyOtherWayOpen =
    takesPersonalTokens(settings) || oidc.issuer !== undefined || clientCertificates.enabled;
  if (sendersFile === undefined && !isAnyOtherWayOpen) {
    // Data.Rentgen's takes nothing at all then. Who has switched tokens off has not said that everybody may send.
    if (settings.auth.personalTokens.enabled !== false) return undefined;
    log.warn(NOBODY);
  }
  const senders = new SendersWatch(sendersFile, metrics, log);
  if (sendersFile !== undefined && !isAnyOtherWayOpen && !senders.senders.haveApiKeys) {
    throw new Error(`nobody has an API key in ${sendersFile}, and no other way to be recognised is open`);
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

async function openOidc(settings: Settings, metrics: Metrics, log: Logger): Promise<Oidc | undefined> {
  if (settings.auth.oidc.issuer === undefined) return undefined;
  // Loaded only where there is a provider.
  const { createOidc } = await import('./oidc.ts');
  return createOidc(settings, metrics, log);
}

async function openPersonalTokens(
  settings: Settings,
  metrics: Metrics,
  log: Logger,
): Promise<PersonalTokens | undefined> {
  if (!takesPersonalTokens(settings)) return undefined;
  // Loaded only where they are taken.
  const { createPersonalTokens } = await import('./personal-tokens.ts');
  return createPersonalTokens(settings, metrics, log);
}
