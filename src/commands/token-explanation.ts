/** What a personal token says, for people; whether it is true is another matter. */
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';

/** A line for each claim; undefined where there is no JWT. */
export function explainToken(token: string): string | undefined {
  let claims: JWTPayload;
  let algorithm: string | undefined;
  try {
    claims = decodeJwt(token);
    ({ alg: algorithm } = decodeProtectedHeader(token));
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

/** Control characters would write to the terminal what somebody else has made up. */
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
