/** What an access token has to say beyond what every JWT has to: that it is one, what it allows, and whose it is. */
import type { JWTPayload } from 'jose';
import { invalidToken, type Rejected } from '../sender.ts';

/** The claims that name a sender: a person's login; the client's id, as RFC 9068 has it and as OpenID does; the subject, at least. */
const NAME_CLAIMS = ['preferred_username', 'client_id', 'azp', 'sub'];

/** Characters of a name; it goes into a record header, the log and the metrics. */
const MAX_NAME = 256;

/** What would break a line of the log, hide in it or turn it around, and what has no UTF-8. */
const INSANE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

/** Claims that only ID tokens have (OpenID Connect Core §2, §3.3.2.11), and one of logout tokens (Back-Channel Logout §2.4). */
const CLAIMS_OF_OTHER_TOKENS = ['at_hash', 'c_hash', 's_hash', 'events'];

/** What is wrong with the claims of a token whose signature, issuer, audience and life are good. */
export function claimsFault(
  claims: JWTPayload,
  typ: string | undefined,
  clockSkewMs: number,
  requiredScope: string | undefined,
): Rejected | undefined {
  const { iat } = claims;
  if (iat !== undefined && typeof iat !== 'number')
    return invalidToken('claims', 'The "iat" claim must be a number');
  if (iat !== undefined && iat * 1000 > Date.now() + clockSkewMs)
    return invalidToken('not-yet-valid', 'The token is not yet valid (iat)');
  if (!isAccessToken(claims, typ)) return invalidToken('claims', 'Not an access token');
  // RFC 7800: good only together with a key that its holder shows (DPoP, mutual TLS), which is not looked at here.
  if (claims.cnf !== undefined)
    return invalidToken('claims', 'The token is bound to a key of its holder (cnf)');
  if (requiredScope !== undefined && !scopesOf(claims).includes(requiredScope))
    return invalidToken('claims', 'The token lacks the required scope');
  return undefined;
}

/** The name of the sender, by one claim or by the first that has one. */
export function nameOf(claims: JWTPayload, nameClaim: string | undefined): string | undefined {
  const names = nameClaim === undefined ? NAME_CLAIMS : [nameClaim];
  return names.map((name) => claims[name]).find((value) => isName(value));
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_NAME && value.trim() !== '' && !INSANE.test(value);
}

/**
 * Is it an access token? One whose header says `at+jwt` is (RFC 9068 §2.1). One that says no more than `JWT` may be an ID token of
 * the same provider: Keycloak says which in a claim `typ`, Cognito in `token_use`; others are known by claims of their own.
 */
function isAccessToken(claims: JWTPayload, typ: string | undefined): boolean {
  if (typ?.toLowerCase().includes('at+jwt')) return true;
  if (claims.typ !== undefined) return claims.typ === 'Bearer';
  if (claims.token_use !== undefined) return claims.token_use === 'access';
  return claims.nonce === undefined && !CLAIMS_OF_OTHER_TOKENS.some((name) => claims[name] !== undefined);
}

/** `scope` is a text with spaces (RFC 8693 §4.2); Okta has a list `scp`, Entra a text of that name. */
function scopesOf({ scope, scp }: JWTPayload): unknown[] {
  return [scope, scp].flatMap((value): unknown[] => {
    if (typeof value === 'string') return value.split(' ');
    return Array.isArray(value) ? value : [];
  });
}
