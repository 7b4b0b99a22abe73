import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Proxy } from '../../tools/proxy.ts';
import { logged } from './log-lines.ts';
import { post } from './posting.ts';
import { RawConnection, rawPost } from './raw-connection.ts';
import { runEvent } from './sample-events.ts';
import { headerOf, Stage } from './stage.ts';

const CONNECTIONS = 64;
const LOAD_MS = 2000;
const STOPPING = 'finishing what is in hand';
/** Longer than the time that a test has: whoever waits for it does not end. */
const PATIENT = ['--timeout-graceful-shutdown', '3600'];

void suite('a proxy that is told to stop', { timeout: 120_000 }, () => {
  let stage: Stage;

  before(async () => {
    stage = await Stage.start();
  });
  after(() => stage.stop());

  test('answers all that is sent to it, and loses nothing that it has acknowledged', async () => {
    const proxy = await stage.proxy();
    const connections = Array.from({ length: CONNECTIONS }, (_, index) => postUntilClosed(proxy, index));
    await sleep(LOAD_MS);
    const exit = proxy.stop('SIGTERM');
    // A request that is sent and not answered, or meets a reset, rejects.
    const acknowledged = (await Promise.all(connections)).flat();
    assert.deepEqual(await exit, { code: 0, signal: null });
    assert.ok(acknowledged.length > 2 * CONNECTIONS, `only ${acknowledged.length} requests`);
    const kept = new Set((await stage.records()).map((record) => headerOf(record, 'correlation_id')));
    assert.deepEqual(
      acknowledged.filter((id) => !kept.has(id)),
      [],
    );
  });

  test('waits for a request that is under way, and takes no connection meanwhile', async () => {
    const proxy = await stage.proxy({ args: PATIENT });
    const slow = await RawConnection.open(proxy.port);
    const request = rawPost(runEvent('under way'));
    await slow.send(request.subarray(0, -1));
    proxy.signal('SIGTERM');
    await logged(proxy, STOPPING);
    await assert.rejects(connectAgainAndAgain(proxy), /ECONNREFUSED/);
    await slow.send(request.subarray(-1));
    const { status, headers } = await slow.answer();
    assert.deepEqual([status, headers.get('connection')], [201, 'close']);
    assert.equal(await slow.closed, 'ended');
    assert.deepEqual(await proxy.ended, { code: 0, signal: null });
    assert.equal((await stage.recordsOf(headers.get('x-request-id'))).length, 1);
  });

  test('still serves a connection that was idle, once', async () => {
    const proxy = await stage.proxy({ args: PATIENT });
    const idle = await RawConnection.open(proxy.port);
    await idle.send(rawPost(runEvent('idle')));
    assert.equal((await idle.answer()).headers.get('connection'), 'keep-alive');
    proxy.signal('SIGTERM');
    await logged(proxy, STOPPING);
    await idle.send(rawPost(runEvent('idle')));
    const { status, headers } = await idle.answer();
    assert.deepEqual([status, headers.get('connection')], [201, 'close']);
    assert.deepEqual(await proxy.ended, { code: 0, signal: null });
  });

  test('by Ctrl-C does not wait for idle connections', async () => {
    const proxy = await stage.proxy({ args: PATIENT });
    const connections = await Promise.all(Array.from({ length: 8 }, () => RawConnection.open(proxy.port)));
    for (const [index, connection] of connections.entries()) {
      // Half of them have never been used.
      if (index % 2 === 0) continue;
      await connection.send(rawPost(runEvent('idle')));
      assert.equal((await connection.answer()).status, 201);
    }
    assert.deepEqual(await proxy.stop('SIGINT'), { code: 0, signal: null });
  });

  test('a second time ends at once', async () => {
    const proxy = await stage.proxy({ args: PATIENT });
    const stuck = await RawConnection.open(proxy.port);
    await stuck.send(rawPost(runEvent('stuck')).subarray(0, -1));
    proxy.signal('SIGTERM');
    await logged(proxy, STOPPING);
    assert.deepEqual(await proxy.stop('SIGINT'), { code: 1, signal: null });
    stuck.cut();
  });

  test('cuts a request that does not end in the time it is given', async () => {
    const proxy = await stage.proxy({ args: ['--timeout-graceful-shutdown', '1'] });
    const stuck = await RawConnection.open(proxy.port);
    await stuck.send(rawPost(runEvent('stuck'), ['X-Request-ID: stuck']).subarray(0, -1));
    assert.deepEqual(await proxy.stop('SIGTERM'), { code: 0, signal: null });
    assert.notEqual(await stuck.closed, 'cut');
    assert.equal(stuck.unread, '');
    assert.deepEqual(await stage.recordsOf('stuck'), []);
  });

  test('says of what Kafka does not take that it is not kept', async () => {
    const proxy = await stage.proxyWithoutKafka({ settings: { QUEUE__MAX_WAIT_MS: '1500' } });
    const waiting = Array.from({ length: 8 }, () => post(proxy, runEvent('waiting')));
    await sleep(100);
    const exit = proxy.stop('SIGTERM');
    for (const { status, headers } of await Promise.all(waiting)) {
      assert.deepEqual([status, headers['retry-after'], headers.connection], [503, '1', 'close']);
    }
    assert.deepEqual(await exit, { code: 0, signal: null });
  });
});

/** Rejects once the proxy takes no connection any more, which may be a moment after it has said so. */
async function connectAgainAndAgain({ port }: Proxy): Promise<never> {
  for (;;) (await RawConnection.open(port)).cut();
}

/** Posts over one connection for as long as it is kept; gives the ids of what was acknowledged, which has to be all. */
async function postUntilClosed(proxy: Proxy, index: number): Promise<string[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const acknowledged: string[] = [];
  for (;;) {
    const { status, headers } = await post(proxy, runEvent(`load ${index % 16}`), { agent });
    assert.equal(status, 201);
    acknowledged.push(String(headers['x-request-id']));
    if (headers.connection === 'close') break;
    // Some post without a break, others leave their connection idle in between.
    if (index % 2 === 0) await sleep(index);
  }
  agent.destroy();
  return acknowledged;
}
