/** The JWT by which the proxy shows to a token endpoint who it is (RFC 7523): from a file, or signed with a private key. */
import { randomUUID, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { errorText } from '../../support/error-text.ts';
import { jwtAlgorithmOf, PrivateKeyError, privateKeyIn } from '../../support/pem.ts';
import { BrokerError } from '../broker-error.ts';

export interface AssertionSettings {
  /** A file with the JWT, which another program renews. It takes the place of the key. */
  readonly file: string | undefined;
  /** PEM. */
  readonly privateKeyFile: string | undefined;
  readonly privateKeyPassword: string | undefined;
  /** `kid` of the JWT. */
  readonly keyId: string | undefined;
  /** By default the client id. */
  readonly issuer: string | undefined;
  /** By default the issuer. */
  readonly subject: string | undefined;
  /** By default the URL of the token endpoint. */
  readonly audience: string | undefined;
}

/** Seconds that a signed assertion is valid. It is used once, at once; providers refuse those that live long. */
const LIFETIME_S = 300;

const SECTION = 'kafka.security.oauth.assertion';

/** RFC 7515, 7.1: three parts in base64url. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * The assertion. `now` is in milliseconds since the epoch.
 * @throws {BrokerError} which never contains the assertion or the key.
 */
export async function assertionOf(
  settings: AssertionSettings,
  clientId: string,
  tokenEndpoint: string,
  now: number,
): Promise<string> {
  const { file, privateKeyFile, privateKeyPassword } = settings;
  if (file !== undefined) {
    const assertion = (await read(file, `${SECTION}.file`)).trim();
    if (JWT.test(assertion)) return assertion;
    throw new BrokerError(
      `${file} contains no JWT`,
      `there is no assertion in the file (${SECTION}.file)`,
      true,
    );
  }
  const pem = await read(privateKeyFile ?? '', `${SECTION}.private_key_file`);
  let key: KeyObject;
  try {
    key = privateKeyIn(pem, privateKeyPassword);
  } catch (error) {
    if (!(error instanceof PrivateKeyError)) throw error;
    const problem = `the private key for the token endpoint cannot be read (${SECTION}.private_key_file)`;
    throw new BrokerError(`private key: ${error.reason}`, problem, true);
  }
  const alg = jwtAlgorithmOf(key);
  if (alg === undefined) {
    const problem = `no JWT can be signed with the private key for the token endpoint (${SECTION}.private_key_file)`;
    throw new BrokerError(`private key: ${String(key.asymmetricKeyType)}`, problem, true);
  }
  // Loaded here: few logins need it.
  const { SignJWT } = await import('jose');
  const issuer = settings.issuer ?? clientId;
  const second = Math.floor(now / 1000);
  return new SignJWT()
    .setProtectedHeader({
      alg,
      typ: 'JWT',
      ...(settings.keyId !== undefined && { kid: settings.keyId }),
    })
    .setIssuer(issuer)
    .setSubject(settings.subject ?? issuer)
    .setAudience(settings.audience ?? tokenEndpoint)
    .setJti(randomUUID())
    .setIssuedAt(second)
    .setExpirationTime(second + LIFETIME_S)
    .sign(key);
}

async function read(path: string, setting: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new BrokerError(
      errorText(error),
      `the file for the token endpoint cannot be read (${setting})`,
      true,
    );
  }
}
