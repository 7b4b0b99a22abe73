import { text } from 'node:stream/consumers';
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';
import { pino } from 'pino';
import type { Settings } from '../../config/schema/schema.ts';
import { createMetrics } from '../../metrics/metrics.ts';
import { createPersonalTokens } from '../../proxy/personal-tokens.ts';

/**
 * Prints the claims of a token, and the proxy's decision about it. Reads a `-` from standard input, because every user of
 * the machine can see arguments. Returns the exit code: 0 for a token that the proxy accepts, or cannot check without a key.
 */
export async function inspectToken(given: string, settings: Settings): Promise<number> {
  const written = (given === '-' ? await text(process.stdin) : given).trim();
  const jwt = written
    .replace(/^authorization: */i, '')
    .replace(/^bearer +/i, '')
    .replace('personal_token_', '');
  const explanation = explainToken(jwt);
  if (explanation === undefined) {
    console.error('this is no personal token: it is not a JWT with readable claims');
    return 1;
  }
  console.log(explanation);
  const personalTokens = createPersonalTokens(settings, createMetrics(), pino({ enabled: false }));
  if (!personalTokens) {
    console.error('Its signature was not checked: auth.personal_tokens.secret_key is not set.');
    return 0;
  }
  const { check, revocations } = personalTokens;
  const { sender, rejection } = await check(jwt);
  await revocations?.close();
  if (!revocations)
    console.error('It was not checked whether the token is revoked: database.url is not set, or not used.');
  if (sender) {
    console.log(`the proxy   takes it, as ${sender.name}`);
    return 0;
  }
  const { message, details } = rejection.refusal;
  const problem = revocations?.problem;
  const why =
    typeof details === 'string' ? details : problem === undefined ? undefined : `the database: ${problem}`;
  console.log(`the proxy   refuses it: ${message}${why === undefined ? '' : `: ${why}`}`);
  return 1;
}

/** A line for each claim, unchecked; undefined when the text is no JWT. */
function explainToken(jwt: string): string | undefined {
  let claims: JWTPayload;
  let algorithm: string | undefined;
  try {
    claims = decodeJwt(jwt);
    ({ alg: algorithm } = decodeProtectedHeader(jwt));
  } catch {
    return undefined;
  }
  const lines: readonly (readonly [string, unknown])[] = [
    ['name', claims['token_name']],
    ['user', `${shown(claims['preferred_username'])} (id ${shown(claims['sub_id'])})`],
    ['scope', claims['scope']],
    ['id', claims.jti],
    ['issuer', claims.iss],
    ['algorithm', algorithm],
    ['issued', timeOf(claims.iat)],
    ['valid from', timeOf(claims.nbf)],
    ['valid until', timeOf(claims.exp)],
  ];
  return lines.map(([label, value]) => `${label.padEnd(11)} ${shown(value)}`).join('\n');
}

/** The text of a claim. Control characters are replaced, because the token's author could write to the terminal with them. */
function shown(value: unknown): string {
  if (value === undefined) return '(missing)';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.replace(/\p{Cc}/gu, '\u{fffd}');
}

function timeOf(seconds: unknown): unknown {
  if (typeof seconds !== 'number') return seconds;
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? seconds : time.toISOString();
}
