import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, suite, test } from 'node:test';
import { selfSigned, type Certificate, type CertificateFiles } from '../../tools/certificates.ts';
import type { Proxy } from '../../tools/proxy.ts';
import { logged } from '../http/log-lines.ts';
import { RawConnection } from '../http/raw-connection.ts';
import { runEvent } from '../http/sample-events.ts';
import { Stage } from '../http/stage.ts';

const PASSWORD = 'o"pen sesame';
/** Longer than a test may take: whoever waits for it does not end. */
const PATIENT = ['--timeout-graceful-shutdown', '3600'];

void suite('http2kafka serve over TLS', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-tls-'));
  let stage: Stage;
  let server: Certificate;
  let files: CertificateFiles;

  before(async () => {
    stage = await Stage.start();
    server = await selfSigned({ name: 'http2kafka test', hosts: ['127.0.0.1'] });
    files = server.write(folder, 'server', PASSWORD);
  });
  after(async () => {
    await stage.stop();
    rmSync(folder, { recursive: true });
  });

  async function start(...args: string[]): Promise<Proxy> {
    const proxy = await stage.launch({
      settings: { SERVER__SSL_KEYFILE_PASSWORD: PASSWORD },
      args: [...PATIENT, '--ssl-certfile', files.cert, '--ssl-keyfile', files.key, ...args],
    });
    await logged(proxy, 'Kafka can be written to');
    return proxy;
  }

  async function post({ port }: Proxy, agent: Agent): Promise<[number | undefined, string | undefined]> {
    const { promise, resolve, reject } = Promise.withResolvers<[number | undefined, string | undefined]>();
    const sent = request(
      { host: '127.0.0.1', port, path: '/api/v1/lineage', method: 'POST', agent },
      (response) => {
        buffer(response).then(() => resolve([response.statusCode, response.headers.connection]), reject);
      },
    );
    sent.on('error', reject).end(runEvent('secret'));
    return promise;
  }

  test('takes events, and stops in order under idle connections', async () => {
    const proxy = await start();
    assert.match(proxy.log, new RegExp(`listens on https://127\\.0\\.0\\.1:${proxy.port}\n`));
    const agent = new Agent({ ca: server.pem, keepAlive: true });
    for (let i = 0; i < 2; i++) assert.deepEqual(await post(proxy, agent), [201, 'keep-alive']);
    assert.equal(
      (await stage.records()).filter(({ key }) => key?.toString() === 'run:test/secret').length,
      2,
    );
    assert.deepEqual(await proxy.stop('SIGINT'), { code: 0, signal: null });
    agent.destroy();
  });

  test('closes on whoever does not speak TLS, and goes on', async () => {
    const proxy = await start();
    for (const text of [
      'GET /monitoring/ping HTTP/1.1\r\nHost: proxy\r\n\r\n',
      '\x16\x03\x01\x00\x05hello',
    ]) {
      const connection = await RawConnection.open(proxy.port);
      await connection.send(text);
      assert.notEqual(await connection.closed, 'cut');
    }
    const stranger = new Agent({ keepAlive: false });
    await assert.rejects(post(proxy, stranger), /self-signed certificate/);
    const agent = new Agent({ ca: server.pem, keepAlive: true });
    assert.equal((await post(proxy, agent))[0], 201);
    agent.destroy();
    assert.deepEqual(await proxy.stop('SIGINT'), { code: 0, signal: null });
  });

  test('may ask each client for its certificate', async () => {
    const client = await selfSigned({ name: 'http2kafka test client' });
    const proxy = await start(
      '--ssl-ca-certs',
      client.write(folder, 'client').cert,
      '--ssl-cert-reqs',
      'required',
    );
    const known = new Agent({
      ca: server.pem,
      cert: client.pem,
      key: client.keyPem,
      keepAlive: true,
    });
    assert.equal((await post(proxy, known))[0], 201);
    const unknown = new Agent({ ca: server.pem });
    await assert.rejects(post(proxy, unknown));
    known.destroy();
    assert.deepEqual(await proxy.stop('SIGINT'), { code: 0, signal: null });
  });
});
