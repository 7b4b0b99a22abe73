/** The names of hosts that the proxy connects to. `serve` starts without them, and tries again. */
import { lookup } from 'node:dns/promises';
import { takesPersonalTokens } from '../../config/rules/auth-rules.ts';
import type { Settings } from '../../config/schema/schema.ts';
import { readEnvironment } from '../../config/sources/environment.ts';
import { brokerAt } from '../../kafka/cluster/broker-address.ts';
import { databaseAddress } from '../../proxy/personal-tokens.ts';
import { errorCode, errorText } from '../../support/error-text.ts';
import { withinTime } from '../../support/time-limit.ts';
import type { Finding } from './finding.ts';

/** Milliseconds for all names together: they are resolved at the same time. */
const LIMIT_MS = 4000;

const tooLate = () => new Error(`no answer within ${LIMIT_MS / 1000} s`);

/** A warning for each name that does not resolve. An address in place of a name always resolves. */
export async function findUnknownNames(settings: Settings): Promise<readonly Finding[]> {
  const names = namesOf(settings);
  const found = await Promise.all(names.map(([place, host]) => unknownName(place, host)));
  return found.filter((finding) => finding !== undefined);
}

/** Each name once for each setting. */
function namesOf(settings: Settings): readonly (readonly [place: string, host: string])[] {
  const { kafka, auth, server } = settings;
  const names: [string, string][] = kafka.bootstrapServers.map((address) => [
    'kafka.bootstrap_servers',
    brokerAt(address).host,
  ]);
  // Behind an HTTP proxy it is the proxy that resolves the name.
  const environment = readEnvironment();
  const hasProxy = (environment['HTTPS_PROXY'] ?? environment['https_proxy']) !== undefined;
  const { type, oauth } = kafka.security;
  const asksEndpoint = type === 'OAUTHBEARER' && oauth.tokenFile === undefined && !hasProxy;
  if (asksEndpoint && oauth.tokenEndpoint !== undefined) {
    names.push(['kafka.security.oauth.token_endpoint', hostOf(oauth.tokenEndpoint)]);
  }
  if (auth.oidc.issuer !== undefined && !hasProxy) names.push(['auth.oidc.issuer', hostOf(auth.oidc.issuer)]);
  const { enabled, oidc } = server.page;
  if (enabled && oidc.issuer !== undefined && !hasProxy) {
    names.push(['server.page.oidc.issuer', hostOf(oidc.issuer)]);
  }
  const database = asksDatabase(settings) ? databaseAddress(settings) : undefined;
  if (database && !database.host.startsWith('/')) names.push(['database.url', database.host]);
  return names;
}

/** True if the proxy asks the database for revoked tokens. */
export function asksDatabase(settings: Settings): boolean {
  return takesPersonalTokens(settings) && settings.auth.personalTokens.checkRevocation;
}

/** Without the brackets of an IPv6 address. */
function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '');
}

async function unknownName(place: string, host: string): Promise<Finding | undefined> {
  try {
    await withinTime(lookup(host), LIMIT_MS, tooLate);
    return undefined;
  } catch (error) {
    const reason = errorCode(error) ?? errorText(error);
    return {
      severity: 'warning',
      place,
      message: `the name ${host} does not resolve on this machine (${reason})`,
      advice:
        'The proxy starts, and tries again. Check the name, or check again on the machine of the proxy.',
    };
  }
}
