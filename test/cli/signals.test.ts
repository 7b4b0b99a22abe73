import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { connect } from 'node:tls';
import type { Proxy } from '../../tools/proxy.ts';
import { writeCertificate } from '../stage/certificate.ts';
import { logged } from '../stage/log-lines.ts';
import { errorOf, get, post, spooled } from '../stage/posting.ts';
import { inState } from '../stage/readiness.ts';
import { runEvent } from '../stage/sample-events.ts';
import { NOWHERE, Stage } from '../stage/stage.ts';

const READ_AGAIN =
  'SIGHUP: the senders file, the certificates, the file of routing rules and logging.level were read again';
const NO_MEANING = 'it has no meaning here';
const NOT_READY = 'not ready from now on';
/** Longer than a test may take: a proxy that waits this long fails the test. */
const PATIENT = ['--timeout-graceful-shutdown', '3600'];

void suite('a signal', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-signals-'));
  const stage = new Stage();

  after(async () => {
    await stage.stop();
    rmSync(folder, { recursive: true });
  });

  test('to stop makes the proxy unready for server.shutdown_delay, while it still takes requests', async () => {
    const settings = { SERVER__SHUTDOWN_DELAY: '1h' };
    const proxy = await stage.proxyWithoutKafka({ settings, args: PATIENT });
    await inState(proxy, 'spooling');
    proxy.signal('SIGTERM');
    await logged(proxy, NOT_READY);
    const { status, text } = await get(proxy, '/monitoring/ready');
    assert.deepEqual([status, errorOf(text).message], [503, 'The proxy is stopping']);
    assert.equal((await get(proxy, '/monitoring/ping')).status, 200);
    spooled(await post(proxy, runEvent('late')));
    // The second signal ends the wait.
    assert.deepEqual(await proxy.stop('SIGTERM'), { code: 1, signal: null });
  });

  test('to stop ends the proxy after the delay, which is part of the time to stop', async () => {
    for (const [delay, grace] of [
      ['100ms', '3600'],
      ['1h', '1'],
    ] as const) {
      const settings = { SERVER__SHUTDOWN_DELAY: delay };
      const args = ['--timeout-graceful-shutdown', grace];
      const proxy = await stage.proxyWithoutKafka({ settings, args });
      assert.deepEqual(await proxy.stop('SIGTERM'), { code: 0, signal: null });
      assert.ok(proxy.log.includes(NOT_READY));
    }
  });

  test('of Ctrl-C does not wait for the delay', async () => {
    const settings = { SERVER__SHUTDOWN_DELAY: '1h' };
    const proxy = await stage.proxyWithoutKafka({ settings, args: PATIENT });
    assert.deepEqual(await proxy.stop('SIGINT'), { code: 0, signal: null });
    assert.ok(!proxy.log.includes(NOT_READY));
  });

  test('SIGHUP reads the senders file and the level of the log again', async () => {
    const senders = join(folder, 'senders.yaml');
    const config = join(folder, 'config.yaml');
    writeFileSync(senders, sendersWith('h2k_old'));
    writeFileSync(config, 'logging: {level: info}\n');
    const settings = { AUTH__SENDERS_FILE: senders, SPOOL__AFTER: '100ms' };
    const proxy = await stage.proxyWithoutKafka({ settings, args: ['--config', config] });
    assert.equal(await statusWith(proxy, 'h2k_new'), 401);

    writeFileSync(senders, sendersWith('h2k_new'));
    writeFileSync(config, 'logging: {level: debug}\n');
    proxy.signal('SIGHUP');
    await logged(proxy, READ_AGAIN);
    // The watch of the file would see the change some seconds later.
    assert.equal(await statusWith(proxy, 'h2k_new'), 201);
    proxy.signal('SIGUSR2');
    await logged(proxy, `DEBUG: SIGUSR2: ${NO_MEANING}`);

    writeFileSync(senders, 'senders: 1\n');
    writeFileSync(config, 'logging: {level: loud}\n');
    proxy.signal('SIGHUP');
    await logged(proxy, 'SIGHUP: what was in use before stays in use: the senders file, logging.level (');
    assert.equal(await statusWith(proxy, 'h2k_new'), 201);
  });

  test('SIGHUP reads the certificate again', async () => {
    const served = join(folder, 'served');
    mkdirSync(served);
    const first = await writeCertificate(served);
    const args = ['--ssl-certfile', first.cert, '--ssl-keyfile', first.key];
    const proxy = await stage.launch({ settings: NOWHERE, args });
    assert.equal(await serialOf(proxy), first.x509.serialNumber);
    const second = await writeCertificate(served);
    assert.notEqual(second.x509.serialNumber, first.x509.serialNumber);
    proxy.signal('SIGHUP');
    await logged(proxy, READ_AGAIN);
    assert.equal(await serialOf(proxy), second.x509.serialNumber);
  });

  test('SIGUSR1 and SIGUSR2 do nothing: no inspector opens, and the proxy lives', async () => {
    const proxy = await stage.proxyWithoutKafka({ args: ['--log-level', 'debug'] });
    for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
      proxy.signal(signal);
      await logged(proxy, `DEBUG: ${signal}: ${NO_MEANING}`);
    }
    assert.equal((await get(proxy, '/monitoring/ping')).status, 200);
    assert.doesNotMatch(proxy.log, /Debugger/);
  });
});

function sendersWith(key: string): string {
  const hash = createHash('sha256').update(key).digest('hex');
  return `senders:\n  - name: trino\n    api_keys: ['sha256:${hash}']\n`;
}

async function statusWith(proxy: Proxy, key: string): Promise<number> {
  return (await post(proxy, runEvent('signals'), { headers: { authorization: `Bearer ${key}` } })).status;
}

/** The serial number of the certificate that a new connection gets. */
async function serialOf(proxy: Proxy): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: proxy.port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}
