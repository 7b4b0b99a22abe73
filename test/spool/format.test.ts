/** Every version reads what earlier versions left on disk. fixtures/version-1 was written when the format was new. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { listTopics, readKept } from '../../src/spool/inspection.ts';
import { Mark } from '../../src/spool/marks.ts';
import { Spool } from '../../src/spool/spool.ts';
import type { DamageReport } from '../../src/spool/topic-log.ts';
import { FIXTURE, FIXTURE_EVENTS, SHARED_EVENTS, SHARED_FIXTURE } from './fixture.ts';
import { damage, diskWith, drain } from './log-stage.ts';
import { crc32, decodeSegment, seedOf } from './segment-bytes.ts';

/** More reads than the fixture needs. */
const READS = 100;

const FOLDER = join(FIXTURE, 'topics', 'events');
const KEPT = FIXTURE_EVENTS.filter(({ mark }) => mark !== Mark.delivered);

describe('the fixture of format version 1', () => {
  test('agrees with the description of the format', async () => {
    const files = (await readdir(FOLDER)).sort();
    assert.equal(files.length, 4);
    for (const [index, segment] of (['close', 'kill'] as const).entries()) {
      const events = FIXTURE_EVENTS.filter((event) => event.segment === segment);
      const [log = '', marks = ''] = files.slice(2 * index, 2 * index + 2);
      assert.match(log, new RegExp(`^000000000${index + 1}-[0-9a-f]{8}\\.log$`));
      assert.equal(marks, log.replace('.log', '.marks'));

      const bytes = await readFile(join(FOLDER, log));
      const frames = decodeSegment(bytes, seedOf(log));
      assert.deepEqual(
        frames.map(({ ordinal, arrivedAt, payload }) => ({ ordinal, arrivedAt, payload })),
        events.map(({ arrivedAt, payload }, ordinal) => ({ ordinal, arrivedAt, payload })),
      );
      assert.equal(bytes.length - (frames.at(-1)?.end ?? 0), segment === 'close' ? 0 : 60);

      const values = await readFile(join(FOLDER, marks));
      assert.equal(values.readUInt32LE(4), crc32(values.subarray(0, 4), seedOf(log)));
      assert.equal(values.readUInt32LE(0), segment === 'close' ? events.length : 0xffffffff);
      for (const [ordinal, { mark }] of events.entries()) assert.equal(values[16 + ordinal] ?? 0, mark);
    }
  });

  test('is drained', async () => {
    await withCopy(FIXTURE, async (path) => {
      const reports: DamageReport[] = [];
      const spool = await Spool.open({ path, maxBytes: Infinity }, (report) => void reports.push(report));
      assert.deepEqual(spool.topics, ['events']);
      const log = spool.log('events');
      assert.equal(log.count, KEPT.length);
      assert.equal(log.unanswered, FIXTURE_EVENTS.filter(({ mark }) => mark === Mark.sent).length);
      const out = [];
      for (let reads = 0; log.hasUnread && reads < READS; reads++) {
        for (const { payload, arrivedAt, place } of await log.read()) {
          out.push({ payload, arrivedAt });
          log.mark(place, Mark.delivered);
        }
      }
      assert.deepEqual(
        out,
        KEPT.map(({ payload, arrivedAt }) => ({ payload, arrivedAt })),
      );
      await spool.close();
      assert.deepEqual(reports, []);
      assert.deepEqual(await readdir(join(path, 'topics', 'events')), []);
    });
  });

  test('can be shown, and showing does not change it', async () => {
    await withCopy(FIXTURE, async (path) => {
      assert.deepEqual(await listTopics(path), ['events']);
      const shown: unknown[] = [];
      for await (const event of readKept(path, 'events')) shown.push(event);
      assert.deepEqual(
        shown,
        KEPT.map(({ payload, arrivedAt }) => ({ payload, arrivedAt })),
      );
      for (const file of await readdir(FOLDER)) {
        const copy = await readFile(join(path, 'topics', 'events', file));
        assert.deepEqual(copy, await readFile(join(FOLDER, file)));
      }
    });
  });
});

describe('the fixture of format versions 2 and 3', () => {
  const keptIn = (topic: string) =>
    SHARED_EVENTS.filter(
      ({ topics, delivered }) => topics.some((one) => one === topic) && delivered !== topic,
    );

  async function segmentOf(topic: string) {
    const folder = join(SHARED_FIXTURE, 'topics', topic);
    const file = (await readdir(folder)).find((name) => name.endsWith('.log')) ?? '';
    return { name: file.slice(0, -4), seed: seedOf(file), bytes: await readFile(join(folder, file)) };
  }

  test('agrees with the description of the format', async () => {
    const [a, b] = [await segmentOf('a'), await segmentOf('b')];
    const bodies = decodeSegment(a.bytes, a.seed, 2);
    const frames = decodeSegment(b.bytes, b.seed, 3);
    assert.deepEqual(
      bodies.map(({ payload, arrivedAt }) => ({ payload, arrivedAt })),
      SHARED_EVENTS.filter(({ topics: [first] }) => first === 'a').map(({ payload, arrivedAt }) => {
        return { payload, arrivedAt };
      }),
    );
    const expected = SHARED_EVENTS.filter(({ topics }) => topics.some((topic) => topic === 'b'));
    assert.equal(frames.length, expected.length);
    for (const [index, { arrivedAt, payload, isReference }] of frames.entries()) {
      assert.equal(arrivedAt, expected[index]?.arrivedAt);
      assert.equal(isReference, expected[index]?.topics.length === 2);
      if (!isReference) continue;
      const [number = 0, seed, ordinal = 0, offset, length = 0] = [0, 4, 8, 12, 16].map((at) =>
        payload.readUInt32LE(at),
      );
      const body = bodies[ordinal];
      assert.deepEqual([number, seed, payload.toString('utf8', 20)], [1, a.seed, 'a']);
      assert.deepEqual([offset, length], [body?.start, (body?.end ?? 0) - (body?.start ?? 0)]);
      assert.deepEqual(body?.payload, expected[index]?.payload);
    }
  });

  test('can be shown, and is drained', async () => {
    await withCopy(SHARED_FIXTURE, async (path) => {
      for (const topic of ['a', 'b']) {
        const shown: Buffer[] = [];
        for await (const { payload } of readKept(path, topic)) shown.push(payload);
        assert.deepEqual(
          shown,
          keptIn(topic).map(({ payload }) => payload),
        );
      }
      const reports: DamageReport[] = [];
      const spool = await Spool.open({ path, maxBytes: Infinity }, (report) => void reports.push(report));
      for (const topic of ['b', 'a']) {
        const out = await drain(spool.log(topic));
        assert.deepEqual(
          out,
          keptIn(topic).map(({ payload }) => payload),
        );
      }
      await spool.close();
      assert.deepEqual(reports, []);
      for (const topic of ['a', 'b']) assert.deepEqual(await readdir(join(path, 'topics', topic)), []);
    });
  });
});

/** A later version of each file that has one, made from what this version writes. */
const later = {
  'a segment': [
    '.log',
    4,
    (bytes) => {
      bytes.writeUInt16LE(4, 8);
      bytes.writeUInt32LE(crc32(bytes.subarray(16, 24), crc32(bytes.subarray(0, 12))), 12);
    },
  ],
  'the layout of an event': ['.log', 9, () => undefined],
  'a file of marks': [
    '.marks',
    3,
    (bytes, seed) => {
      bytes.writeUInt16LE(3, 8);
      bytes.writeUInt32LE(crc32(bytes.subarray(8, 16), crc32(bytes.subarray(0, 4), seed)), 4);
    },
  ],
} satisfies Record<
  string,
  readonly [ending: string, version: number, change: (bytes: Buffer, seed: number) => unknown]
>;

for (const [what, [ending, version, change]] of Object.entries(later)) {
  test(`with a later version of ${what} a spool is not opened, and not changed`, async () => {
    const disk = await diskWith([Buffer.from([what.includes('layout') ? 9 : 1, 5, 5])], 'close');
    const path = [...disk.contents().keys()].find((file) => file.endsWith(ending)) ?? '';
    damage(disk, path, (bytes) => change(bytes, seedOf(path.replace(/marks$/, 'log'))));
    const before = disk.contents();
    const reports: DamageReport[] = [];
    const settings = { path: '/spool', maxBytes: Infinity, payloadVersion: 1 };
    await assert.rejects(
      Spool.open(settings, (report) => void reports.push(report), { disk }),
      (error: Error) => error.message.startsWith(`${path} has format version ${version}, and this version`),
    );
    assert.deepEqual([disk.contents(), reports], [before, []]);
  });
}

test('a later version of a file of parked events stops the start, too', async () => {
  for (const what of ['a segment', 'a file of marks'] as const) {
    const [ending, version, change] = later[what];
    const disk = await diskWith([Buffer.from([1, 5, 5])], 'close');
    for (const [path, bytes] of disk.contents()) {
      if (path.endsWith(ending)) change(bytes, seedOf(path.replace(/marks$/, 'log')));
      disk.place(path.replace('/topics/', '/parked/'), bytes);
    }
    disk.removeFolder('/spool/topics');
    await assert.rejects(
      Spool.open({ path: '/spool', maxBytes: Infinity, payloadVersion: 1 }, () => undefined, { disk }),
      (error: Error) => error.message.includes(`/parked/`) && error.message.includes(`version ${version}`),
    );
  }
});

for (const [ending, at] of [
  ['.log', 8],
  ['.log', 24 + 24],
  ['.marks', 0],
  ['.marks', 8],
  ['.marks', 9],
  ['.marks', 15],
] as const) {
  test(`a damaged byte ${at} of a file ${ending} is no later version`, async () => {
    const disk = await diskWith([Buffer.from([1, 5, 5]), Buffer.from([1, 6, 6])], 'close');
    const path = [...disk.contents().keys()].find((file) => file.endsWith(ending)) ?? '';
    damage(disk, path, (bytes) => (bytes[at] = 200));
    const settings = { path: '/spool', maxBytes: Infinity, payloadVersion: 1 };
    const spool = await Spool.open(settings, () => undefined, { disk });
    assert.equal(spool.log('events').count, 2);
  });
}

async function withCopy(fixture: string, use: (path: string) => Promise<void>): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), 'h2k-spool-'));
  try {
    await cp(fixture, path, { recursive: true });
    await use(path);
  } finally {
    await rm(path, { recursive: true });
  }
}
