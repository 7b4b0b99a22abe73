/** Asks the services that the proxy needs beside Kafka: the OpenID provider, the token endpoint and the database. */
import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { OidcKeys } from '../../auth/oidc/oidc-keys.ts';
import {
  DocumentError,
  readKeysAt,
  readKeySet,
  readLoginDescription,
} from '../../auth/oidc/provider-documents.ts';
import type { Settings } from '../../config/schema/schema.ts';
import { BrokerError } from '../../kafka/broker-error.ts';
import { OauthToken, tokenSourceOf } from '../../kafka/login/oauth-token.ts';
import { createMetrics } from '../../metrics/metrics.ts';
import { egressProxies } from '../../proxy/egress.ts';
import { kafkaSecurity } from '../../proxy/core-settings.ts';
import { createPersonalTokens } from '../../proxy/personal-tokens.ts';
import { errorText } from '../../support/error-text.ts';
import { systemTime } from '../../support/time.ts';
import { withinTime } from '../../support/time-limit.ts';
import { reasonOf, type Report } from './finding.ts';

/** Milliseconds for the documents of the provider, and for a token. */
const ANSWER_MS = 8000;

/** Reads the documents of the provider of access tokens, as the proxy does. */
export async function checkProvider({ auth: { oidc } }: Settings, report: Report): Promise<void> {
  const { issuer, caFile, algorithms } = oidc;
  if (issuer === undefined) return;
  const without = 'access tokens are refused. Check auth.oidc.issuer and auth.oidc.ca_file.';
  await checkKeys('auth.oidc.issuer', algorithms, without, report, () => {
    const { ca, signal, proxies } = accessOf(caFile);
    return readKeySet(issuer, ca, signal, proxies);
  });
}

/** Reads the documents of the provider of logins to the page. */
export async function checkPageProvider({ auth, server }: Settings, report: Report): Promise<void> {
  const { issuer, caFile } = server.page.oidc;
  if (issuer === undefined || !server.page.enabled) return;
  const place = 'server.page.oidc.issuer';
  const without = 'no one can log in to the page there. Check this setting and server.page.oidc.ca_file.';
  await checkKeys(place, auth.oidc.algorithms, without, report, async () => {
    const access = accessOf(caFile);
    const { jwks_uri: address } = await readLoginDescription(issuer, place, access);
    return readKeysAt(address, issuer, access);
  });
}

function accessOf(caFile: string | undefined) {
  const ca = caFile === undefined ? undefined : readFileSync(caFile, 'utf8');
  return { ca, signal: AbortSignal.timeout(ANSWER_MS), proxies: egressProxies() };
}

/** `without` says what happens until the provider answers. */
async function checkKeys(
  place: string,
  algorithms: readonly string[],
  without: string,
  report: Report,
  read: () => Promise<unknown>,
): Promise<void> {
  try {
    const keys = await OidcKeys.of(await read(), algorithms);
    if (!keys) throw new DocumentError('answers with something that is not a key set');
    if (keys.used === 0) throw new DocumentError(`has no key for ${algorithms.join(', ')}`);
    report({
      severity: 'ok',
      place,
      message: `the OpenID provider answers, and has ${keys.used} usable keys`,
    });
  } catch (error) {
    const detail = error instanceof DocumentError && error.detail !== '' ? ` (${error.detail})` : '';
    report({
      severity: 'error',
      place,
      message: `the OpenID provider ${errorText(error)}${detail}`,
      advice: `Until it answers, ${without}`,
    });
  }
}

/** Gets a token for Kafka from its source. */
export async function checkToken(settings: Settings, report: Report): Promise<void> {
  const { type, oauth } = settings.kafka.security;
  if (type !== 'OAUTHBEARER') return;
  const { place, found } = sourceOf(oauth);
  try {
    const { oauth: used } = kafkaSecurity(settings);
    if (used.tokenFile !== undefined) await new OauthToken(used).current();
    else {
      const { issue, noAnswer } = tokenSourceOf(used);
      const late = () => new BrokerError(`no token within ${ANSWER_MS / 1000} s`, noAnswer, true);
      await withinTime(issue(systemTime.wall.now()), ANSWER_MS, late);
    }
    report({ severity: 'ok', place, message: found });
  } catch (error) {
    report({
      severity: 'error',
      place,
      message: reasonOf(error),
      advice: 'Without a token the proxy cannot log in to Kafka.',
    });
  }
}

/** The setting that names the source of the token, and what is reported when it gives one. */
function sourceOf({ tokenFile, cloud }: Settings['kafka']['security']['oauth']) {
  if (tokenFile !== undefined) {
    return { place: 'kafka.security.oauth.token_file', found: 'the file has a token' };
  }
  return cloud.provider === undefined
    ? { place: 'kafka.security.oauth.token_endpoint', found: 'the endpoint gives a token' }
    : { place: 'kafka.security.oauth.cloud', found: 'the library of the cloud gives a token' };
}

/** Asks Data.Rentgen's database the question that the proxy asks for a token. */
export async function checkDatabase(settings: Settings, report: Report): Promise<void> {
  let detail = '';
  const log = pino({ level: 'error' }, { write: (line: string) => (detail ||= detailIn(line)) });
  const revocations = createPersonalTokens(settings, createMetrics(), log)?.revocations;
  if (!revocations) return;
  const place = 'database.url';
  try {
    await revocations.stateOf({ userId: 0, tokenId: '00000000-0000-0000-0000-000000000000' });
    const { problem } = revocations;
    if (problem === undefined) report({ severity: 'ok', place, message: 'the database answers' });
    else {
      report({
        severity: 'error',
        place,
        message: `the database cannot be asked for revoked tokens: ${problem.replace(/; since .*/, '')}${detail === '' ? '' : ` (${detail})`}`,
        advice: 'Until it answers, personal tokens are answered 503.',
      });
    }
  } finally {
    await revocations.close();
  }
}

/** The member `detail` of a line of the log. */
function detailIn(line: string): string {
  const parsed: unknown = JSON.parse(line);
  const isLine = typeof parsed === 'object' && parsed !== null && 'detail' in parsed;
  return isLine && typeof parsed.detail === 'string' ? parsed.detail : '';
}
