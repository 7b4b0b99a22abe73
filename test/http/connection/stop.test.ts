import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryFolder } from '../../../tools/kafka/folders.ts';
import type { Proxy } from '../../../tools/proxy.ts';
import { logged } from '../../stage/log-lines.ts';
import { readMetrics } from '../../stage/metric-reading.ts';
import { created, post, spooled, type Answer } from '../../stage/posting.ts';
import { RawConnection, rawPost } from '../../stage/raw-connection.ts';
import { inState } from '../../stage/readiness.ts';
import { runEvent } from '../../stage/sample-events.ts';
import { headerOf, useStage } from '../../stage/stage.ts';

const CONNECTIONS = 64;
const LOAD_MS = 2000;
const STOPPING = 'finishing what is in hand';
/** Longer than a test may take: a proxy that waits this long fails the test. */
const PATIENT = ['--timeout-graceful-shutdown', '3600'];

void suite('a proxy that is told to stop', { timeout: 240_000 }, () => {
  const stage = useStage();

  test('answers every request, and neither loses nor duplicates an acknowledged event', async () => {
    const settings = { SPOOL__PATH: temporaryFolder('http2kafka-stop-') };
    const proxy = await stage.proxy({ settings });
    const connections = Array.from({ length: CONNECTIONS }, (_, index) => postUntilClosed(proxy, index));
    await sleep(LOAD_MS);
    const exit = proxy.stop('SIGTERM');
    // A request without an answer, or with a reset, rejects.
    const acknowledged = (await Promise.all(connections)).flat();
    assert.deepEqual(await exit, { code: 0, signal: null });
    assert.ok(acknowledged.length > 2 * CONNECTIONS, `only ${acknowledged.length} requests`);
    // The next proxy sends the events that Kafka had not acknowledged.
    const next = await stage.proxy({ settings });
    await inState(next, 'straight');
    const kept = (await stage.records()).map((record) => headerOf(record, 'correlation_id'));
    assert.deepEqual(kept.toSorted(), acknowledged.toSorted());
  });

  test('waits for a request in flight, and accepts no new connection', async () => {
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
      created(await connection.answer());
    }
    assert.deepEqual(await proxy.stop('SIGINT'), { code: 0, signal: null });
  });

  test('ends at once when it is told a second time', async () => {
    const proxy = await stage.proxy({ args: PATIENT });
    const stuck = await RawConnection.open(proxy.port);
    await stuck.send(rawPost(runEvent('stuck')).subarray(0, -1));
    proxy.signal('SIGTERM');
    await logged(proxy, STOPPING);
    assert.deepEqual(await proxy.stop('SIGINT'), { code: 1, signal: null });
    stuck.cut();
  });

  test('cuts a request that does not end within --timeout-graceful-shutdown', async () => {
    const proxy = await stage.proxy({ args: ['--timeout-graceful-shutdown', '1'] });
    const stuck = await RawConnection.open(proxy.port);
    await stuck.send(rawPost(runEvent('stuck'), ['X-Request-ID: stuck']).subarray(0, -1));
    assert.deepEqual(await proxy.stop('SIGTERM'), { code: 0, signal: null });
    assert.notEqual(await stuck.closed, 'cut');
    assert.equal(stuck.unread, '');
    assert.deepEqual(await stage.recordsOf('stuck'), []);
  });

  test('keeps events without an answer from Kafka, and each is written once', async () => {
    const settings = {
      SPOOL__PATH: temporaryFolder('http2kafka-stop-'),
      SPOOL__AFTER: '4s',
      KAFKA__REQUEST_TIMEOUT_MS: '600000',
    };
    const proxy = await stage.proxy({ settings, args: ['--timeout-graceful-shutdown', '60'] });
    await connect(proxy);
    stage.broker.freeze();
    try {
      // The frozen broker receives the first event and answers nothing. The others wait.
      const waiting = Array.from({ length: 8 }, (_, index) => post(proxy, runEvent('waits', { index })));
      while ((await readMetrics(proxy)).get('http2kafka_queue_events') !== 8) await sleep(10);
      proxy.signal('SIGTERM');
      for (const answer of await Promise.all(waiting)) {
        spooled(answer);
        assert.equal(answer.headers.connection, 'close');
      }
    } finally {
      stage.broker.thaw();
    }
    assert.deepEqual(await proxy.ended, { code: 0, signal: null });
    const next = await stage.proxy({ settings });
    await inState(next, 'straight');
    const values = (await stage.records()).filter(({ key }) => key?.toString() === 'run:test/waits');
    assert.deepEqual(
      values.map(({ value }) => value?.toString()).sort(),
      Array.from({ length: 8 }, (_, index) => runEvent('waits', { index }).toString()),
    );
    assert.equal((await readMetrics(next)).get('http2kafka_duplicates_possible_total'), 0);
  });

  test('counts possible duplicates: events that Kafka may or may not have', async () => {
    const settings = { SPOOL__PATH: temporaryFolder('http2kafka-stop-'), SPOOL__AFTER: '100ms' };
    const proxy = await stage.proxy({ settings, args: ['--timeout-graceful-shutdown', '1'] });
    await connect(proxy);
    stage.broker.freeze();
    let answer: Answer;
    try {
      answer = await post(proxy, runEvent('twice'));
      spooled(answer);
      // The first event is in flight, so this one is certainly not in Kafka.
      spooled(await post(proxy, runEvent('behind')));
      assert.deepEqual(await proxy.stop('SIGTERM'), { code: 0, signal: null });
    } finally {
      stage.broker.thaw();
    }
    const next = await stage.proxy({ settings });
    await inState(next, 'straight');
    assert.equal((await readMetrics(next)).get('http2kafka_duplicates_possible_total'), 1);
    assert.match(next.log, /WARN: sent by the last process and never answered: .*"events":1}/);
    assert.ok((await stage.recordsOf(answer.headers['x-request-id'])).length >= 1);
    const behind = (await stage.records()).filter(({ key }) => key?.toString() === 'run:test/behind');
    assert.equal(behind.length, 1);
  });

  test('by Ctrl-C keeps events that Kafka does not take', async () => {
    const settings = { SPOOL__PATH: temporaryFolder('http2kafka-stop-') };
    const proxy = await stage.proxyWithoutKafka({ settings });
    const event = runEvent('kept');
    const answer = await post(proxy, event);
    spooled(answer);
    assert.deepEqual(await proxy.stop('SIGINT'), { code: 0, signal: null });
    assert.match(proxy.log, /INFO: events stay in the spool, for the next start {"events":1,/);
    const next = await stage.proxy({ settings });
    await inState(next, 'straight');
    assert.ok((await stage.valueOf(answer.headers['x-request-id'])).equals(event));
  });
});

/** Makes a proxy connect to the partition leaders: the next request needs no new connection. */
async function connect(proxy: Proxy): Promise<void> {
  created(await post(proxy, runEvent('first')));
}

/** Rejects once the proxy accepts no connection, which may be a moment after its log line. */
async function connectAgainAndAgain({ port }: Proxy): Promise<never> {
  for (;;) (await RawConnection.open(port)).cut();
}

/** Posts over one connection until it is closed. Gives the ids of the acknowledged events. Rejects when one is not acknowledged. */
async function postUntilClosed(proxy: Proxy, index: number): Promise<string[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const acknowledged: string[] = [];
  for (;;) {
    const answer = await post(proxy, runEvent(`load ${index % 16}`), { agent });
    created(answer);
    const { headers } = answer;
    acknowledged.push(String(headers['x-request-id']));
    if (headers.connection === 'close') break;
    // Half of the senders leave their connection idle between requests.
    if (index % 2 === 0) await sleep(index);
  }
  agent.destroy();
  return acknowledged;
}
