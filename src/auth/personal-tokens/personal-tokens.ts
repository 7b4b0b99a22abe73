/**
 * The check of Data.Rentgen's personal tokens: signature, claims, lifetime, revocation. Answers, reasons and their order are Data.Rentgen's
 * (data_rentgen/server/utils/jwt.py, data_rentgen/server/providers/auth/personal_token_provider.py).
 */
import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { errors, jwtVerify, type JWTPayload } from 'jose';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { isSenderName, NAME_RULE } from '../sender-name.ts';
import { invalidToken, undecided, type Rejected, type TokenCheck } from '../sender.ts';
import { printable } from '../../support/printable.ts';
import type { RevocationState, TokenId } from './revocations.ts';

export type Algorithm = 'HS256' | 'HS384' | 'HS512';

export const ISSUER = 'data-rentgen';

/** Characters. A token without long names has about 400. */
const MAX_LENGTH = 8192;

/** Data.Rentgen's own column for it is varchar(64). */
const MAX_TOKEN_NAME = 64;

const UUID = '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$';

/** Times may have fractions: Data.Rentgen writes whole days as Python's floats, which may end with `.0`. */
const Claims = Type.Object({
  iss: Type.Literal(ISSUER),
  jti: Type.String({ pattern: UUID }),
  token_name: Type.String(),
  sub_id: Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
  preferred_username: Type.String({ minLength: 1 }),
  scope: Type.String(),
  nbf: Type.Number(),
  exp: Type.Number(),
  // PyJWT rejects a token with an audience, because Data.Rentgen expects none.
  aud: Type.Optional(Type.Null()),
});

export type PersonalTokenClaims = Static<typeof Claims>;

/** Tells the revocation state of a token. */
export interface RevocationSource {
  stateOf(token: TokenId): Promise<RevocationState>;
}

export interface PersonalTokenSettings {
  /** Any text; its UTF-8 is the key, as in PyJWT. */
  readonly secretKey: string;
  readonly algorithm: Algorithm;
}

const HASHES = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' } as const satisfies Record<
  Algorithm,
  string
>;

// Data.Rentgen's details are PyJWT's messages.
const TOO_FEW_PARTS = invalidToken('malformed', 'Not enough segments');
const NO_TOKEN = invalidToken('malformed', 'Invalid header string');
const TOO_LONG = invalidToken('malformed', `The token is longer than ${MAX_LENGTH} characters`);
const ALGORITHM = invalidToken('algorithm', 'The specified alg value is not allowed');
const SIGNATURE = invalidToken('signature', 'Signature verification failed');
const EXPIRED = invalidToken('expired', 'Token has expired');
const NOT_YET = invalidToken('not-yet-valid', 'The token is not yet valid (nbf)');
const ISSUER_WRONG = invalidToken('issuer', null);
const AUDIENCE = invalidToken('audience', null);
const CLAIMS = invalidToken('claims', null);
const NAME = invalidToken(
  'claims',
  `The "preferred_username" claim names no sender: ${NAME_RULE} were expected`,
);
const UNDECIDED = undecided('The proxy cannot check now whether the token is revoked');

/** Checks tokens without their prefix `personal_token_`. Without `revocations`, a token is valid until it expires. */
export function personalTokenCheck(
  settings: PersonalTokenSettings,
  revocations: RevocationSource | undefined,
): TokenCheck {
  const verifier = new Verifier(settings);
  return async (token) => {
    const verified = await verifier.verify(token);
    if (verified.rejection) return verified;
    const { jti, sub_id: userId, token_name: tokenName, preferred_username: name, exp } = verified.claims;
    if (!isSenderName(name)) return NAME;
    const tokenId = jti.toLowerCase();
    const revocation = await revocations?.stateOf({ userId, tokenId });
    if (revocation?.state === 'unknown') return UNDECIDED;
    if (revocation?.state === 'revoked') {
      return invalidToken(
        'revoked',
        `PersonalToken name='${printable(tokenName.slice(0, MAX_TOKEN_NAME))}', id=${tokenId} is revoked`,
      );
    }
    // PyJWT ignores fractions of a second.
    const expiresAt = Math.floor(exp) * 1000;
    return {
      sender: { way: 'personal-token', name },
      holdsUntil: expiresAt,
      holdsForMs: revocation?.forMs,
    };
  };
}

type Verified = { readonly claims: PersonalTokenClaims; readonly rejection?: undefined } | Rejected;

class Verifier {
  readonly #algorithm: Algorithm;
  readonly #key: KeyObject;

  constructor({ secretKey, algorithm }: PersonalTokenSettings) {
    this.#algorithm = algorithm;
    this.#key = createSecretKey(secretKey, 'utf8');
  }

  /** The claims of a token, or why it is rejected. The promise never rejects. */
  async verify(token: string): Promise<Verified> {
    const rejected = this.#rejectEarly(token);
    if (rejected) return rejected;
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: [this.#algorithm],
        issuer: ISSUER,
      });
      if (payload.exp === undefined) return EXPIRED;
      return Value.Check(Claims, payload)
        ? { claims: payload }
        : payload.aud === undefined
          ? CLAIMS
          : AUDIENCE;
    } catch (error) {
      return rejectionOf(error);
    }
  }

  /**
   * The checks that cost little. A wrong signature is found in 6 µs; jose needs 40 µs to 150 µs for it. A client may send thousands
   * of such tokens each second.
   */
  #rejectEarly(token: string): Rejected | undefined {
    if (token.length > MAX_LENGTH) return TOO_LONG;
    const [header = '', payload, signature, ...more] = token.split('.', 4);
    if (payload === undefined || signature === undefined) return TOO_FEW_PARTS;
    const algorithm = algorithmOf(header);
    if (algorithm === undefined) return NO_TOKEN;
    if (algorithm !== this.#algorithm) return ALGORITHM;
    if (more.length > 0) return SIGNATURE;
    const right = createHmac(HASHES[this.#algorithm], this.#key).update(`${header}.${payload}`).digest();
    const given = Buffer.from(signature, 'base64url');
    return given.length === right.length && timingSafeEqual(given, right) ? undefined : SIGNATURE;
  }
}

/** `alg` of a header; undefined when the text is not a header. */
function algorithmOf(header: string): unknown {
  let fields: unknown;
  try {
    fields = JSON.parse(Buffer.from(header, 'base64url').toString());
  } catch {
    return undefined;
  }
  if (typeof fields !== 'object' || fields === null) return undefined;
  // Without `alg`: null, which is not undefined and no allowed algorithm.
  return 'alg' in fields ? fields.alg : null;
}

/** The signature is right, so the proxy's own log may say whose token it is. */
function expired({ preferred_username: user, token_name: token }: JWTPayload): Rejected {
  if (typeof user !== 'string' || typeof token !== 'string') return EXPIRED;
  const shown = (name: string) => printable(name.slice(0, MAX_TOKEN_NAME));
  const detail = `the token "${shown(token)}" of ${shown(user)}`;
  return { rejection: { ...EXPIRED.rejection, detail } };
}

function rejectionOf(error: unknown): Rejected {
  if (error instanceof errors.JWTExpired) return expired(error.payload);
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'iss') return ISSUER_WRONG;
    if (error.claim === 'nbf' && error.reason === 'check_failed') return NOT_YET;
    return CLAIMS;
  }
  // Characters that are not base64url: Node skips them, so the check before has accepted the signature.
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWSSignatureVerificationFailed)
    return SIGNATURE;
  // The signature is right, but this is not a JWT: claims that are not an object, or extensions (`crit`).
  return CLAIMS;
}
