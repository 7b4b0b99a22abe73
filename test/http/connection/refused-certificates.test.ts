/** Client certificates that are not accepted: the answer, the log line, and the paths that need no sender. */
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type SecureVersion } from 'node:tls';
import { Certificate, CertificateAuthority, selfSigned } from '../../../tools/certificates.ts';
import type { Proxy } from '../../../tools/proxy.ts';
import { logged } from '../../stage/log-lines.ts';
import { errorOf, parsed } from '../../stage/posting.ts';
import { runEvent } from '../../stage/sample-events.ts';
import { Stage } from '../../stage/stage.ts';

const KEY = 'h2k_key';
const DAY_MS = 86_400_000;
const REFUSED = 'TLS handshake refused for the client certificate';
const AUTHORITY = 'Example authority';

void suite('client certificates that are not accepted', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-refused-'));
  const stage = new Stage();
  let authority: CertificateAuthority;
  let optional: Proxy;
  let required: Proxy;
  let shown: Readonly<Record<string, readonly [certificate: Certificate, code: string, issuer: string]>>;

  before(async () => {
    authority = await CertificateAuthority.create(AUTHORITY);
    const renewed = await CertificateAuthority.create(AUTHORITY);
    const unknown = await CertificateAuthority.create('Unknown authority');
    const wishes = { name: 'spark', use: 'client', organisation: 'O=Example\\, Inc' } as const;
    const good = await authority.issue(wishes);
    const issuer = `CN=${AUTHORITY}`;
    shown = {
      'of a renewed authority': [await renewed.issue(wishes), 'CERT_SIGNATURE_FAILURE', issuer],
      'with a broken signature': [broken(good), 'CERT_SIGNATURE_FAILURE', issuer],
      expired: [
        await authority.issue({ ...wishes, until: new Date(Date.now() - DAY_MS) }),
        'CERT_HAS_EXPIRED',
        issuer,
      ],
      'not yet valid': [
        await authority.issue({ ...wishes, from: new Date(Date.now() + DAY_MS) }),
        'CERT_NOT_YET_VALID',
        issuer,
      ],
      'signed by itself': [
        await selfSigned(wishes),
        'DEPTH_ZERO_SELF_SIGNED_CERT',
        'CN=spark,O=Example\\, Inc',
      ],
      'of an unknown authority': [
        await unknown.issue(wishes),
        'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
        'CN=Unknown authority',
      ],
      'for servers': [await authority.issue({ ...wishes, use: 'server' }), 'INVALID_PURPOSE', issuer],
    };
    [optional, required] = await Promise.all([launch('optional'), launch('required')]);
  });
  after(async () => {
    await stage.stop();
    rmSync(folder, { recursive: true });
  });

  async function launch(requests: 'optional' | 'required'): Promise<Proxy> {
    const server = await authority.issue({ name: 'proxy', hosts: ['127.0.0.1'], use: 'server' });
    const files = server.write(folder, requests);
    const ca = join(folder, 'ca.pem');
    writeFileSync(ca, authority.pem);
    const senders = join(folder, 'senders.yaml');
    const hash = createHash('sha256').update(KEY).digest('hex');
    writeFileSync(senders, `senders: [{name: keyed, api_keys: ['sha256:${hash}']}]`);
    const tls = ['--ssl-certfile', files.cert, '--ssl-keyfile', files.key, '--ssl-ca-certs', ca];
    return stage.proxyWithoutKafka({
      settings: {
        AUTH__CLIENT_CERTIFICATES__ENABLED: 'true',
        AUTH__SENDERS_FILE: senders,
        LOGGING__PRESET: 'json',
      },
      args: [...tls, '--ssl-cert-reqs', requests],
    });
  }

  interface Sending {
    readonly certificate: Certificate | undefined;
    readonly version: SecureVersion;
    readonly key?: string;
    readonly ping?: boolean;
    readonly to?: Proxy;
  }

  async function send({ certificate, version, key, ping = false, to = optional }: Sending) {
    const id = randomUUID();
    const { promise, resolve, reject } = Promise.withResolvers<{
      status: number;
      text: string;
      id: string;
    }>();
    const identity = certificate && { cert: certificate.pem, key: certificate.keyPem };
    const sent = request(
      {
        ...{ host: '127.0.0.1', port: to.port, agent: false, ca: authority.pem, ...identity },
        ...{ minVersion: version, maxVersion: version },
        ...{ path: ping ? '/monitoring/ping' : '/api/v1/lineage', method: ping ? 'GET' : 'POST' },
        headers: { 'x-request-id': id, ...(key !== undefined && { authorization: `Bearer ${key}` }) },
      },
      (response) => {
        const { statusCode: status = 0 } = response;
        buffer(response).then((bytes) => resolve({ status, text: bytes.toString(), id }), reject);
      },
    );
    sent.on('error', reject).end(ping ? undefined : runEvent('refused'));
    return promise;
  }

  const kinds = [
    'of a renewed authority',
    'with a broken signature',
    'expired',
    'not yet valid',
    'signed by itself',
    'of an unknown authority',
    'for servers',
  ];

  function certificateOf(kind: string): readonly [certificate: Certificate, code: string, issuer: string] {
    return shown[kind] ?? assert.fail(kind);
  }

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const kind of kinds) {
      test(`${kind}: 401 where they are optional, and the log names them (${version})`, async () => {
        const [certificate, code, issuer] = certificateOf(kind);
        const { status, text, id } = await send({ certificate, version });
        assert.equal(status, 401);
        const { message, details } = errorOf(text);
        assert.deepEqual([message, details], ['Invalid client certificate', code]);
        await logged(optional, id);
        const { detail } = parsed(optional.log.split('\n').find((line) => line.includes(id)) ?? '');
        const named = `client certificate "CN=spark,O=Example\\, Inc", issued by "${issuer}": ${code}, `;
        assert.ok(String(detail).startsWith(named), String(detail));
      });

      test(`${kind}: ping answers, and another credential counts first (${version})`, async () => {
        const [certificate] = certificateOf(kind);
        assert.equal((await send({ certificate, version, ping: true })).status, 200);
        assert.equal((await send({ certificate, version, key: KEY })).status, 201);
      });

      test(`${kind}: the connection is closed where they are required, and the log names them (${version})`, async () => {
        const [certificate, code, issuer] = certificateOf(kind);
        const before = required.log.split(REFUSED).length;
        await assert.rejects(send({ certificate, version, to: required, key: KEY }));
        await logged(required, REFUSED, before);
        const line = required.log.split('\n').findLast((one) => one.includes(REFUSED)) ?? '';
        const { client, detail } = parsed(line);
        assert.match(String(client), /^127\.0\.0\.1:\d+$/);
        const named = `client certificate "CN=spark,O=Example\\, Inc", issued by "${issuer}": ${code}, `;
        assert.ok(String(detail).startsWith(named), String(detail));
      });
    }

    test(`of a renewed authority: a request long after the handshake is answered (${version})`, async () => {
      const [{ pem: cert, keyPem: key }] = certificateOf('of a renewed authority');
      const { port } = optional;
      const versions = { minVersion: version, maxVersion: version };
      const socket = connect({ host: '127.0.0.1', port, ca: authority.pem, cert, key, ...versions });
      await once(socket, 'secureConnect');
      // The server has read the end of the handshake, and waits.
      await sleep(100);
      socket.write('GET /monitoring/ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      assert.match(await text(socket), /^HTTP\/1\.1 200 /);
    });

    test(`a missing one: the log says so where they are required (${version})`, async () => {
      const said = 'the client has no certificate';
      const before = required.log.split(said).length;
      await assert.rejects(send({ certificate: undefined, version, to: required, key: KEY }));
      await logged(required, said, before);
    });
  }
});

/** The same certificate with another bit at the end, in its signature. */
function broken({ pem, keyPem }: Certificate): Certificate {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1);
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n');
  return new Certificate(`-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`, keyPem);
}
