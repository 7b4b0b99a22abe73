import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, suite, test } from 'node:test';
import { connect, TLSSocket, type ConnectionOptions, type SecureVersion } from 'node:tls';
import { pino } from 'pino';
import { TlsFiles, type TlsSettings } from '../../../src/http/connection/tls-files.ts';
import { TlsFileError } from '../../../src/support/pem-file.ts';
import { createMetrics } from '../../../src/metrics/metrics.ts';
import { writeCertificate, type CertificateFiles } from '../../stage/certificate.ts';
import { isObject } from '../../stage/posting.ts';

const VERSIONS: readonly SecureVersion[] = ['TLSv1.2', 'TLSv1.3'];

/** What the server of a test knows of a client. It answers this. */
interface Seen {
  readonly authorized: unknown;
  readonly resumed: unknown;
  readonly fingerprint: unknown;
}

void suite('the certificate of a client', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-clients-'));
  const own = await certificate('server');
  const known = await certificate('known');
  const stranger = await certificate('stranger');
  after(() => rmSync(folder, { recursive: true }));

  async function certificate(name: string): Promise<CertificateFiles> {
    mkdirSync(join(folder, name));
    return writeCertificate(join(folder, name));
  }

  async function listen(clientCertificates: TlsSettings['clientCertificates']): Promise<Server> {
    const settings = {
      certFile: own.cert,
      keyFile: own.key,
      keyPassword: undefined,
      caFile: known.cert,
      clientCertificates,
    };
    const { options } = new TlsFiles(settings, createMetrics(), pino({ enabled: false }));
    const server = createServer(options, ({ socket }, response) => {
      assert.ok(socket instanceof TLSSocket);
      const { authorized } = socket;
      const fingerprint = socket.getPeerX509Certificate()?.fingerprint256;
      response.end(JSON.stringify({ authorized, resumed: socket.isSessionReused(), fingerprint }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server;
  }

  /** Sends one request. Gives what the server has seen (undefined when it refused the client), and the TLS session. */
  async function ask(
    server: Server,
    maxVersion: SecureVersion,
    client: CertificateFiles | undefined,
    resumed?: Buffer,
  ): Promise<{ seen: Seen | undefined; session: Buffer | undefined }> {
    const address = server.address();
    assert.ok(isObject(address) && typeof address['port'] === 'number');
    const options: ConnectionOptions = {
      host: '127.0.0.1',
      port: address['port'],
      ca: own.pem,
      minVersion: maxVersion,
      maxVersion,
      ...(client && { cert: client.pem, key: readFileSync(client.key) }),
      ...(resumed && { session: resumed }),
    };
    const socket = connect(options);
    let session: Buffer | undefined;
    socket.on('session', (ticket: Buffer) => (session = ticket));
    socket.write('GET / HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n');
    const answer = await text(socket).catch(() => '');
    const body: unknown = answer === '' ? undefined : JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')));
    if (!isObject(body)) return { seen: undefined, session };
    const { authorized, resumed: isResumed, fingerprint } = body;
    return { seen: { authorized, resumed: isResumed, fingerprint }, session };
  }

  const fingerprintOf = ({ x509 }: CertificateFiles) => x509.fingerprint256;

  for (const version of VERSIONS) {
    test(`keeps its verdict when a session of ${version} is resumed`, async () => {
      const server = await listen('optional');
      for (const [client, authorized, fingerprint] of [
        [known, true, fingerprintOf(known)],
        [stranger, false, fingerprintOf(stranger)],
        [undefined, false, undefined],
      ] as const) {
        const first = await ask(server, version, client);
        assert.deepEqual(first.seen, { authorized, resumed: false, fingerprint });
        assert.ok(first.session);
        const { seen } = await ask(server, version, client, first.session);
        assert.deepEqual(seen, { authorized, resumed: true, fingerprint });
        // The certificate of the first handshake counts, not the one offered now.
        const other = await ask(server, version, client === known ? stranger : known, first.session);
        assert.deepEqual(other.seen, { authorized, resumed: true, fingerprint });
      }
      server.close();
    });

    test(`cannot resume a session of ${version} once the authorities have changed`, async () => {
      const server = await listen('optional');
      const { session } = await ask(server, version, known);
      assert.ok(session);
      const { cert, key } = own;
      server.setSecureContext({ cert: readFileSync(cert), key: readFileSync(key), ca: stranger.pem });
      const { seen } = await ask(server, version, known, session);
      assert.deepEqual(seen, { authorized: false, resumed: false, fingerprint: fingerprintOf(known) });
      server.close();
    });

    test(`with ${version} must be a known one where it is required, and is not requested where it is off`, async () => {
      const strict = await listen('required');
      assert.deepEqual((await ask(strict, version, known)).seen?.authorized, true);
      for (const client of [stranger, undefined]) {
        assert.equal((await ask(strict, version, client)).seen, undefined);
      }
      strict.close();
      const open = await listen('none');
      const { seen } = await ask(open, version, known);
      assert.deepEqual(seen, { authorized: false, resumed: false, fingerprint: undefined });
      open.close();
    });
  }
});

void suite('the files for TLS', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-files-'));
  const good = await writeCertificate(folder);
  const other = await writeCertificate(mkdtempSync(join(folder, 'other-')));
  const locked = await writeCertificate(mkdtempSync(join(folder, 'locked-')), 'sesame');
  const broken = join(folder, 'broken.pem');
  writeFileSync(broken, good.pem.replace(/^M.{20}/m, 'MIIA'));
  const empty = join(folder, 'empty.pem');
  writeFileSync(empty, 'nothing');
  after(() => rmSync(folder, { recursive: true }));

  const wrong: Readonly<Record<string, readonly [Partial<TlsSettings>, RegExp]>> = {
    'no certificate': [{ certFile: empty }, /empty\.pem \(server\.ssl_certfile\) holds no certificate/],
    'a key in place of the certificate': [
      { certFile: good.key },
      /\(server\.ssl_certfile\) holds no certificate/,
    ],
    'a broken certificate': [
      { certFile: broken },
      /^certificate 1 of .*broken\.pem \(server\.ssl_certfile\) is broken/,
    ],
    'no key': [{ keyFile: good.cert }, /cert\.pem \(server\.ssl_keyfile\) holds no private key/],
    'the key of another certificate': [
      { keyFile: other.key },
      /\(server\.ssl_keyfile\) is not the key of the first certificate in .*\(server\.ssl_certfile\)/,
    ],
    'a key without its password': [{ keyFile: locked.key }, /is encrypted: .*server\.ssl_keyfile_password/],
    'a key with a wrong password': [
      { certFile: locked.cert, keyFile: locked.key, keyPassword: 'simsim' },
      /does not open with the password of server\.ssl_keyfile_password/,
    ],
    'no authority': [{ caFile: empty }, /empty\.pem \(server\.ssl_ca_certs\) holds no certificate/],
    'a broken authority': [{ caFile: broken }, /broken\.pem \(server\.ssl_ca_certs\) is broken/],
    'a file that is not there': [
      { keyFile: join(folder, 'none') },
      /none \(server\.ssl_keyfile\) cannot be read/,
    ],
  };
  for (const [name, [settings, message]] of Object.entries(wrong)) {
    test(`are refused with the name of the file: ${name}`, () => {
      const complete: TlsSettings = {
        certFile: good.cert,
        keyFile: good.key,
        keyPassword: undefined,
        caFile: undefined,
        clientCertificates: 'none',
        ...settings,
      };
      const read = () => new TlsFiles(complete, createMetrics(), pino({ enabled: false }));
      assert.throws(read, (error) => {
        assert.ok(error instanceof TlsFileError);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /sesame|simsim|BEGIN|M[A-Za-z0-9+/]{20}/);
        return true;
      });
    });
  }

  test('may have more than one certificate, and text between them', () => {
    const chain = join(folder, 'chain.pem');
    writeFileSync(chain, `The server's own\n${good.pem}\nand another\n${other.pem}`);
    const settings = { certFile: chain, keyFile: good.key, keyPassword: undefined, caFile: chain } as const;
    const files = new TlsFiles(
      { ...settings, clientCertificates: 'required' },
      createMetrics(),
      pino({ enabled: false }),
    );
    assert.deepEqual([files.options.requestCert, files.options.rejectUnauthorized], [true, true]);
  });
});
