/** Certificates and private keys in PEM (RFC 7468). The callers say in their own words what is wrong with a file. */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { errorText } from './error-text.ts';

/** OpenSSL reads all three labels as certificates. */
const CERTIFICATE = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----.*?-----END [A-Z0-9 ]*CERTIFICATE-----/gs;

const BEGIN = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/g;

/** One certificate of several cannot be parsed. The message is OpenSSL's. */
export class DamagedCertificateError extends Error {
  override readonly name = 'DamagedCertificateError';
  /** Which certificate of the text: 1 is the first. */
  readonly number: number;
  /** How many certificates the text has. */
  readonly count: number;

  constructor(message: string, number: number, count: number) {
    super(message);
    this.number = number;
    this.count = count;
  }
}

/** A private key cannot be read. The message is OpenSSL's; `reason` says what an operator can do about it. */
export class PrivateKeyError extends Error {
  override readonly name = 'PrivateKeyError';
  readonly reason: 'no-password' | 'wrong-password' | 'no-key';

  constructor(message: string, reason: PrivateKeyError['reason']) {
    super(message);
    this.reason = reason;
  }
}

/**
 * All certificates of a PEM text, in their order; an empty list where it has none. Node itself skips what it cannot parse among
 * authorities, so the damage would first be seen in a handshake.
 * @throws {DamagedCertificateError} for the first certificate that cannot be parsed.
 */
export function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(CERTIFICATE) ?? [];
  const begun = pem.match(BEGIN)?.length ?? 0;
  // OpenSSL ignores a last certificate without its end. A file that is being written would lose some of its authorities.
  if (begun > blocks.length) throw new DamagedCertificateError('its end is missing', begun, begun);
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw new DamagedCertificateError(errorText(error), index + 1, blocks.length);
    }
  });
}

/**
 * The private key of a PEM text. `password` opens it where it is encrypted, and is ignored where it is not.
 * @throws {PrivateKeyError}
 */
export function privateKeyIn(pem: string, password: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key: pem, ...(password !== undefined && { passphrase: password }) });
  } catch (error) {
    throw new PrivateKeyError(errorText(error), keyProblem(pem, password));
  }
}

function keyProblem(pem: string, password: string | undefined): PrivateKeyError['reason'] {
  // "ENCRYPTED PRIVATE KEY" (PKCS #8) or "Proc-Type: 4,ENCRYPTED" (RFC 1421).
  if (!pem.includes('ENCRYPTED')) return 'no-key';
  return password === undefined ? 'no-password' : 'wrong-password';
}

/** RFC 7518 §3.3: "A key of size 2048 bits or larger MUST be used". */
export const MIN_RSA_BITS = 2048;

/** The algorithm of a JWT that this private key signs (RFC 7518 §3.1, RFC 8037). Undefined where no JWT can have such a key. */
export function jwtAlgorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | undefined {
  switch (asymmetricKeyType) {
    case 'rsa':
      return (asymmetricKeyDetails?.modulusLength ?? 0) < MIN_RSA_BITS ? undefined : 'RS256';
    case 'ed25519':
      return 'EdDSA';
    case 'ec':
      return { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }[
        asymmetricKeyDetails?.namedCurve ?? ''
      ];
    default:
      return undefined;
  }
}
