// Certificates for tests: an authority, and certificates that it signs. New in each process, in memory, without openssl.
import 'reflect-metadata';
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type Extension,
  type X509Certificate,
} from '@peculiar/x509';

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

export interface CertificateWishes {
  /** Common name of its subject. */
  readonly name: string;
  /** Host names and IP addresses of a server's certificate. */
  readonly hosts?: readonly string[];
  /** The end of the connection that may use it. By default both ends. */
  readonly use?: 'server' | 'client';
  /** Further entries of the subject, before the common name: `O=Example, OU=Lineage`. */
  readonly organisation?: string;
  /** End of its validity, by default in ten years. A time in the past makes an expired certificate. */
  readonly until?: Date;
  /** Begin of its validity, by default yesterday. */
  readonly from?: Date;
}

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** A certificate with its private key. */
export class Certificate {
  readonly pem: string;
  /** PKCS #8, not encrypted (PEM). */
  readonly keyPem: string;

  constructor(pem: string, keyPem: string) {
    this.pem = pem;
    this.keyPem = keyPem;
  }

  /** Writes `NAME.pem` and `NAME.key`, the key encrypted when there is a password. */
  write(folder: string, name: string, password?: string): CertificateFiles {
    const files = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
    const encryption = password === undefined ? {} : { cipher: 'aes-256-cbc', passphrase: password };
    writeFileSync(files.cert, this.pem);
    writeFileSync(
      files.key,
      createPrivateKey(this.keyPem).export({ type: 'pkcs8', format: 'pem', ...encryption }),
    );
    return files;
  }
}

/** An authority that signs certificates. */
export class CertificateAuthority {
  /** Its own certificate (PEM), for those that trust it. */
  readonly pem: string;
  readonly #certificate: X509Certificate;
  readonly #keys: webcrypto.CryptoKeyPair;

  private constructor(certificate: X509Certificate, keys: webcrypto.CryptoKeyPair) {
    this.pem = pemOf(certificate);
    this.#certificate = certificate;
    this.#keys = keys;
  }

  /** A new authority. */
  static async create(name = 'http2kafka test authority'): Promise<CertificateAuthority> {
    const keys = await newKeys();
    const certificate = await X509CertificateGenerator.createSelfSigned({
      serialNumber: newSerial(),
      name: `CN=${name}`,
      ...validity(),
      keys,
      signingAlgorithm: ECDSA,
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    });
    return new CertificateAuthority(certificate, keys);
  }

  /** Signs a new certificate. */
  async issue(wishes: CertificateWishes): Promise<Certificate> {
    const keys = await newKeys();
    const certificate = await X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject: subjectOf(wishes),
      issuer: this.#certificate.subject,
      ...validity(wishes.until),
      ...(wishes.from && { notBefore: wishes.from }),
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ECDSA,
      extensions: extensionsOf(wishes),
    });
    return new Certificate(pemOf(certificate), await keyPemOf(keys));
  }
}

/** A self-signed certificate. */
export async function selfSigned(wishes: CertificateWishes): Promise<Certificate> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: subjectOf(wishes),
    ...validity(wishes.until),
    keys,
    signingAlgorithm: ECDSA,
    extensions: extensionsOf(wishes),
  });
  return new Certificate(pemOf(certificate), await keyPemOf(keys));
}

function subjectOf({ name, organisation }: CertificateWishes): string {
  return organisation === undefined ? `CN=${name}` : `${organisation}, CN=${name}`;
}

function extensionsOf({ hosts = [], use }: CertificateWishes): Extension[] {
  const uses = [
    ...(use === 'client' ? [] : [ExtendedKeyUsage.serverAuth]),
    ...(use === 'server' ? [] : [ExtendedKeyUsage.clientAuth]),
  ];
  const names = hosts.map((host) => ({ type: isIP(host) === 0 ? 'dns' : 'ip', value: host }) as const);
  return [
    new BasicConstraintsExtension(false),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension(uses),
    ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
  ];
}

function validity(until = new Date(Date.now() + 3650 * DAY_MS)): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Math.min(Date.now(), until.getTime()) - DAY_MS), notAfter: until };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ECDSA, true, ['sign', 'verify']);
}

async function keyPemOf({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', privateKey));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({
    type: 'pkcs8',
    format: 'pem',
  });
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

/** RFC 5280, 4.1.2.2: positive, and different each time. */
function newSerial(): string {
  return `00${randomBytes(15).toString('hex')}`;
}
