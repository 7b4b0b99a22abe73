/** Files with certificates or a private key in PEM. Every error names the file and its setting, never the content. */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { errorText } from './error-text.ts';
import { certificatesIn, DamagedCertificateError, PrivateKeyError, privateKeyIn } from './pem.ts';

/** What is wrong with a file for TLS, for an operator. The message names the file and its setting, never its content. */
export class TlsFileError extends Error {
  override readonly name = 'TlsFileError';
  /** The setting of the file; undefined if the message is about several files. */
  readonly setting: string | undefined;

  constructor(message: string, setting?: string) {
    super(message);
    this.setting = setting;
  }
}

export class PemFile {
  /** For messages: the path and the setting. */
  readonly name: string;
  readonly text: string;
  readonly setting: string;

  /** @throws {TlsFileError} if the file cannot be read. */
  constructor(path: string, setting: string) {
    this.name = `${path} (${setting})`;
    this.setting = setting;
    try {
      this.text = readFileSync(path, 'latin1');
    } catch (error) {
      throw new TlsFileError(`${this.name} cannot be read: ${errorText(error)}`, setting);
    }
  }

  /**
   * At least one.
   * @throws {TlsFileError}
   */
  certificates(): X509Certificate[] {
    const found = this.#parse(() => certificatesIn(this.text));
    if (found.length === 0) throw this.#error(`${this.name} holds no certificate in PEM form`);
    return found;
  }

  /**
   * `passwordSetting` names the setting of the password.
   * @throws {TlsFileError}
   */
  privateKey(password: string | undefined, passwordSetting: string): KeyObject {
    return this.#parse(() => privateKeyIn(this.text, password), passwordSetting);
  }

  #parse<Result>(parse: () => Result, passwordSetting = ''): Result {
    try {
      return parse();
    } catch (error) {
      throw this.#error(this.#problemOf(error, passwordSetting));
    }
  }

  #error(message: string): TlsFileError {
    return new TlsFileError(message, this.setting);
  }

  #problemOf(error: unknown, passwordSetting: string): string {
    if (error instanceof DamagedCertificateError) {
      return `certificate ${error.number} of ${this.name} is broken: ${error.message}`;
    }
    if (!(error instanceof PrivateKeyError)) throw error;
    switch (error.reason) {
      case 'no-password':
        return `${this.name} is encrypted: give its password, ${passwordSetting}`;
      case 'wrong-password':
        return `${this.name} does not open with the password of ${passwordSetting}`;
      case 'no-key':
        return `${this.name} holds no private key in PEM form: ${error.message}`;
    }
  }
}

/**
 * Checks that a key belongs to the first certificate of a file. Returns the chain.
 * @throws {TlsFileError}
 */
export function checkPair(
  certificate: PemFile,
  key: PemFile,
  password: string | undefined,
  passwordSetting: string,
): X509Certificate[] {
  const chain = certificate.certificates();
  if (chain[0]?.checkPrivateKey(key.privateKey(password, passwordSetting)) !== true) {
    throw new TlsFileError(
      `${key.name} is not the key of the first certificate in ${certificate.name}: give a key and a certificate that belong together`,
    );
  }
  return chain;
}

/** The files of a client: the authorities to trust, and its own certificate with its key. */
export interface ClientFiles {
  readonly ca: PemFile | undefined;
  readonly cert: PemFile | undefined;
  readonly key: PemFile | undefined;
  readonly password?: string | undefined;
  readonly passwordSetting?: string;
}

/**
 * The context of a client's connections. OpenSSL does not say which file it refuses, so each is tried alone.
 * @throws {TlsFileError}
 */
export function clientContext({ ca, cert, key, password, passwordSetting = '' }: ClientFiles): SecureContext {
  ca?.certificates();
  if (cert && key) checkPair(cert, key, password, passwordSetting);
  else {
    cert?.certificates();
    key?.privateKey(password, passwordSetting);
  }
  if (ca) contextOf({ ca: ca.text }, ca);
  if (cert) contextOf({ cert: cert.text }, cert);
  return contextOf(
    {
      ...(ca && { ca: ca.text }),
      ...(cert && { cert: cert.text }),
      ...(key && { key: key.text }),
      ...(password !== undefined && { passphrase: password }),
    },
    key ?? cert ?? ca,
  );
}

function contextOf(options: SecureContextOptions, file: PemFile | undefined): SecureContext {
  try {
    return createSecureContext(options);
  } catch (error) {
    if (!file) throw error;
    throw new TlsFileError(`${file.name} cannot be used: ${opensslReason(error)}`, file.setting);
  }
}

/** `error:0A00018F:SSL routines::ee key too small` without what only says where in OpenSSL it comes from. */
function opensslReason(error: unknown): string {
  return errorText(error).replace(/^error:[0-9A-F]+:[^:]*:[^:]*:/, '');
}
