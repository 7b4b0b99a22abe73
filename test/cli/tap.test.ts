/** `http2kafka tap`, beside a running proxy. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { after, suite, test } from 'node:test';
import { join } from 'node:path';
import { builtProgram } from '../../tools/built-program.ts';
import { ranProgram } from '../config/child.ts';
import { post } from '../stage/posting.ts';
import { jobEvent } from '../stage/sample-events.ts';
import { Stage } from '../stage/stage.ts';

suite('http2kafka tap', { timeout: 60_000 }, () => {
  const stage = new Stage();
  after(() => stage.stop());

  test('shows what becomes of events until the proxy ends, with the filters of the page', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'http2kafka-tap-'));
    using removed = new DisposableStack();
    removed.defer(() => rmSync(folder, { recursive: true }));
    const proxy = await stage.proxyWithoutKafka({ settings: { SPOOL__PATH: folder } });
    await post(proxy, jobEvent('before'));
    const args = ['tap', '--spool-path', folder, '--json', '--last', '5'];
    const child = spawn(builtProgram(), args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () => {
      const line = await lines.next();
      const parsed: unknown = JSON.parse(String(line.value));
      assert.ok(typeof parsed === 'object' && parsed !== null);
      return new Map<string, unknown>(Object.entries(parsed));
    };
    const first = await next();
    assert.deepEqual(
      ['job', 'outcome', 'kind', 'topic'].map((name) => first.get(name)),
      ['before', 'spool', 'job', proxy.topic],
    );
    await post(proxy, '{"eventTime": "SECRET"}');
    const second = await next();
    assert.equal(second.get('outcome'), 'invalid_request');
    assert.match(String(second.get('reason')), /Field required/);
    assert.ok(!JSON.stringify([...second]).includes('SECRET'));

    const shown = await ranProgram(['tap', '--spool-path', folder, '--once', '--outcome', 'taken']);
    assert.match(shown.stdout, /spool +- +job +\S+ \/ before/);
    assert.equal(shown.stdout.trim().split('\n').length, 1);

    const ended = once(child, 'exit');
    await proxy.stop('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    assert.equal((await ranProgram(['tap', '--spool-path', folder])).status, 1);
  });
});
