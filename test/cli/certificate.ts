import { createSign, generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_ID = 0x06;
const TEXT = 0x0c;
const TIME = 0x18;
const EXPLICIT_0 = 0xa0;
const EXPLICIT_3 = 0xa3;
const IP_ADDRESS = 0x87;

/** Object identifiers, as DER has them. */
const ECDSA_WITH_SHA256 = '2a8648ce3d040302';
const COMMON_NAME = '550403';
const SUBJECT_ALT_NAME = '551d11';

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  /** The certificate itself (PEM). */
  readonly pem: string;
}

/** Writes a certificate for 127.0.0.1 that vouches for itself, and its key, as `openssl req -x509` would (RFC 5280). */
export function writeCertificate(folder: string, passphrase?: string): CertificateFiles {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const algorithm = der(SEQUENCE, der(OBJECT_ID, ECDSA_WITH_SHA256));
  const name = der(
    SEQUENCE,
    der(SET, der(SEQUENCE, der(OBJECT_ID, COMMON_NAME), der(TEXT, Buffer.from('http2kafka test')))),
  );
  const validity = der(
    SEQUENCE,
    der(TIME, Buffer.from('20200101000000Z')),
    der(TIME, Buffer.from('20991231235959Z')),
  );
  const address = der(OCTET_STRING, der(SEQUENCE, der(IP_ADDRESS, '7f000001')));
  const extensions = der(EXPLICIT_3, der(SEQUENCE, der(SEQUENCE, der(OBJECT_ID, SUBJECT_ALT_NAME), address)));
  const body = der(
    SEQUENCE,
    der(EXPLICIT_0, der(INTEGER, '02')),
    der(INTEGER, '01'),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    extensions,
  );
  const signature = createSign('sha256').update(body).sign(privateKey);
  const certificate = der(SEQUENCE, body, algorithm, der(BIT_STRING, '00', signature));
  const base64 = certificate.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  const pem = `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
  const encryption = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), pem };
  writeFileSync(files.cert, pem);
  writeFileSync(files.key, privateKey.export({ type: 'pkcs8', format: 'pem', ...encryption }));
  return files;
}

/** A value of ASN.1 (X.690 §8.1): its tag, its length, its content. */
function der(tag: number, ...parts: (Buffer | string)[]): Buffer {
  const content = Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'hex') : part)),
  );
  const { length } = content;
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}
