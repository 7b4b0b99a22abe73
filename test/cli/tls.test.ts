import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import type { Proxy } from '../../tools/proxy.ts';
import { logged } from '../stage/log-lines.ts';
import { samplesOf } from '../stage/metric-reading.ts';
import { RawConnection, rawPost } from '../stage/raw-connection.ts';
import { runEvent } from '../stage/sample-events.ts';
import { useStage } from '../stage/stage.ts';
import { writeCertificate, type CertificateFiles } from '../stage/certificate.ts';

const PASSWORD = 'o"pen sesame';
/** Longer than a test may take: a proxy that waits this long fails the test. */
const PATIENT = ['--timeout-graceful-shutdown', '3600'];

void suite('http2kafka serve over TLS', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-tls-'));
  const stage = useStage();
  let server: CertificateFiles;

  before(async () => {
    server = await writeCertificate(folder, PASSWORD);
  });
  after(() => rmSync(folder, { recursive: true }));

  async function start(...args: string[]): Promise<Proxy> {
    const proxy = await stage.launch({
      settings: { SERVER__SSL_KEYFILE_PASSWORD: PASSWORD },
      args: [...PATIENT, '--ssl-certfile', server.cert, '--ssl-keyfile', server.key, ...args],
    });
    await logged(proxy, 'Kafka can be written to');
    return proxy;
  }

  /** Gives the status, where the event is, and whether the connection stays open. */
  async function post({ port }: Proxy, agent: Agent): Promise<unknown[]> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown[]>();
    const sent = request(
      { host: '127.0.0.1', port, path: '/api/v1/lineage', method: 'POST', agent },
      (response) => {
        const { statusCode, headers } = response;
        buffer(response).then(() => resolve([statusCode, headers['x-delivery'], headers.connection]), reject);
      },
    );
    sent.on('error', reject).end(runEvent('secret'));
    return promise;
  }

  test('takes events, and stops in order with idle connections', async () => {
    const proxy = await start();
    assert.match(proxy.log, new RegExp(`listens on https://127\\.0\\.0\\.1:${proxy.port}\n`));
    const agent = new Agent({ ca: server.pem, keepAlive: true });
    for (let i = 0; i < 2; i++) assert.deepEqual(await post(proxy, agent), [201, 'kafka', 'keep-alive']);
    assert.equal(
      (await stage.records()).filter(({ key }) => key?.toString() === 'run:test/secret').length,
      2,
    );
    assert.deepEqual(await proxy.stop('SIGINT'), { code: 0, signal: null });
    agent.destroy();
  });

  test('answers a client that has closed its connection for writing', async () => {
    const proxy = await start();
    const socket = connect({ port: proxy.port, host: '127.0.0.1', ca: server.pem });
    await once(socket, 'secureConnect');
    socket.end(rawPost(runEvent('half closed')));
    assert.match(await text(socket), /^HTTP\/1\.1 201 Created\r\n.*X-Delivery: kafka\r\n/s);
  });

  test('closes at once a connection that its client closes before the handshake', async () => {
    // A time limit longer than the test may take.
    const proxy = await stage.launch({
      settings: {
        SERVER__SSL_KEYFILE_PASSWORD: PASSWORD,
        SERVER__HEADERS_TIMEOUT_S: '3600',
        SERVER__REQUEST_TIMEOUT_S: '0',
      },
      args: ['--ssl-certfile', server.cert, '--ssl-keyfile', server.key],
    });
    const connection = await RawConnection.open(proxy.port);
    connection.finish();
    assert.notEqual(await connection.closed, 'cut');
  });

  test('waits for a request in flight when it is stopped', async () => {
    const proxy = await start();
    const agent = new Agent({ ca: server.pem, keepAlive: true });
    const event = runEvent('under way');
    const headers = { 'content-length': event.length };
    const options = {
      host: '127.0.0.1',
      port: proxy.port,
      path: '/api/v1/lineage',
      method: 'POST',
      agent,
      headers,
    };
    const sent = request(options);
    const answer = new Promise<IncomingMessage>((resolve) => sent.once('response', resolve));
    sent.write(event.subarray(0, 10));
    await once(sent, 'socket');
    // Its head arrives before any later request.
    assert.equal((await post(proxy, agent))[0], 201);
    proxy.signal('SIGINT');
    await logged(proxy, 'finishing what is in hand');
    await sleep(200);
    sent.end(event.subarray(10));
    const response = await answer;
    assert.deepEqual([response.statusCode, response.headers.connection], [201, 'close']);
    response.resume();
    assert.deepEqual(await proxy.ended, { code: 0, signal: null });
    agent.destroy();
  });

  test('closes connections that do not speak TLS, and goes on', async () => {
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

  test('ends with one line in the log when a file is wrong', async () => {
    const other = await writeCertificate(mkdtempSync(join(folder, 'other-')));
    const args = ['--ssl-certfile', server.cert, '--ssl-keyfile', other.key];
    const settings = { SERVER__SSL_KEYFILE_PASSWORD: PASSWORD };
    await assert.rejects(
      stage.launch({ args, settings }),
      /ended: \S+ \S+ FATAL: cannot listen with TLS: \S+cert\.key \(server\.ssl_keyfile\) is not the key of [^\n]*\n$/,
    );
  });

  test('switches to a new certificate while connections are open, and keeps the old one when the new pair is broken', async () => {
    for (const name of ['old', 'renewed']) mkdirSync(join(folder, name));
    const old = await writeCertificate(join(folder, 'old'), undefined, inDays(5));
    const renewed = await writeCertificate(join(folder, 'renewed'));
    const current = join(folder, 'current');
    symlinkSync('old', current);
    const proxy = await stage.proxyWithoutKafka({
      settings: { SPOOL__AFTER: '100ms' },
      args: ['--ssl-certfile', join(current, 'cert.pem'), '--ssl-keyfile', join(current, 'cert.key')],
    });
    await logged(proxy, 'is valid for 4 more days');
    const kept = new Agent({ ca: old.pem, keepAlive: true, maxSockets: 1 });
    assert.deepEqual(await post(proxy, kept), [201, 'spool', 'keep-alive']);

    symlinkSync('renewed', `${current}.new`);
    renameSync(`${current}.new`, current);
    await logged(proxy, 'was read again');
    assert.equal(await fingerprintOf(proxy), renewed.x509.fingerprint256);
    assert.deepEqual(await post(proxy, kept), [201, 'spool', 'keep-alive'], 'on the earlier connection');
    const agent = new Agent({ ca: renewed.pem, keepAlive: true });
    const metrics = async () => samplesOf(await getMetrics(proxy, agent));
    assert.equal(
      (await metrics()).get('http2kafka_tls_certificate_expiry_timestamp_seconds'),
      renewed.x509.validToDate.getTime() / 1000,
    );

    writeFileSync(join(folder, 'renewed', 'cert.key'), readFileSync(old.key));
    await logged(proxy, 'is not the key of the first certificate');
    assert.equal(await fingerprintOf(proxy), renewed.x509.fingerprint256);
    assert.equal((await metrics()).get('http2kafka_tls_reload_failures_total'), 1);
    assert.equal(proxy.log.split('the ones before stay in use').length - 1, 1);
    kept.destroy();
    agent.destroy();
    assert.deepEqual(await proxy.stop('SIGINT'), { code: 0, signal: null });
  });

  test('closes connections that do not finish the handshake in time', async () => {
    const impatient = await stage.launch({
      settings: { SERVER__SSL_KEYFILE_PASSWORD: PASSWORD, SERVER__HEADERS_TIMEOUT_S: '1' },
      args: [...PATIENT, '--ssl-certfile', server.cert, '--ssl-keyfile', server.key],
    });
    const silent = await RawConnection.open(impatient.port);
    const halfHello = await RawConnection.open(impatient.port);
    await halfHello.send('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03');
    assert.notEqual(await silent.closed, 'cut');
    assert.notEqual(await halfHello.closed, 'cut');
    const agent = new Agent({ ca: server.pem });
    const failures = samplesOf(await getMetrics(impatient, agent)).get(
      'http2kafka_tls_handshake_failures_total',
    );
    assert.equal(failures, 2);
    assert.deepEqual(await impatient.stop('SIGINT'), { code: 0, signal: null });
  });

  test('can require a certificate from each client', async () => {
    mkdirSync(join(folder, 'client'));
    const client = await writeCertificate(join(folder, 'client'));
    const proxy = await start('--ssl-ca-certs', client.cert, '--ssl-cert-reqs', 'required');
    const known = new Agent({
      ca: server.pem,
      cert: client.pem,
      key: readFileSync(client.key),
      keepAlive: true,
    });
    assert.equal((await post(proxy, known))[0], 201);
    const unknown = new Agent({ ca: server.pem });
    await assert.rejects(post(proxy, unknown));
    known.destroy();
    assert.deepEqual(await proxy.stop('SIGINT'), { code: 0, signal: null });
  });
});

/** The fingerprint of the certificate that a new connection gets. */
async function fingerprintOf({ port }: Proxy): Promise<string | undefined> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const fingerprint = socket.getPeerX509Certificate()?.fingerprint256;
  socket.destroy();
  return fingerprint;
}

function getMetrics({ port }: Proxy, agent: Agent): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const sent = request({ host: '127.0.0.1', port, path: '/monitoring/metrics', agent }, (response) => {
    text(response).then(resolve, reject);
  });
  sent.on('error', reject).end();
  return promise;
}

/** An hour less than `days` days from now, so that a slow test counts the same whole days. */
function inDays(days: number): Date {
  return new Date(Date.now() + days * 86_400_000 - 3_600_000);
}
