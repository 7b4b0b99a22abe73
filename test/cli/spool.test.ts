import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { startProxy, type Proxy } from '../../tools/proxy.ts';
import { ranProgram } from '../config/child.ts';
import { deadLettered, post, spooled } from '../stage/posting.ts';
import { runEvent } from '../stage/sample-events.ts';

const Line = Type.Object({
  topic: Type.String(),
  arrived: Type.String(),
  timestamp: Type.Number(),
  key: Type.Union([Type.String(), Type.Null()]),
  headers: Type.Record(Type.String(), Type.String()),
  value: Type.Optional(Type.String()),
  value_base64: Type.Optional(Type.String()),
});

void suite('http2kafka spool', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-spool-command-'));
  const env = { HTTP2KAFKA__SPOOL__PATH: folder };
  const bad = randomBytes(30);
  let proxy: Proxy;

  before(async () => {
    proxy = await startProxy({ settings: { SPOOL__PATH: folder, CHECK__INVALID: 'dead-letter' } });
    for (const name of ['one', 'two', 'three']) {
      spooled(await post(proxy, runEvent(name)));
    }
    deadLettered(await post(proxy, bad));
  });
  after(async () => {
    await proxy.stop();
    rmSync(folder, { recursive: true });
  });

  async function exported(...args: readonly string[]) {
    const { status, stdout, stderr } = await ranProgram(['spool', 'export', ...args], env);
    assert.deepEqual([status, stderr], [0, '']);
    const lines = stdout === '' ? [] : stdout.trimEnd().split('\n');
    return lines.map((line) => Value.Parse(Line, JSON.parse(line)));
  }

  test('shows the events of each topic while the proxy runs', async () => {
    const { status, stdout, stderr } = await ranProgram(['spool'], env);
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^topic +events +bytes +oldest\ninput\.runs +3 +\d+ +2\d{3}-\S+Z \(\d+ s ago\)\n/);
    assert.match(stdout, /\ninput\.runs__malformed +1 +\d+ +2/);
  });

  test('exports the events, byte for byte and in their order', async () => {
    const lines = await exported();
    assert.deepEqual(
      lines.map(({ topic }) => topic),
      [...Array.from({ length: 3 }, () => 'input.runs'), 'input.runs__malformed'],
    );
    assert.deepEqual(
      lines.slice(0, 3).map(({ value, key }) => [value, key]),
      ['one', 'two', 'three'].map((name) => [runEvent(name).toString(), `run:test/${name}`]),
    );
    assert.equal(lines[0]?.headers['content-type'], 'application/json');
    assert.deepEqual(Buffer.from(lines[3]?.value_base64 ?? '', 'base64'), bad);
    assert.match(lines[3]?.headers['dead-letter-reason'] ?? '', /./);
  });

  test('exports one topic alone', async () => {
    assert.equal((await exported('--topic', 'input.runs__malformed')).length, 1);
  });

  test('names the topics that there are, for a topic that the spool does not have', async () => {
    const { status, stdout, stderr } = await ranProgram(['spool', 'export', '--topic', 'input.run'], env);
    assert.deepEqual([status, stdout], [1, '']);
    assert.equal(
      stderr,
      `The spool in ${folder} has no topic 'input.run': it has input.runs, input.runs__malformed. Did you mean input.runs?\n`,
    );
  });

  test('skips a torn frame, and frames that are marked as delivered', async () => {
    const copy = mkdtempSync(join(tmpdir(), 'http2kafka-spool-copy-'));
    const topics = join(folder, 'topics', 'input.runs');
    const [log = ''] = readdirSync(topics).filter((file) => file.endsWith('.log'));
    const { status } = await ranProgram(['spool', '--spool-path', copy]);
    assert.equal(status, 1);
    mkdirSync(join(copy, 'topics', 'input.runs'), { recursive: true });
    const bytes = readFileSync(join(topics, log));
    writeFileSync(join(copy, 'topics', 'input.runs', log), bytes.subarray(0, bytes.length - 5));
    const marks = Buffer.alloc(17);
    marks.writeUInt8(1, 16);
    writeFileSync(join(copy, 'topics', 'input.runs', log.replace('.log', '.marks')), marks);
    const { stdout } = await ranProgram(['spool', 'export', '--spool-path', copy]);
    assert.deepEqual(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => Value.Parse(Line, JSON.parse(line)).key),
      ['run:test/two'],
    );
    rmSync(copy, { recursive: true });
  });

  test('names the folder when there is no spool', async () => {
    const { status, stdout, stderr } = await ranProgram(['spool', '--spool-path', '/nowhere']);
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, /^There is no spool in \/nowhere: .*--spool-path/);
  });
});
