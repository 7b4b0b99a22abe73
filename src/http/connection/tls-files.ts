/** Certificate, key and authorities of the listener: read, checked, and read again when their files change. */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls';
import type { Logger } from 'pino';
import { watchFiles } from '../../support/file-watch.ts';
import type { Metrics } from '../../metrics/metrics.ts';

export interface TlsSettings {
  readonly certFile: string;
  readonly keyFile: string;
  readonly keyPassword: string | undefined;
  /** The authorities that sign clients' certificates. */
  readonly caFile: string | undefined;
  readonly clientCertificates: 'none' | 'optional' | 'required';
}

/** What is wrong with the files, for an operator: names the file and its setting, never what is in it. */
export class TlsFileError extends Error {
  override readonly name = 'TlsFileError';
}

const DAY_MS = 86_400_000;

/** Days before a certificate ends from which the log says so, each day. Let's Encrypt's live 90 and are renewed at 30. */
const EXPIRY_WARNING_DAYS = 14;

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

interface TlsFilesRead {
  readonly context: SecureContextOptions;
  /** When the first certificate of the chain ends; Unix time in ms. */
  readonly expiresAt: number;
}

export class TlsFiles {
  readonly #settings: TlsSettings;
  readonly #metrics: Metrics;
  readonly #log: Logger;
  #read: TlsFilesRead;
  #use: ((context: SecureContextOptions) => void) | undefined;

  /** Throws a `TlsFileError` where the files cannot be used. Looks after them for as long as the process lives. */
  constructor(settings: TlsSettings, metrics: Metrics, log: Logger) {
    this.#settings = settings;
    this.#metrics = metrics;
    this.#log = log;
    const { certFile, keyFile, caFile } = settings;
    const paths = [certFile, keyFile, ...(caFile === undefined ? [] : [caFile])];
    watchFiles(paths, () => this.#renew());
    this.#read = readTlsFiles(settings);
    this.#tellExpiry();
    setInterval(() => this.#tellExpiry(), DAY_MS).unref();
  }

  /** For a listener that is being made. */
  get options(): SecureContextOptions & TlsOptions {
    const { clientCertificates } = this.#settings;
    return {
      ...this.#read.context,
      requestCert: clientCertificates !== 'none',
      // Where a certificate is optional, one that no authority vouches for is let in, but `socket.authorized` is false.
      rejectUnauthorized: clientCertificates === 'required',
    };
  }

  /**
   * Has `use` called with each new set of files, for the connections that come from then on. Files that are broken or do
   * not belong together are complained of, and those before stay in use.
   */
  follow(use: (context: SecureContextOptions) => void): void {
    this.#use = use;
  }

  #renew(): void {
    const { certFile } = this.#settings;
    try {
      const read = readTlsFiles(this.#settings);
      this.#use?.(read.context);
      this.#read = read;
      this.#log.info(`TLS: ${certFile} was read anew, and is valid until ${dateOf(read.expiresAt)}`);
    } catch (error) {
      this.#metrics.tlsReloadFailures.inc();
      this.#log.error(`TLS: the files have changed, and those used before stay in use: ${reasonOf(error)}`);
    }
    this.#tellExpiry();
  }

  #tellExpiry(): void {
    const { expiresAt } = this.#read;
    this.#metrics.tlsCertificateExpiry.set(Math.floor(expiresAt / 1000));
    const days = Math.floor((expiresAt - Date.now()) / DAY_MS);
    const { certFile } = this.#settings;
    if (days < 0)
      this.#log.error(`TLS: ${certFile} is not valid since ${dateOf(expiresAt)}: clients will refuse it`);
    else if (days < EXPIRY_WARNING_DAYS) {
      this.#log.warn(
        `TLS: ${certFile} is valid for ${days} more days, until ${dateOf(expiresAt)}. Renew it.`,
      );
    }
  }
}

/** Reads and checks the files: what would fail at the first handshake, or only for some clients, fails here. */
function readTlsFiles({ certFile, keyFile, keyPassword, caFile }: TlsSettings): TlsFilesRead {
  const certificate = new PemFile(certFile, 'server.ssl_certfile');
  const key = new PemFile(keyFile, 'server.ssl_keyfile');
  const authorities = caFile === undefined ? undefined : new PemFile(caFile, 'server.ssl_ca_certs');
  const chain = certificate.certificates();
  authorities?.certificates();
  if (chain[0]?.checkPrivateKey(key.privateKey(keyPassword)) !== true) {
    throw new TlsFileError(
      `${key.name} is not the key of the first certificate in ${certificate.name}: give the two that belong together`,
    );
  }
  const context = {
    // Older ones are broken (RFC 8996); also where NODE_OPTIONS says otherwise.
    minVersion: 'TLSv1.2',
    cert: certificate.text,
    key: key.text,
    ...(keyPassword === undefined ? {} : { passphrase: keyPassword }),
    ...(authorities ? { ca: authorities.text } : {}),
  } as const satisfies SecureContextOptions;
  try {
    createSecureContext(context);
  } catch (error) {
    throw new TlsFileError(`${certificate.name} cannot be used: ${reasonOf(error)}`);
  }
  return { context, expiresAt: Math.min(...chain.map(({ validToDate }) => validToDate.getTime())) };
}

class PemFile {
  readonly name: string;
  readonly text: string;

  constructor(path: string, setting: string) {
    this.name = `${path} (${setting})`;
    try {
      this.text = readFileSync(path, 'latin1');
    } catch (error) {
      throw new TlsFileError(`${this.name} cannot be read: ${reasonOf(error)}`);
    }
  }

  /** At least one. */
  certificates(): X509Certificate[] {
    const blocks = this.text.match(PEM_CERTIFICATE) ?? [];
    if (blocks.length === 0) throw new TlsFileError(`${this.name} holds no certificate in PEM form`);
    return blocks.map((block, index) => {
      try {
        return new X509Certificate(block);
      } catch (error) {
        throw new TlsFileError(`certificate ${index + 1} of ${this.name} is broken: ${reasonOf(error)}`);
      }
    });
  }

  privateKey(passphrase: string | undefined): KeyObject {
    const isEncrypted = /ENCRYPTED/.test(this.text);
    if (isEncrypted && passphrase === undefined) {
      throw new TlsFileError(`${this.name} is encrypted: give its password, server.ssl_keyfile_password`);
    }
    try {
      return createPrivateKey({ key: this.text, ...(passphrase === undefined ? {} : { passphrase }) });
    } catch (error) {
      throw new TlsFileError(
        isEncrypted
          ? `${this.name} does not open with the password of server.ssl_keyfile_password`
          : `${this.name} holds no private key in PEM form: ${reasonOf(error)}`,
      );
    }
  }
}

/** Node's and OpenSSL's words, which name no more than a path. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function dateOf(time: number): string {
  return new Date(time).toISOString();
}
