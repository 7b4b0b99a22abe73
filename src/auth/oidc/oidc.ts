/**
 * Recognises senders by access tokens of an OpenID provider: JWTs (RFC 9068 and older forms), checked as RFC 8725 advises. The settings
 * decide which algorithms are accepted, never the token. No header of a token (`jku`, `x5u`, `jwk`) decides where a key comes from.
 */
import { decodeJwt, decodeProtectedHeader, errors, type CryptoKey, type JWTPayload } from 'jose';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { Logger } from '../../log.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { claimsRejection, nameOf } from './oidc-claims.ts';
import { verifyWith } from './oidc-keys.ts';
import { OidcProvider, type ProviderSettings, type ProviderTimes } from './oidc-provider.ts';
import { invalidToken, undecided, type Finding, type Rejected, type TokenCheck } from '../sender.ts';

export interface OidcSettings extends ProviderSettings {
  readonly audience: readonly string[];
  readonly clockSkewMs: number;
  /** By default the first of `preferred_username`, `client_id`, `azp` and `sub` that the token has. */
  readonly nameClaim: string | undefined;
  readonly requiredScope: string | undefined;
}

/** The default limit of a whole request head is 16 KiB, too. */
const MAX_CHARACTERS = 16 * 1024;

/** RFC 7515 §7.1: header, claims, signature. An unsecured token, of algorithm `none`, has an empty signature. */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** Milliseconds for which a result is valid: a key that the provider has withdrawn must not be accepted for much longer. */
const HOLDS_MS = 300_000;

const Header = Type.Object({
  alg: Type.String(),
  kid: Type.Optional(Type.String()),
  typ: Type.Optional(Type.String()),
  crit: Type.Optional(Type.Unknown()),
});
type Header = Type.Static<typeof Header>;

/** Recognises senders by the tokens of one provider, from `start` to `close`. */
export class Oidc {
  readonly #settings: OidcSettings;
  readonly #provider: OidcProvider;

  constructor(settings: OidcSettings, metrics: Metrics, log: Logger, times?: ProviderTimes) {
    this.#settings = settings;
    this.#provider = new OidcProvider(settings, metrics, log, times);
  }

  start(): void {
    this.#provider.start();
  }

  close(): void {
    this.#provider.close();
  }

  /** What is wrong with the provider, for an operator, without addresses; undefined while nothing is. */
  get problem(): string | undefined {
    const { problem } = this.#provider;
    return problem === undefined ? undefined : `the OpenID provider ${problem}`;
  }

  /** Checks one token. Takes a second at most, and that only where its key is unknown. The promise never rejects. */
  readonly check: TokenCheck = async (token) => {
    const header = readHeader(token);
    if ('rejection' in header) return header;
    const rejected = this.#checkHeader(header) ?? this.#checkIssuer(token);
    if (rejected) return rejected;
    const { alg, kid } = header;
    let keys = this.#provider.matching(alg, kid);
    let finding = await this.#verify(token, keys);
    // Also where a key of that id is known: some providers put another key under the same id.
    if (!finding) {
      const isKnown = keys.length > 0 && kid !== undefined;
      const upToDate = await this.#provider.renew();
      const renewed = this.#provider.matching(alg, kid);
      // With the same keys, the result would be the same: a forged token must not cost two verifications.
      const isSame = renewed.length === keys.length && renewed.every((key, index) => key === keys[index]);
      keys = renewed;
      finding = isSame ? undefined : await this.#verify(token, keys);
      // A signature that does not fit the key of its id is refused, whether the provider can be asked or not.
      if (!finding && !upToDate && !isKnown)
        return undecided('The OpenID provider cannot be asked for its keys now');
    }
    if (finding) return finding;
    return keys.length === 0
      ? invalidToken('unknown-key', 'Unable to find a signing key that matches')
      : invalidToken('signature', 'Signature verification failed');
  };

  #checkHeader({ alg, typ, crit }: Header): Rejected | undefined {
    if (!this.#settings.algorithms.includes(alg))
      return invalidToken('algorithm', 'The specified alg value is not allowed');
    // RFC 7515 §4.1.11: a critical extension that is not understood makes the token invalid. The proxy understands none.
    if (crit !== undefined) return invalidToken('malformed', 'Unsupported critical extension');
    // RFC 9068 §2.1 says `at+jwt`; Keycloak, Entra and others say `JWT`, or nothing.
    if (typ !== undefined && !/^(application\/)?(at\+)?jwt$/i.test(typ))
      return invalidToken('claims', 'Not an access token (typ)');
    return undefined;
  }

  /** Rejects a token of another issuer early: its keys are not at our provider, so no request is made for them. */
  #checkIssuer(token: string): Rejected | undefined {
    try {
      return decodeJwt(token).iss === this.#settings.issuer
        ? undefined
        : invalidToken('issuer', 'Invalid issuer');
    } catch {
      return invalidToken('malformed', 'Invalid payload string: must be a json object');
    }
  }

  /** The result for a token that one of these keys has signed; undefined if none has. */
  async #verify(token: string, keys: readonly CryptoKey[]): Promise<Finding | undefined> {
    const { issuer, audience, algorithms, clockSkewMs } = this.#settings;
    const options = {
      issuer,
      audience: [...audience],
      algorithms: [...algorithms],
      clockTolerance: clockSkewMs / 1000,
      requiredClaims: ['exp'],
    };
    try {
      const verified = await verifyWith(keys, token, options);
      return verified && this.#judge(verified.payload, verified.protectedHeader.typ);
    } catch (error) {
      return refused(error);
    }
  }

  #judge(claims: JWTPayload, typ: string | undefined): Finding {
    const { clockSkewMs, nameClaim, requiredScope } = this.#settings;
    const rejected = claimsRejection(claims, typ, clockSkewMs, requiredScope);
    if (rejected) return rejected;
    const name = nameOf(claims, nameClaim);
    if (typeof name !== 'string') return name;
    const expiresAt = (claims.exp ?? 0) * 1000 + clockSkewMs;
    return { sender: { way: 'oidc', name }, holdsUntil: expiresAt, holdsForMs: HOLDS_MS };
  }
}

/** Checks the form of a token before any cryptography. */
function readHeader(token: string): Header | Rejected {
  if (token.length > MAX_CHARACTERS) return invalidToken('malformed', 'The token is too long');
  if (!COMPACT.test(token)) return invalidToken('malformed', 'Not a signed JWT');
  try {
    const header: unknown = decodeProtectedHeader(token);
    if (Value.Check(Header, header)) return header;
  } catch {
    // Not base64url, not UTF-8 or not JSON: the sender gets one answer for all.
  }
  return invalidToken('malformed', 'Invalid header string');
}

/** Why a token with a valid signature is rejected, in PyJWT's words, which Data.Rentgen's users know. */
function refused(error: unknown): Rejected {
  if (error instanceof errors.JWTExpired) return invalidToken('expired', 'Token has expired');
  if (!(error instanceof errors.JWTClaimValidationFailed)) return invalidToken('malformed', null);
  const { claim, reason } = error;
  if (reason === 'missing') return invalidToken('claims', `Token is missing the "${claim}" claim`);
  if (reason === 'invalid') return invalidToken('claims', `The "${claim}" claim must be a number`);
  if (claim === 'nbf') return invalidToken('not-yet-valid', 'The token is not yet valid (nbf)');
  if (claim === 'aud') return invalidToken('audience', "Audience doesn't match");
  return invalidToken('issuer', 'Invalid issuer');
}
