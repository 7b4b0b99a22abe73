import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { suite, test } from 'node:test';
import {
  certificatesIn,
  DamagedCertificateError,
  PrivateKeyError,
  privateKeyIn,
} from '../../src/support/pem.ts';
import { CertificateAuthority } from '../../tools/certificates.ts';

suite('a PEM text', async () => {
  const authority = await CertificateAuthority.create('one authority');
  const { pem, keyPem } = await authority.issue({ name: 'server', hosts: ['localhost'] });
  const encrypted = createPrivateKey(keyPem).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'right',
  });

  test('gives its certificates in their order', () => {
    const subjects = certificatesIn(`${pem}\nsome words\n${authority.pem}`).map(({ subject }) => subject);
    assert.deepEqual(subjects, ['CN=server', 'CN=one authority']);
  });

  test('may have older labels of a certificate', () => {
    assert.equal(certificatesIn(pem.replaceAll(' CERTIFICATE', ' X509 CERTIFICATE')).length, 1);
  });

  test('without a certificate gives none', () => {
    assert.deepEqual(certificatesIn(''), []);
    assert.deepEqual(certificatesIn(keyPem), []);
  });

  test('with a damaged certificate tells which one of how many', () => {
    const damaged = pem.replace(/MII../, 'MIIIx');
    assert.throws(
      () => certificatesIn(`${pem}\n${damaged}\n${authority.pem}`),
      (error) => error instanceof DamagedCertificateError && error.number === 2 && error.count === 3,
    );
  });

  test('that is cut is damaged, and does not lose a certificate', () => {
    for (const cut of [1, 30, pem.length - 40]) {
      assert.throws(
        () => certificatesIn(`${authority.pem}\n${pem.trimEnd().slice(0, -cut)}`),
        (error) => error instanceof DamagedCertificateError && error.number === 2,
      );
    }
  });

  test('gives its private key, also an encrypted one', () => {
    const key = createPrivateKey(keyPem);
    assert.ok(privateKeyIn(keyPem, undefined).equals(key));
    assert.ok(privateKeyIn(keyPem, 'ignored').equals(key));
    assert.ok(privateKeyIn(encrypted, 'right').equals(key));
  });

  for (const [text, password, reason] of [
    [encrypted, undefined, 'no-password'],
    [encrypted, 'wrong', 'wrong-password'],
    [pem, undefined, 'no-key'],
    ['', 'right', 'no-key'],
  ] as const) {
    test(`without a usable private key says why: ${reason}, ${password ?? 'no password'}`, () => {
      assert.throws(
        () => privateKeyIn(text, password),
        (error) => error instanceof PrivateKeyError && error.reason === reason,
      );
    });
  }
});
