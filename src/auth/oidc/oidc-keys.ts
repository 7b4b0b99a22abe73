/**
 * The keys that an OpenID provider signs with: a JWK Set (RFC 7517). A key that is broken, of an unknown kind, or not for signatures is
 * skipped, and the others are used. A symmetric key (`oct`) is never used, whatever its fields say.
 */
import {
  createLocalJWKSet,
  errors,
  jwtVerify,
  type CryptoKey,
  type JWTVerifyOptions,
  type JWTVerifyResult,
} from 'jose';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { MIN_RSA_BITS } from '../../support/pem.ts';

/** Keys that are read of a set. A provider has two or three; each costs an import for each algorithm. */
const MAX_KEYS = 100;

/** OpenSSL verifies with no longer modulus (OPENSSL_RSA_MAX_MODULUS_BITS), and the cost grows with its square. */
const MAX_RSA_BITS = 16_384;

/** FIPS 186-5 §5.1: the public exponent is below 2^256. Each of its bits costs time for each signature. */
const MAX_EXPONENT_BYTES = 32;

const Jwks = Type.Object({ keys: Type.Array(Type.Unknown()) });
const Jwk = Type.Object({
  kty: Type.String(),
  kid: Type.Optional(Type.String()),
  n: Type.Optional(Type.String()),
});

/** A public key, for one algorithm that it fits. */
interface VerificationKey {
  readonly algorithm: string;
  readonly kid: string | undefined;
  readonly key: CryptoKey;
}

/** The usable keys of one JWK Set. */
export class OidcKeys {
  /** How many of the set's keys are usable, and how many are not. */
  readonly used: number;
  readonly unused: number;
  readonly #keys: readonly VerificationKey[];

  private constructor(keys: readonly VerificationKey[], used: number, unused: number) {
    this.#keys = keys;
    this.used = used;
    this.unused = unused;
  }

  static readonly none = new OidcKeys([], 0, 0);

  /** The keys that fit one of `algorithms`; undefined where the document is not a JWK Set. */
  static async of(document: unknown, algorithms: readonly string[]): Promise<OidcKeys | undefined> {
    if (!Value.Check(Jwks, document)) return undefined;
    const perKey = await Promise.all(document.keys.slice(0, MAX_KEYS).map((jwk) => fitting(jwk, algorithms)));
    const used = perKey.filter((keys) => keys.length > 0).length;
    return new OidcKeys(perKey.flat(), used, document.keys.length - used);
  }

  /** The keys that may have signed a token with this header. Without a `kid`, all keys of the algorithm. */
  matching(algorithm: string, kid: string | undefined): CryptoKey[] {
    return this.#keys
      .filter((key) => key.algorithm === algorithm && (kid === undefined || key.kid === kid))
      .map(({ key }) => key);
  }
}

/**
 * Checks a token by each of these keys until one has signed it. Undefined if none has.
 * @throws as `jwtVerify` does, for a claim that breaks the rules.
 */
export async function verifyWith(
  keys: readonly CryptoKey[],
  token: string,
  rules: JWTVerifyOptions,
): Promise<JWTVerifyResult | undefined> {
  for (const key of keys) {
    try {
      return await jwtVerify(token, key, rules);
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  return undefined;
}

async function fitting(jwk: unknown, algorithms: readonly string[]): Promise<VerificationKey[]> {
  if (!Value.Check(Jwk, jwk)) return [];
  const imported = await Promise.all(algorithms.map((algorithm) => publicKey(jwk, algorithm)));
  return imported.flatMap((key, index) => {
    const algorithm = algorithms[index];
    return key === undefined || algorithm === undefined ? [] : [{ algorithm, kid: jwk.kid, key }];
  });
}

/**
 * A key for one algorithm, if `use`, `key_ops`, `alg`, `kty` and `crv` allow it. A published private key is not secret, so it is not used.
 */
async function publicKey(jwk: Type.Static<typeof Jwk>, algorithm: string): Promise<CryptoKey | undefined> {
  // Before its import, which takes the longer, the longer it is. Base64url has 6 bits in each character.
  if ((jwk.n?.length ?? 0) > MAX_RSA_BITS / 6 + 1) return undefined;
  try {
    const key = await createLocalJWKSet({ keys: [jwk] })({ alg: algorithm });
    return key.type === 'public' && isStrong(key, jwk) ? key : undefined;
  } catch {
    return undefined;
  }
}

/**
 * False for an RSA key that protects nothing. With the exponent 1, each text is its own signature. An even modulus or exponent is not
 * RSA, and such a modulus has a known factor. Curves need no check: jose knows those of the algorithms only.
 */
function isStrong({ algorithm }: CryptoKey, jwk: Type.Static<typeof Jwk>): boolean {
  if (!('modulusLength' in algorithm) || !('publicExponent' in algorithm)) return jwk.kty !== 'RSA';
  const { modulusLength: bits, publicExponent } = algorithm;
  if (typeof bits !== 'number' || bits < MIN_RSA_BITS || bits > MAX_RSA_BITS) return false;
  if (!(publicExponent instanceof Uint8Array)) return false;
  const exponent = publicExponent.subarray(publicExponent.findIndex((byte) => byte !== 0));
  const isSmall = exponent.length === 1 && (exponent[0] ?? 0) < 3;
  const isOdd = ((exponent.at(-1) ?? 0) & 1) === 1;
  return isOdd && !isSmall && exponent.length <= MAX_EXPONENT_BYTES && isOddNumber(jwk.n);
}

/** `text` is a number in base64url, most significant byte first. */
function isOddNumber(text: string | undefined): boolean {
  return ((Buffer.from(text ?? '', 'base64url').at(-1) ?? 0) & 1) === 1;
}
