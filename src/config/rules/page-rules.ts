/** The rules between the settings of the page. */
import { isLoopback } from '../schema/text-kinds.ts';
import { issuerError, recognisesSenders } from './auth-rules.ts';
import { needs, readable, when, type Rule } from './rule.ts';

const ISSUER = 'server.page.oidc.issuer';

/** The path where the page takes the redirect of the provider. */
const CALLBACK = '/page/oidc/callback';

export const pageRules: readonly Rule[] = [
  {
    about: ['server.page.on_monitoring', 'server.monitoring.port'],
    check: ({ server }) =>
      when(
        server.page.onMonitoring && server.monitoring.port === undefined,
        'needs server.monitoring.port, the port that serves the page then',
      ),
  },
  {
    about: ['server.page.senders'],
    check: (settings) =>
      when(
        settings.server.page.senders && !recognisesSenders(settings),
        'needs a way to recognise senders, e.g. auth.senders_file',
      ),
  },
  {
    about: [ISSUER],
    check: ({ server: { page } }) =>
      page.oidc.issuer === undefined ? undefined : issuerError(new URL(page.oidc.issuer)),
  },
  needs(ISSUER, 'server.page.oidc.client_id', ({ server }) => server.page.oidc.issuer),
  needs(ISSUER, 'server.page.oidc.redirect_uri', ({ server }) => server.page.oidc.issuer),
  {
    about: [ISSUER, 'server.page.oidc.users'],
    check: ({ server: { page } }) =>
      when(
        page.oidc.issuer !== undefined && page.oidc.users.length === 0,
        'needs server.page.oidc.users, which says who may see the page; * is every account of the provider',
      ),
  },
  {
    about: ['server.page.oidc.redirect_uri'],
    check: ({ server: { page } }) =>
      page.oidc.redirectUri === undefined ? undefined : redirectError(new URL(page.oidc.redirectUri)),
  },
  {
    about: ['server.page.oidc.scopes'],
    check: ({ server: { page } }) =>
      when(!page.oidc.scopes.includes('openid'), 'needs the scope openid: without it there is no ID token'),
  },
  needs('server.page.oidc.client_id', ISSUER, ({ server }) => server.page.oidc.clientId),
  needs('server.page.oidc.client_secret', ISSUER, ({ server }) => server.page.oidc.clientSecret),
  needs('server.page.oidc.ca_file', ISSUER, ({ server }) => server.page.oidc.caFile),
  readable('server.page.oidc.ca_file', ({ server }) => server.page.oidc.caFile),
];

/** RFC 6749 §3.1.2: no fragment. The redirect has the code of the login: without TLS it can be read on the way. */
function redirectError({ protocol, hostname, pathname, search, hash }: URL): string | undefined {
  if (protocol !== 'https:' && !isLoopback(hostname))
    return 'has to begin with https://: without TLS the code of a login can be read on the way';
  return when(
    !pathname.endsWith(CALLBACK) || search + hash !== '',
    `has to end in ${CALLBACK}, without query and fragment`,
  );
}
