import 'reflect-metadata';
import { NO_SECURITY } from '../kafka/login/no-security.ts';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { createPrivateKey, webcrypto } from 'node:crypto';
import { X509CertificateGenerator } from '@peculiar/x509';
import { BrokerError } from '../../src/kafka/broker-error.ts';
import { readKafkaTls, Security, type SecuritySettings } from '../../src/kafka/login/security.ts';
import { TlsFileError } from '../../src/support/pem-file.ts';
import { CertificateAuthority } from '../../tools/certificates.ts';

type Tls = SecuritySettings['tls'];

const NO_FILES: Tls = {
  enabled: true,
  caFile: undefined,
  certFile: undefined,
  keyFile: undefined,
  keyPassword: undefined,
};

/** A certificate with a key that is too short for OpenSSL's default security level. */
async function writeWeak(folder: string): Promise<{ cert: string; key: string }> {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 1024,
    publicExponent: new Uint8Array([1, 0, 1]),
  };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const made = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=weak',
    keys,
    signingAlgorithm: algorithm,
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const files = { cert: join(folder, 'weak.pem'), key: join(folder, 'weak.key') };
  writeFileSync(files.cert, made.toString('pem'));
  writeFileSync(files.key, key.export({ type: 'pkcs8', format: 'pem' }));
  return files;
}

suite('the files of TLS to Kafka', () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-pem-'));
  const path = (name: string) => join(folder, name);
  let weak = { cert: '', key: '' };

  before(async () => {
    const authority = await CertificateAuthority.create();
    writeFileSync(path('ca.pem'), authority.pem);
    (await authority.issue({ name: 'proxy' })).write(folder, 'own');
    (await authority.issue({ name: 'other' })).write(folder, 'other');
    (await authority.issue({ name: 'locked' })).write(folder, 'locked', 'hunter2');
    writeFileSync(path('text'), 'no PEM at all');
    writeFileSync(path('damaged'), authority.pem.replace(/^MII.{20}/m, 'AAAA'));
    weak = await writeWeak(folder);
  });
  after(() => rmSync(folder, { recursive: true }));

  const own = () => ({ certFile: path('own.pem'), keyFile: path('own.key') });
  const cases: readonly (readonly [
    title: string,
    tls: () => Partial<Tls>,
    setting: string,
    message: RegExp,
  ])[] = [
    [
      'an authority that is missing',
      () => ({ caFile: path('gone') }),
      'ca_file',
      /gone .* cannot be read: ENOENT/,
    ],
    [
      'an authority that is no PEM',
      () => ({ caFile: path('text') }),
      'ca_file',
      /text .* holds no certificate/,
    ],
    [
      'a damaged authority',
      () => ({ caFile: path('damaged') }),
      'ca_file',
      /certificate 1 of .*damaged .* is broken/,
    ],
    [
      'a certificate that is missing',
      () => ({ ...own(), certFile: path('gone') }),
      'cert_file',
      /gone .* cannot be read: ENOENT/,
    ],
    [
      'a key that is no PEM',
      () => ({ ...own(), keyFile: path('text') }),
      'key_file',
      /text .* holds no private key/,
    ],
    [
      'an encrypted key without its password',
      () => ({ certFile: path('locked.pem'), keyFile: path('locked.key') }),
      'key_file',
      /locked\.key .* is encrypted: give its password, kafka\.security\.tls\.key_password/,
    ],
    [
      'an encrypted key with a wrong password',
      () => ({ certFile: path('locked.pem'), keyFile: path('locked.key'), keyPassword: 'wrong' }),
      'key_file',
      /locked\.key .* does not open with the password of kafka\.security\.tls\.key_password/,
    ],
    [
      'a certificate that OpenSSL refuses',
      () => ({ certFile: weak.cert, keyFile: weak.key }),
      'cert_file',
      /weak\.pem .* cannot be used: ee key too small$/,
    ],
  ];
  for (const [title, tls, setting, message] of cases) {
    test(`name ${title}`, () => {
      const settings = { ...NO_FILES, ...tls() };
      const full = `kafka.security.tls.${setting}`;
      assert.throws(
        () => readKafkaTls(settings),
        (error) => {
          assert.ok(error instanceof TlsFileError);
          assert.equal(error.setting, full);
          assert.ok(error.message.includes(`(${full})`), error.message);
          assert.match(error.message, message);
          return true;
        },
      );
      const security = new Security({ ...NO_SECURITY, tls: settings });
      assert.throws(
        () => security.optionsFor('localhost'),
        (error) => {
          assert.ok(error instanceof BrokerError);
          assert.match(error.message, message);
          // Clients may read it: it names no path.
          assert.equal(error.problem, `the file of ${full} cannot be used: the log says why`);
          return true;
        },
      );
    });
  }

  test('name both when they do not belong together', () => {
    const settings = { ...NO_FILES, ...own(), keyFile: path('other.key') };
    assert.throws(
      () => readKafkaTls(settings),
      /other\.key .* is not the key of the first certificate in .*own\.pem/,
    );
  });

  test('are usable when they are good', () => {
    readKafkaTls({ ...NO_FILES, ...own(), caFile: path('ca.pem') });
    const locked = { certFile: path('locked.pem'), keyFile: path('locked.key'), keyPassword: 'hunter2' };
    readKafkaTls({ ...NO_FILES, ...locked });
  });
});
