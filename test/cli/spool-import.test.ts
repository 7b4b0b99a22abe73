/** `http2kafka spool import`: what `spool export` wrote comes back, into a folder or through a running proxy. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { encodeRecord } from '../../src/delivery/spooled-record.ts';
import { recordHeader, type KafkaRecord } from '../../src/kafka/record.ts';
import { Mark } from '../../src/spool/marks.ts';
import { Spool } from '../../src/spool/spool.ts';
import { startProxy } from '../../tools/proxy.ts';
import { ranProgram } from '../config/child.ts';
import { post, spooled } from '../stage/posting.ts';
import { padded, runEvent } from '../stage/sample-events.ts';

const root = mkdtempSync(join(tmpdir(), 'http2kafka-import-'));

const Result = Type.Object({
  kafka: Type.Integer(),
  spool: Type.Integer(),
  skipped: Type.Integer(),
  broken: Type.Integer(),
  broken_lines: Type.Array(Type.Object({ place: Type.String(), message: Type.String() })),
  stopped: Type.Union([Type.String(), Type.Null()]),
});

const BYTES = Buffer.from([0xff, 0x00, 0x80]);

/** Records whose parts are no text, or have one name twice. */
const ODD: readonly KafkaRecord[] = [
  {
    topic: 'a',
    key: BYTES,
    value: BYTES,
    headers: [{ name: BYTES, value: BYTES }, recordHeader('twice', '1'), recordHeader('twice', '2')],
    timestamp: 1_764_378_926_524,
    arrivedAt: 1_764_378_000_001,
  },
  {
    topic: 'a',
    key: null,
    value: runEvent('plain'),
    headers: [recordHeader('9', 'nine'), recordHeader('content-type', 'application/json')],
    timestamp: -1,
    arrivedAt: 1_764_378_000_002,
  },
  {
    topic: 'b.c',
    key: Buffer.from('run:ä/b'),
    value: Buffer.from('line\nfeed'),
    headers: [recordHeader('traceparent', '00-x')],
    timestamp: 5,
    arrivedAt: 1_764_378_000_003,
  },
];

async function spoolOf(path: string, records: readonly KafkaRecord[]): Promise<void> {
  const spool = await Spool.open({ path, maxBytes: 1 << 30 }, () => undefined);
  for (const record of records) {
    await new Promise<unknown>((kept, failed) =>
      spool.log(record.topic).append({
        ...{ parts: encodeRecord(record), arrivedAt: record.arrivedAt, mark: Mark.kept, kept },
        failed: (reason) => failed(new Error(reason)),
      }),
    );
  }
  await spool.close();
}

async function exported(folder: string): Promise<string> {
  const { status, stdout, stderr } = await ranProgram(['spool', 'export', '--spool-path', folder]);
  assert.equal(status, 0, stderr);
  return stdout;
}

function imported(folder: string, ...args: readonly string[]) {
  return importedWith({}, folder, args);
}

async function importedWith(env: Readonly<Record<string, string>>, folder: string, args: readonly string[]) {
  const all = ['spool', 'import', '--folder', folder, '--json', ...args];
  const { status, stdout, stderr } = await ranProgram(all, env);
  assert.notEqual(stdout, '', stderr);
  return { status, stderr, result: Value.Parse(Result, JSON.parse(stdout)) };
}

suite('http2kafka spool import', { timeout: 180_000 }, () => {
  after(() => rmSync(root, { recursive: true }));
  const at = (name: string) => join(root, name);

  test('makes the same events, whatever their bytes are, once', async () => {
    await spoolOf(at('original'), ODD);
    const lines = await exported(at('original'));
    writeFileSync(at('lines'), lines);
    const first = await imported(at('copy'), at('lines'));
    assert.deepEqual([first.status, first.result.spool], [0, 3]);
    assert.equal(await exported(at('copy')), lines);

    writeFileSync(at('lines.gz'), gzipSync(lines));
    const second = await imported(at('copy'), at('lines.gz'));
    assert.deepEqual([second.status, second.result.spool, second.result.skipped], [0, 0, 3]);
    assert.equal(await exported(at('copy')), lines);
    const again = await imported(at('copy'), at('lines'), '--again');
    assert.deepEqual([again.status, again.result.spool], [0, 3]);
    assert.equal((await exported(at('copy'))).split('\n').length, 7);
  });

  test('names the place of each broken line, and takes the others', async () => {
    await spoolOf(at('some'), ODD);
    const [one = '', two = '', three = ''] = (await exported(at('some'))).split('\n');
    const broken = [
      one.slice(0, -5),
      '{"topic":"a","arrived":"2026-11-29T01:15:26.524Z","unreadable_base64":"AA=="}',
      one.replace('"topic":"a"', '"topic":"a/b"'),
      one.replace(/"arrived":"[^"]*"/, '"arrived":"once"'),
      '{}',
    ];
    writeFileSync(at('broken'), [one, ...broken, '', two, three].join('\n'));
    const { status, result, stderr } = await imported(at('mended'), at('broken'));
    assert.deepEqual([status, result.spool, result.broken, stderr], [1, 3, 5, '']);
    assert.deepEqual(
      result.broken_lines.map(({ place }) => place.slice(at('broken').length)),
      [':2', ':3', ':4', ':5', ':6'],
    );
    assert.match(result.broken_lines[0]?.message ?? '', /not JSON. Is the line cut off/);
    assert.match(result.broken_lines[1]?.message ?? '', /could not read it/);
    assert.match(result.broken_lines[2]?.message ?? '', /topic/);
  });

  test('goes through the running proxy, and is safe there when it is done', async () => {
    await spoolOf(at('left'), ODD);
    writeFileSync(at('left.jsonl'), await exported(at('left')));
    const path = at('proxy');
    const proxy = await startProxy({ settings: { SPOOL__PATH: path } });
    spooled(await post(proxy, runEvent('own')));
    const { status, result } = await imported(path, at('left.jsonl')).finally(() => proxy.stop('SIGKILL'));
    assert.deepEqual([status, result.spool], [0, 3]);
    const lines = (await exported(path)).trimEnd().split('\n');
    const expected = (await exported(at('left'))).trimEnd().split('\n');
    assert.equal(lines.length, 4);
    assert.deepEqual(lines.filter((line) => expected.includes(line)).sort(), expected.sort());
  });

  test('stops when the spool is full, and says how many are left', async () => {
    const events = Array.from({ length: 4 }, (_, n) => ({
      ...{ topic: 'a', key: null, headers: [], timestamp: n, arrivedAt: n },
      value: padded(runEvent(`large ${n}`), 600_000),
    }));
    await spoolOf(at('large'), events);
    writeFileSync(at('large.jsonl'), await exported(at('large')));
    const { status, result } = await importedWith(
      { HTTP2KAFKA__SPOOL__MAX_BYTES: '1MiB', HTTP2KAFKA__PRODUCER__MAX_REQUEST_SIZE: '1MiB' },
      at('small'),
      [at('large.jsonl')],
    );
    assert.equal(status, 1);
    assert.match(result.stopped ?? '', /^3 events cannot be kept, the first one of .*large\.jsonl:2: /);
    assert.equal(result.spool, 1);
  });

  test('says which file cannot be read', async () => {
    const { status, result, stderr } = await imported(at('absent-target'), at('absent'));
    assert.equal(status, 1);
    assert.match(result.stopped ?? '', /ENOENT.*absent/);
    assert.match(stderr, /Stopped: /);
  });
});
