/** Puts together, from the settings, what recognises senders. */
import type { Logger } from 'pino';
import { Authenticator } from '../auth/authenticator.ts';
import { ClientCertificates } from '../auth/client-certificates.ts';
import { SendersWatch } from '../auth/senders-watch.ts';
import { takesPersonalTokens } from '../config/auth-rules.ts';
import type { Settings } from '../config/schema.ts';
import type { Metrics } from '../metrics.ts';

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
export function createAuthentication(
  settings: Settings,
  metrics: Metrics,
  log: Logger,
): Authentication | undefined {
  const { sendersFile, oidc, clientCertificates } = settings.auth;
  const isAnyOtherWayOpen =
    takesPersonalTokens(settings) || oidc.issuer !== undefined || clientCertificates.enabled;
  if (sendersFile === undefined && !isAnyOtherWayOpen) return undefined;
  const senders = new SendersWatch(sendersFile, metrics, log);
  if (!isAnyOtherWayOpen && !senders.senders.haveApiKeys) {
    throw new Error(
      `nobody has an API key in ${sendersFile ?? ''}, and no other way to be recognised is open`,
    );
  }
  const authenticator = new Authenticator({
    senders: () => senders.senders,
    personalTokens: undefined,
    oidc: undefined,
    certificates: clientCertificates.enabled ? new ClientCertificates(clientCertificates.name) : undefined,
  });
  return {
    authenticator,
    senders,
    problems: () => (senders.problem === undefined ? {} : { senders_file: senders.problem }),
    close: async () => {
      senders.close();
      await Promise.resolve();
    },
  };
}
