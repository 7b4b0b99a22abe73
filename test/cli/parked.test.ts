/** `http2kafka spool`, `spool retry` and `spool drop` on parked events: on the folder alone, and beside a running proxy. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { startProxy, type Proxy } from '../../tools/proxy.ts';
import { ran, ranProgram } from '../config/child.ts';
import { readMetrics } from '../stage/metric-reading.ts';
import { get, post, spooled } from '../stage/posting.ts';
import { readiness } from '../stage/readiness.ts';
import { runEvent } from '../stage/sample-events.ts';
import { parkInFolder } from './parked-folder.ts';

const Shown = Type.Object({
  topics: Type.Array(Type.Object({ topic: Type.String(), events: Type.Number() })),
  parked: Type.Array(
    Type.Object({
      id: Type.String(),
      topic: Type.String(),
      reason: Type.String(),
      since: Type.String(),
      bytes: Type.Number(),
    }),
  ),
});

const Noted = Type.Object({
  parked: Type.Object({ events: Type.Number(), topics: Type.Record(Type.String(), Type.Unknown()) }),
});

const Exported = Type.Object({ value: Type.String() });

const TOO_LARGE = 'too-large: needs 900 bytes even compressed, where the topic takes 500';
const EVENTS = [
  { topic: 'input.runs', reason: TOO_LARGE, value: '{"one":1}' },
  { topic: 'input.runs', reason: 'refused: INVALID_RECORD', value: '{"two":2}' },
  { topic: 'input.runs__malformed', reason: 'refused: INVALID_RECORD', value: '{"three":3}' },
];

void suite('parked events on the command line', { timeout: 120_000 }, () => {
  let root: string;
  let folder: string;
  let proxy: Proxy | undefined;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'http2kafka-parked-'));
    folder = join(root, 'spool');
    await parkInFolder(folder, EVENTS);
  });
  afterEach(async () => {
    if (proxy?.running === true) await proxy.stop();
    proxy = undefined;
    rmSync(root, { recursive: true });
  });

  const run = (...args: readonly string[]) =>
    ranProgram(['spool', ...args], { HTTP2KAFKA__SPOOL__PATH: folder });

  async function shown() {
    const { status, stdout, stderr } = await run('show', '--json');
    assert.deepEqual([status, stderr], [0, '']);
    return Value.Parse(Shown, JSON.parse(stdout));
  }

  const startHere = async (settings = {}) =>
    (proxy = await startProxy({ settings: { SPOOL__PATH: folder, ...settings } }));

  test('are listed with id, topic, size, time and reason', async () => {
    const { status, stdout } = await run();
    assert.equal(status, 0);
    assert.match(stdout, /^No events in .* that wait for Kafka\n\n3 events parked: /);
    assert.match(stdout, /\nid +topic +bytes +parked +reason\n/);
    assert.match(
      stdout,
      /\n[0-9a-f]{16} +input\.runs +\d+ +2\d{3}-\S+Z \(\d+ s ago\) +too-large: needs 900 bytes even compressed, where the topic takes 500\n/,
    );
    const { parked } = await shown();
    assert.deepEqual(
      parked.map(({ topic, reason }) => [topic, reason]),
      EVENTS.map(({ topic, reason }) => [topic, reason]),
    );
    const { stdout: exported } = await run('export');
    assert.deepEqual(
      exported
        .trimEnd()
        .split('\n')
        .map((line) => Value.Parse(Exported, JSON.parse(line)).value),
      EVENTS.map(({ value }) => value),
    );
  });

  test('are dropped on the folder when no proxy runs, by id, reason, topic, or all', async () => {
    const [one] = (await shown()).parked;
    assert.ok(one);
    const { status, stdout, stderr } = await run('drop', one.id, '--yes');
    assert.deepEqual([status, stdout, stderr], [0, `${one.id}  input.runs  dropped\n`, '1 event deleted\n']);
    assert.equal(
      (await run('drop', '--reason', 'invalid_record', '--topic', 'input.runs', '--yes')).status,
      0,
    );
    assert.deepEqual(
      (await shown()).parked.map(({ topic }) => topic),
      ['input.runs__malformed'],
    );
    const json = await run('drop', '--all', '--yes', '--json');
    assert.match(
      json.stdout,
      /^\{"id":"[0-9a-f]{16}","topic":"input.runs__malformed","outcome":"dropped"\}\n$/,
    );
    assert.deepEqual((await shown()).parked, []);
    assert.deepEqual(await run('drop', '--all', '--yes'), {
      status: 0,
      stdout: '',
      stderr: `No event is parked in ${folder}.\n`,
    });
  });

  test('go back into the queue of their topic when no proxy runs', async () => {
    const { status, stderr } = await run('retry', '--topic', 'input.runs', '--yes');
    assert.deepEqual([status, stderr], [0, '2 events in the spool, to be sent like other events\n']);
    const { topics, parked } = await shown();
    assert.deepEqual(
      topics.map(({ topic, events }) => [topic, events]),
      [['input.runs', 2]],
    );
    assert.equal(parked.length, 1);
  });

  const misuses: readonly (readonly [args: readonly string[], status: number, message: RegExp])[] = [
    [['drop'], 2, /^Which parked events\?/],
    [['drop', '--all'], 2, /^Without a terminal, the command does not ask: it needs --yes\.\n$/],
    [['retry', 'nope', '--yes'], 1, /^No parked event has the id nope\./],
    [
      ['drop', '--topic', 'input.run', '--yes'],
      1,
      /there are some of input\.runs, input\.runs__malformed\. Did you mean input\.runs\?\n$/,
    ],
    [['drop', '--reason', 'nope', '--yes'], 1, /^No parked event matches/],
  ];
  for (const [args, code, message] of misuses) {
    test(`are left alone by ${args.join(' ')}`, async () => {
      const { status, stderr } = await run(...args);
      assert.equal(status, code);
      assert.match(stderr, message);
      assert.equal((await shown()).parked.length, EVENTS.length);
    });
  }

  test('are decided on after a question on a terminal', async (context) => {
    if ((await ran('script', ['--version']).catch(() => undefined))?.status !== 0) {
      context.skip('the program "script" makes the terminal');
      return;
    }
    const ask = (answer: string) => {
      const drop = `'${process.execPath}' -- src/main.ts spool drop --all --spool-path '${folder}'`;
      return ran('bash', ['-c', `echo ${answer} | script -qec "${drop}" /dev/null`]);
    };
    const { status, stdout } = await ask('n');
    assert.match(
      stdout,
      /Delete these parked events \(3 events, \d+ bytes\)\? They cannot be restored\. \[y\/N\]/,
    );
    assert.equal(status, 1);
    assert.equal((await shown()).parked.length, 3);
    await ask('y');
    assert.equal((await shown()).parked.length, 0);
  });

  test('are dropped and retried beside a running proxy, through its socket', async () => {
    const running = await startHere();
    const socket = join(folder, 'control.sock');
    assert.equal(statSync(socket).mode & 0o777, 0o600);
    spooled(await post(running, runEvent('new')));
    const ready = await readiness(running);
    assert.deepEqual(ready.problem, undefined);
    const { status, text } = await get(running, '/monitoring/ready');
    const { parked } = Value.Parse(Noted, JSON.parse(text));
    assert.deepEqual(
      [status, parked.events, Object.keys(parked.topics).sort()],
      [200, 3, ['input.runs', 'input.runs__malformed']],
    );
    assert.equal((await readMetrics(running)).get('http2kafka_parked_events{topic="input.runs"}'), 2);
    assert.equal((await run('drop', '--reason', 'too-large', '--yes')).status, 0);
    assert.match(running.log, /an operator has dropped parked events/);
    assert.doesNotMatch(running.log, /"one":1/);
    const retried = await run('retry', '--topic', 'input.runs', '--yes', '--json');
    assert.match(retried.stdout, /^\{"id":"[0-9a-f]{16}","topic":"input.runs","outcome":"spool"\}\n$/);
    assert.equal((await readMetrics(running)).get('http2kafka_parked_events{topic="input.runs"}'), 0);
    assert.equal((await readMetrics(running)).get('http2kafka_spool_events{topic="input.runs"}'), 2);
    await running.stop();
    assert.equal(existsSync(socket), false);
    assert.equal((await shown()).parked.length, 1);
  });

  test('are reached after a proxy was killed, and by the next one: its socket replaces the old one', async () => {
    const first = await startHere();
    first.signal('SIGKILL');
    await first.ended;
    assert.ok(existsSync(join(folder, 'control.sock')));
    const [one, two] = (await shown()).parked;
    assert.equal((await run('drop', one?.id ?? '', '--yes')).status, 0);
    await startHere();
    assert.equal((await run('drop', two?.id ?? '', '--yes')).status, 0);
    assert.equal((await shown()).parked.length, 1);
  });

  test('are reached in a folder with a path that is too long for a socket', async () => {
    folder = join(root, 'a'.repeat(100), 'b'.repeat(100));
    mkdirSync(folder, { recursive: true });
    await parkInFolder(folder, EVENTS);
    const running = await startHere();
    assert.equal((await run('drop', '--all', '--yes')).status, 0);
    assert.match(running.log, /an operator has dropped parked events/);
    await running.stop();
    assert.equal(existsSync(join(folder, 'control.sock')), false);
  });

  test('do not stop a proxy in a folder that takes no socket', async () => {
    mkdirSync(join(folder, 'control.sock'));
    writeFileSync(join(folder, 'control.sock', 'file'), '');
    const running = await startHere();
    spooled(await post(running, runEvent('new')));
    assert.match(running.log, /cannot reach this proxy/);
    const { status, stderr } = await run('drop', '--all', '--yes');
    assert.equal(status, 1);
    assert.match(stderr, /a proxy uses the folder, and does not take commands there/);
  });
});
