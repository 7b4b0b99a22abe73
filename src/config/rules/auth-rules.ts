/** The rules between the settings of authentication. */
import { readDatabaseUrl } from '../../support/database-url.ts';
import type { Settings } from '../schema/schema.ts';
import { isLoopback } from '../schema/text-kinds.ts';
import { needs, readable, when, type Rule } from './rule.ts';

/** Whether the proxy accepts personal tokens. Data.Rentgen's `.env` may have only their secret key, without `ENABLED`. */
export function takesPersonalTokens({ auth: { personalTokens } }: Settings): boolean {
  return personalTokens.enabled ?? personalTokens.secretKey !== undefined;
}

/** Whether any way to recognise senders is configured. */
export function recognisesSenders(settings: Settings): boolean {
  const { sendersFile, oidc, clientCertificates } = settings.auth;
  const byToken = takesPersonalTokens(settings) || oidc.issuer !== undefined;
  return byToken || sendersFile !== undefined || clientCertificates.enabled;
}

/**
 * OpenID Connect Discovery §3: https, no query, no fragment. Without TLS an attacker can replace the keys, except on this
 * machine.
 */
export function issuerError({
  protocol,
  hostname,
  search,
  hash,
  username,
  password,
}: URL): string | undefined {
  if (protocol !== 'https:' && !isLoopback(hostname))
    return "has to begin with https://: without TLS an attacker in the network can replace the provider's keys";
  return when(
    search + hash + username + password !== '',
    'must have no query, fragment or user (OpenID Connect Discovery)',
  );
}

export const authRules: readonly Rule[] = [
  {
    about: ['auth.personal_tokens.enabled', 'auth.personal_tokens.secret_key'],
    serving: true,
    check: (settings) =>
      when(
        takesPersonalTokens(settings) && settings.auth.personalTokens.secretKey === undefined,
        'needs auth.personal_tokens.secret_key, the key that Data.Rentgen signs tokens with',
      ),
  },
  {
    about: ['auth.personal_tokens.secret_key', 'auth.personal_tokens.check_revocation', 'database.url'],
    serving: true,
    check: (settings) =>
      when(
        takesPersonalTokens(settings) &&
          settings.auth.personalTokens.secretKey !== undefined &&
          settings.auth.personalTokens.checkRevocation &&
          settings.database.url === undefined,
        'personal tokens need database.url, to check for revoked tokens; or set auth.personal_tokens.check_revocation to false, but then a stolen token is valid until it expires',
      ),
  },
  {
    about: ['database.url'],
    check: ({ database: { url } }) => {
      const address = url === undefined ? undefined : readDatabaseUrl(url);
      return typeof address === 'string' ? address : undefined;
    },
  },
  {
    about: ['auth.oidc.issuer', 'auth.oidc.audience'],
    check: ({ auth: { oidc } }) =>
      when(
        oidc.issuer !== undefined && oidc.audience.length === 0,
        'needs auth.oidc.audience: without it, the proxy would accept tokens for every other service of the provider',
      ),
  },
  {
    about: ['auth.oidc.issuer'],
    check: ({ auth: { oidc } }) =>
      oidc.issuer === undefined ? undefined : issuerError(new URL(oidc.issuer)),
  },
  {
    about: ['auth.oidc.required_scope'],
    check: ({ auth: { oidc } }) =>
      when(/\s/.test(oidc.requiredScope ?? ''), 'a single scope was expected, without white space'),
  },
  {
    about: ['auth.oidc.algorithms'],
    check: ({ auth: { oidc } }) =>
      when(oidc.algorithms.length === 0, 'needs at least one algorithm: without one, no token can be valid'),
  },
  needs('auth.oidc.ca_file', 'auth.oidc.issuer', ({ auth }) => auth.oidc.caFile),
  readable('auth.oidc.ca_file', ({ auth }) => auth.oidc.caFile),
  readable('auth.senders_file', ({ auth }) => auth.sendersFile),
  {
    about: ['auth.client_certificates.enabled', 'server.ssl_ca_certs', 'server.ssl_cert_reqs'],
    check: ({ auth, server }) =>
      when(
        auth.clientCertificates.enabled && (server.sslCaCerts === undefined || server.sslCertReqs === 'none'),
        'needs server.ssl_ca_certs, and needs server.ssl_cert_reqs to be optional or required',
      ),
  },
];
