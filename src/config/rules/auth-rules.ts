/** What holds between the settings of who may send. */
import { readDatabaseUrl } from '../../support/database-url.ts';
import type { Settings } from '../schema/schema.ts';
import { needs, readable, when, type Rule } from './rule.ts';

/** Are personal tokens taken? Data.Rentgen's own `.env` may not say so, but has a secret key for them. */
export function takesPersonalTokens({ auth: { personalTokens } }: Settings): boolean {
  return personalTokens.enabled ?? personalTokens.secretKey !== undefined;
}

/** OpenID Connect Discovery §3: https, no query, no fragment. Keys read in the clear would be anybody's, but on this machine. */
function issuerFault({ protocol, hostname, search, hash, username, password }: URL): string | undefined {
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
  if (protocol !== 'https:' && !isLoopback)
    return "has to begin with https://: whoever is on the way could put keys of his own in place of the provider's";
  return when(
    search + hash + username + password !== '',
    'has to be without a query, a fragment and a user, as OpenID Connect Discovery demands',
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
        'personal tokens need database.url, where it is seen which are revoked; or set auth.personal_tokens.check_revocation to false, and one that is stolen is good until it expires',
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
        'needs auth.oidc.audience: without it, a token that is meant for any other service of the provider would be taken',
      ),
  },
  {
    about: ['auth.oidc.issuer'],
    check: ({ auth: { oidc } }) =>
      oidc.issuer === undefined ? undefined : issuerFault(new URL(oidc.issuer)),
  },
  {
    about: ['auth.oidc.required_scope'],
    check: ({ auth: { oidc } }) =>
      when(/\s/.test(oidc.requiredScope ?? ''), 'one scope was expected, which has no white space'),
  },
  {
    about: ['auth.oidc.algorithms'],
    check: ({ auth: { oidc } }) =>
      when(oidc.algorithms.length === 0, 'without any algorithm no token would be taken'),
  },
  needs('auth.oidc.ca_file', 'auth.oidc.issuer', ({ auth }) => auth.oidc.caFile),
  readable('auth.oidc.ca_file', ({ auth }) => auth.oidc.caFile),
  readable('auth.senders_file', ({ auth }) => auth.sendersFile),
  {
    about: ['auth.client_certificates.enabled', 'server.ssl_ca_certs', 'server.ssl_cert_reqs'],
    check: ({ auth, server }) =>
      when(
        auth.clientCertificates.enabled && (server.sslCaCerts === undefined || server.sslCertReqs === 'none'),
        'needs server.ssl_ca_certs, and server.ssl_cert_reqs to be optional or required',
      ),
  },
];
