import { createHmac, generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto';
import { SignJWT, type JWTPayload } from 'jose';

export interface SigningKey {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** The public key, in the form of a key set. */
  readonly jwk: Readonly<Record<string, unknown>>;
}

/** A new key that signs by this algorithm. */
export function newKey(alg = 'RS256', kid: string = randomUUID(), rsaBits = 2048): SigningKey {
  const { privateKey, publicKey } = newKeyPair(alg, rsaBits);
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
  return { alg, kid, privateKey, publicKey, jwk };
}

function newKeyPair(alg: string, modulusLength: number): { privateKey: KeyObject; publicKey: KeyObject } {
  const curve = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[alg];
  if (curve !== undefined) return generateKeyPairSync('ec', { namedCurve: curve });
  return alg === 'EdDSA' ? generateKeyPairSync('ed25519') : generateKeyPairSync('rsa', { modulusLength });
}

/** A token as a provider signs it. `header` adds or replaces header fields; undefined ones are omitted. */
export function signed(key: SigningKey, claims: JWTPayload, header: object = {}): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'at+jwt', ...header })
    .sign(key.privateKey);
}

/** A token that libraries refuse to make. `signature` signs the header and the claims. */
export function forged(header: unknown, claims: unknown, signature: (input: Buffer) => Buffer): string {
  const parts = [header, claims].map((part) =>
    Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url'),
  );
  const input = parts.join('.');
  return `${input}.${signature(Buffer.from(input)).toString('base64url')}`;
}

/** The signature of RS256, RS384 or RS512. */
export function rsaSignature({ privateKey }: SigningKey, bits = 256): (input: Buffer) => Buffer {
  return (input) => sign(`sha${bits}`, input, privateKey);
}

/** The signature of HS256. */
export function hmacSignature(secret: string | Buffer): (input: Buffer) => Buffer {
  return (input) => createHmac('sha256', secret).update(input).digest();
}
