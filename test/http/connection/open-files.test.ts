import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { startProxy, type Proxy } from '../../../tools/proxy.ts';
import { post } from '../../stage/posting.ts';
import { RawConnection, rawPost } from '../../stage/raw-connection.ts';
import { runEvent } from '../../stage/sample-events.ts';
import { until } from '../../stage/until.ts';

const LIMIT = 256;

suite('with 256 open files and without Kafka', { timeout: 120_000 }, () => {
  let proxy: Proxy;
  const open: RawConnection[] = [];

  before(async () => {
    const settings = { KAFKA__BOOTSTRAP_SERVERS: '127.0.0.1:1' };
    proxy = await startProxy({ settings, shell: `ulimit -n ${LIMIT}` });
  });
  after(async () => {
    for (const connection of open) connection.cut();
    await proxy.stop();
  });

  async function openMany(count: number): Promise<readonly RawConnection[]> {
    const connections = await Promise.all(
      Array.from({ length: count }, () => RawConnection.open(proxy.port)),
    );
    open.push(...connections);
    return connections;
  }

  test('400 idle clients keep out no event, and leave the spool its files', async () => {
    await openMany(400);
    for (let i = 0; i < 50; i++) {
      // Each on a connection of its own.
      const { status, headers } = await post(proxy, runEvent(`event ${i}`));
      assert.deepEqual([status, headers['x-delivery']], [201, 'spool']);
    }
    const files = readdirSync(`/proc/${proxy.pid}/fd`).length;
    assert.ok(files < LIMIT - 64, `${files} files are open`);
    assert.doesNotMatch(proxy.log, /EMFILE|too many open files/);
    assert.equal(proxy.log.match(/connections are closed/g)?.length, 1);
  });

  test('a new client is told so while all connections are in use', async () => {
    const used = await openMany(128);
    for (const connection of used) {
      await connection.send(rawPost(runEvent('in use')));
      assert.equal((await connection.answer()).status, 201);
    }
    const late = await RawConnection.open(proxy.port);
    const { status, headers } = await late.answer();
    assert.deepEqual([status, headers.get('retry-after'), headers.get('connection')], [503, '1', 'close']);
    const [first] = used;
    assert.ok(first);
    await first.send(rawPost(runEvent('still in use')));
    assert.equal((await first.answer()).status, 201);
    late.cut();
    first.cut();
    await until(
      () => post(proxy, runEvent('there is room again')),
      ({ status }) => status === 201,
    );
  });
});
