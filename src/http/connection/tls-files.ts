/** The certificate, key and authorities of the listener: read and checked at the start, and again when their files change. */
import { createSecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls';
import type { Logger } from '../../log.ts';
import { errorText } from '../../support/error-text.ts';
import { watchFiles } from '../../support/file-watch.ts';
import { checkPair, PemFile, TlsFileError } from '../../support/pem-file.ts';
import type { Metrics } from '../../metrics/metrics.ts';

export interface TlsSettings {
  readonly certFile: string;
  readonly keyFile: string;
  readonly keyPassword: string | undefined;
  /** The authorities that sign clients' certificates. */
  readonly caFile: string | undefined;
  readonly clientCertificates: 'none' | 'optional' | 'required';
}

const DAY_MS = 86_400_000;

/** In this many days before a certificate ends, the log warns each day. Let's Encrypt's live 90 days and are renewed at 30. */
const EXPIRY_WARNING_DAYS = 14;

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

  /**
   * Reads the files, and watches them until the process ends.
   * @throws {TlsFileError} when they cannot be used.
   */
  constructor(settings: TlsSettings, metrics: Metrics, log: Logger) {
    this.#settings = settings;
    this.#metrics = metrics;
    this.#log = log;
    const { certFile, keyFile, caFile } = settings;
    const paths = [certFile, keyFile, ...(caFile === undefined ? [] : [caFile])];
    watchFiles(paths, () => this.#changed());
    this.#read = readTlsFiles(settings);
    this.#reportExpiry();
    setInterval(() => this.#reportExpiry(), DAY_MS).unref();
  }

  /** For a new listener. */
  get options(): SecureContextOptions & TlsOptions {
    const { clientCertificates } = this.#settings;
    return {
      ...this.#read.context,
      requestCert: clientCertificates !== 'none',
      // With `optional`, a certificate of an unknown authority is accepted, but `socket.authorized` is false.
      rejectUnauthorized: clientCertificates === 'required',
    };
  }

  /**
   * Calls `use` with each new set of files, for later connections. When files are broken or do not belong together, the log says so,
   * and the files before stay in use.
   */
  follow(use: (context: SecureContextOptions) => void): void {
    this.#use = use;
  }

  /** Reads the files now. Returns false if they cannot be used; then the log says why. */
  reload(): boolean {
    let usable = true;
    try {
      const read = readTlsFiles(this.#settings);
      this.#use?.(read.context);
      this.#read = read;
    } catch (error) {
      usable = false;
      this.#metrics.tlsReloadFailures.inc();
      this.#log.error(
        `TLS: the files have changed and cannot be used, the ones before stay in use: ${errorText(error)}`,
      );
    }
    this.#reportExpiry();
    return usable;
  }

  #changed(): void {
    if (!this.reload()) return;
    const { certFile } = this.#settings;
    this.#log.info(`TLS: ${certFile} was read again and is valid until ${dateOf(this.#read.expiresAt)}`);
  }

  #reportExpiry(): void {
    const { expiresAt } = this.#read;
    this.#metrics.tlsCertificateExpiry.set(Math.floor(expiresAt / 1000));
    const days = Math.floor((expiresAt - Date.now()) / DAY_MS);
    const { certFile } = this.#settings;
    if (days < 0) this.#log.error(`TLS: ${certFile} has expired on ${dateOf(expiresAt)}: clients reject it`);
    else if (days < EXPIRY_WARNING_DAYS) {
      this.#log.warn(
        `TLS: ${certFile} is valid for ${days} more days, until ${dateOf(expiresAt)}. Renew it.`,
      );
    }
  }
}

/** Reads and checks the files: errors of the first handshake, or of some clients only, are found here. */
export function readTlsFiles({ certFile, keyFile, keyPassword, caFile }: TlsSettings): TlsFilesRead {
  const certificate = new PemFile(certFile, 'server.ssl_certfile');
  const key = new PemFile(keyFile, 'server.ssl_keyfile');
  const authorities = caFile === undefined ? undefined : new PemFile(caFile, 'server.ssl_ca_certs');
  // In this order, so that the first error is about the certificate.
  certificate.certificates();
  authorities?.certificates();
  const chain = checkPair(certificate, key, keyPassword, 'server.ssl_keyfile_password');
  const context = {
    // Older versions are insecure (RFC 8996). This holds against NODE_OPTIONS, too.
    minVersion: 'TLSv1.2',
    cert: certificate.text,
    key: key.text,
    ...(keyPassword === undefined ? {} : { passphrase: keyPassword }),
    ...(authorities ? { ca: authorities.text } : {}),
  } as const satisfies SecureContextOptions;
  try {
    createSecureContext(context);
  } catch (error) {
    throw new TlsFileError(`${certificate.name} cannot be used: ${errorText(error)}`);
  }
  return { context, expiresAt: Math.min(...chain.map(({ validToDate }) => validToDate.getTime())) };
}

function dateOf(time: number): string {
  return new Date(time).toISOString();
}
