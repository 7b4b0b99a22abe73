/** The socket of the commands: its protocol and its bounds. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, afterEach, before, suite, test } from 'node:test';
import { pino } from 'pino';
import type { Decided, EventDelivery, ParkedControl } from '../../src/delivery/port.ts';
import { control, NoProxy } from '../../src/proxy/control/control-client.ts';
import { ControlServer } from '../../src/proxy/control/control-server.ts';

/** Drops every event. `retry` ends with an error after the first one. */
class FakeParked implements ParkedControl {
  readonly dropped: string[] = [];

  async drop(ids: readonly string[], tell: (decided: Decided) => Promise<boolean>): Promise<void> {
    for (const id of ids) {
      this.dropped.push(id);
      if (!(await tell({ id, topic: 'events', outcome: 'dropped' }))) return;
    }
  }

  async retry([id = '']: readonly string[], tell: (decided: Decided) => Promise<boolean>): Promise<void> {
    await tell({ id, topic: 'events', outcome: 'kafka' });
    throw new Error('the proxy is stopping');
  }
}

suite('the control socket', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-control-'));
  const socketPath = join(folder, 'control.sock');
  const parked = new FakeParked();
  const delivery: Pick<EventDelivery, 'deliver'> = {
    deliver: () => Promise.resolve({ kind: 'spooled' }),
  };
  let server: ControlServer | undefined;

  before(async () => {
    server = await ControlServer.open(folder, { parked, delivery }, pino({ enabled: false }));
    assert.ok(server);
  });
  afterEach(() => void parked.dropped.splice(0));
  after(async () => {
    await server?.close();
    rmSync(folder, { recursive: true });
  });

  function ask(method: string, path: string, body = ''): Promise<readonly [number | undefined, string]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly [number | undefined, string]>();
    const sent = request({ socketPath, method, path }, (response) => {
      text(response).then((answer) => resolve([response.statusCode, answer]), reject);
    });
    sent.on('error', reject);
    sent.end(body);
    return promise;
  }

  test('is open to its owner only', () => {
    assert.equal(statSync(socketPath).mode & 0o777, 0o600);
  });

  test('answers with a line for each event, and a last one', async () => {
    assert.deepEqual(await ask('POST', '/parked/drop', '{"ids":["a","b"]}'), [
      200,
      '{"id":"a","topic":"events","outcome":"dropped"}\n{"id":"b","topic":"events","outcome":"dropped"}\n{"done":true}\n',
    ]);
  });

  const refused: readonly (readonly [method: string, path: string, body: string, status: number])[] = [
    ['POST', '/parked/dropp', '{"ids":["a"]}', 404],
    ['GET', '/parked/drop', '', 405],
    ['POST', '/parked/drop', '', 400],
    ['POST', '/parked/drop', '{"ids":"a"}', 400],
    ['POST', '/parked/drop', '{"ids":[1]}', 400],
    ['POST', '/parked/drop', '["a"]', 400],
    ['POST', '/parked/drop', `{"ids":["${'a'.repeat(1024 * 1024)}"]}`, 413],
  ];
  for (const [method, path, body, status] of refused) {
    test(`refuses ${method} ${path} ${body.slice(0, 20)} with ${status}`, async () => {
      const [code, answer] = await ask(method, path, body);
      assert.equal(code, status);
      assert.match(answer, /^\{"error":"[^"]+/);
      assert.deepEqual(parked.dropped, []);
    });
  }

  test('takes four connections, and closes others', async () => {
    const open = Array.from({ length: 4 }, () => connect(socketPath));
    await Promise.all(open.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    await assert.rejects(ask('POST', '/parked/drop', '{"ids":["a"]}'));
    for (const socket of open) socket.destroy();
  });

  test('serves more ids than fit into one request', async () => {
    const ids = Array.from({ length: 25_000 }, (_, n) => String(n).padStart(16, '0'));
    const found: string[] = [];
    for await (const { id } of control(folder, 'drop', ids)) found.push(id);
    assert.deepEqual([found, parked.dropped], [ids, ids]);
  });

  test('shows that the work has ended before its end', async () => {
    const found: string[] = [];
    const read = async () => {
      for await (const { id } of control(folder, 'retry', ['a', 'b'])) found.push(id);
    };
    await assert.rejects(read(), /the proxy is stopping/);
    assert.deepEqual(found, ['a']);
  });

  test('is not there without a proxy', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'http2kafka-control-'));
    const none = async () => {
      for await (const decided of control(empty, 'drop', ['a'])) assert.fail(JSON.stringify(decided));
    };
    await assert.rejects(none(), NoProxy);
    rmSync(empty, { recursive: true });
  });
});
