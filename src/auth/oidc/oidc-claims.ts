/** The checks of an access token beyond those of every JWT: its kind, its scope, and the name of its sender. */
import type { JWTPayload } from 'jose';
import { isSenderName, NAME_RULE } from '../sender-name.ts';
import { invalidToken, type Rejected } from '../sender.ts';

/** The claims that name a sender; the first that is there decides. They are a person's login, the client's id (RFC 9068, then OpenID Connect), the subject. */
const NAME_CLAIMS = ['preferred_username', 'client_id', 'azp', 'sub'];

/** Claims of ID tokens only (OpenID Connect Core §2, §3.3.2.11), and one of logout tokens (Back-Channel Logout §2.4). */
const CLAIMS_OF_OTHER_TOKENS = ['at_hash', 'c_hash', 's_hash', 'events'];

/** Why a token is rejected after its signature, issuer, audience and lifetime have passed their checks; undefined where it is not. */
export function claimsRejection(
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
  // RFC 7800: valid only together with a proof of its holder's key (DPoP, mutual TLS), which the proxy does not check.
  if (claims.cnf !== undefined)
    return invalidToken('claims', 'The token is bound to a key of its holder (cnf)');
  if (requiredScope !== undefined && !scopesOf(claims).includes(requiredScope))
    return invalidToken('claims', 'The token lacks the required scope');
  return undefined;
}

/**
 * The name of the sender: the value of `nameClaim`, or by default of the first claim that the token has. A value that cannot be
 * a name rejects the token. The next claim may name a sender with other rights: a client, whose users choose their own login.
 */
export function nameOf(claims: JWTPayload, nameClaim: string | undefined): string | Rejected {
  const names = nameClaim === undefined ? NAME_CLAIMS : [nameClaim];
  const decisive = names.find((name) => Object.hasOwn(claims, name));
  if (decisive === undefined) return invalidToken('claims', 'The token does not name its sender');
  const value = claims[decisive];
  // The name of the claim is from the settings or from the list above, never from the token.
  return isSenderName(value)
    ? value
    : invalidToken('claims', `The "${decisive}" claim names no sender: ${NAME_RULE} were expected`);
}

/**
 * True for an access token. A header with `at+jwt` says so (RFC 9068 §2.1). A header with `JWT` may also be an ID token of the same
 * provider. Keycloak tells them apart in a claim `typ`, Cognito in `token_use`; other ID tokens have claims that only they have.
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
