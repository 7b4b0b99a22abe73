/** Events of several topics: their bytes are on disk once, and the other logs have references to them. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { Mark } from '../../src/spool/marks.ts';
import { SharedBody } from '../../src/spool/shared/shared-body.ts';
import type { TopicLog } from '../../src/spool/topic-log.ts';
import { append, damage, drain, openSpool, segmentsOn } from './log-stage.ts';
import { SimulatedDisk } from './simulation/simulated-disk.ts';

const EVENT = Buffer.alloc(5000, 'event');

/** Most bytes of a frame with a reference, in these tests. */
const REFERENCE = 100;

/** Appends an event to logs in this order. Resolves when it is kept in all. */
async function appendToAll(
  logs: readonly TopicLog[],
  payload: Buffer,
  shared = new SharedBody(),
): Promise<void> {
  await Promise.all(
    logs.map((log) => {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const failed = (reason: string) => reject(new Error(reason));
      log.append({ parts: [payload], arrivedAt: 7, mark: Mark.kept, shared, kept: resolve, failed });
      return promise;
    }),
  );
}

/** Bytes of all segments of a topic. */
function bytesOf(disk: SimulatedDisk, topic: string): number {
  const files = [...disk.contents()].filter(([path]) => path.includes(`/${topic}/`) && path.endsWith('.log'));
  return files.reduce((sum, [, { length }]) => sum + length, 0);
}

async function opened(disk = new SimulatedDisk(), maxBytes = Infinity) {
  const { spool, reports } = await openSpool(disk, undefined, maxBytes);
  const [a, b, c] = [spool.log('a'), spool.log('b'), spool.log('c')] as const;
  return { disk, spool, reports, a, b, c };
}

suite('an event of several topics', () => {
  test('is on disk once, and comes out of each log', async () => {
    const { disk, spool, a, b, c } = await opened();
    await appendToAll([b, a, c], EVENT);
    assert.ok(bytesOf(disk, 'b') > EVENT.length);
    for (const topic of ['a', 'c']) assert.ok(bytesOf(disk, topic) < REFERENCE, topic);
    assert.equal(
      spool.bytes,
      ['a', 'b', 'c'].reduce((sum, topic) => sum + bytesOf(disk, topic), 0),
    );
    for (const log of [b, c, a]) assert.deepEqual(await drain(log), [EVENT]);
    await spool.close();
    assert.deepEqual([...disk.contents().keys()], []);
    assert.equal(spool.bytes, 0);
  });

  test('is on disk once if a log gets it later, and again if its bytes are gone', async () => {
    const { disk, a, b, c } = await opened();
    const shared = new SharedBody();
    await appendToAll([a], EVENT, shared);
    await appendToAll([b], EVENT, shared);
    assert.ok(bytesOf(disk, 'b') < REFERENCE);
    for (const log of [a, b]) assert.deepEqual(await drain(log), [EVENT]);
    await a.settled();
    assert.equal(bytesOf(disk, 'a'), 0);
    await appendToAll([c], EVENT, shared);
    assert.deepEqual(await drain(c), [EVENT]);
  });

  test('needs room for its bytes once', async () => {
    const { a, b, c } = await opened(undefined, 1.5 * EVENT.length);
    await appendToAll([a, b, c], EVENT);
    await assert.rejects(appendToAll([a, b, c], EVENT), /full/);
  });

  test('is written to the next log if the first one fails', async () => {
    const { disk, spool, a, b } = await opened();
    disk.operations.failNext('sync', 'EIO', '/a/');
    await assert.rejects(appendToAll([a, b], EVENT), /EIO/);
    await b.settled();
    assert.deepEqual([a.count, b.count], [0, 1]);
    assert.deepEqual(await drain(b), [EVENT]);
    await spool.close();
  });

  test('keeps its place among events of one topic', async () => {
    const { a, b } = await opened();
    const single = (text: string) => appendToAll([b], Buffer.from(text));
    const both = (text: string) => appendToAll([a, b], Buffer.from(text));
    await Promise.all([single('1'), both('2'), single('3'), both('4'), both('5'), single('6')]);
    assert.deepEqual((await drain(b)).map(String), ['1', '2', '3', '4', '5', '6']);
    assert.deepEqual((await drain(a)).map(String), ['2', '4', '5']);
  });
});

suite('the bytes of an event of several topics', () => {
  for (const ending of ['close', 'kill'] as const) {
    test(`stay for the topics that miss it after a ${ending}, and leave with the last one`, async () => {
      let { disk, spool, a, b } = await opened();
      for (const text of ['1', '2', '3']) await appendToAll([a, b], Buffer.from(text));
      assert.equal((await drain(a)).length, 3);
      assert.deepEqual([a.count, a.hasUnread], [0, false]);
      if (ending === 'close') await spool.close();
      else disk = disk.afterCrash('kill');
      ({ spool, a, b } = await opened(disk));
      assert.deepEqual([a.count, b.count], [0, 3]);
      assert.deepEqual((await drain(b)).map(String), ['1', '2', '3']);
      await spool.close();
      assert.deepEqual([...disk.contents().keys()], []);
    });
  }

  test('may be gone when only a mark was lost: the event is delivered', async () => {
    const before = await opened();
    const { disk } = before;
    let { spool, a, b, reports } = before;
    await appendToAll([a, b], EVENT);
    await spool.close();
    const [path = ''] = segmentsOn(disk).filter((file) => file.includes('/a/'));
    await disk.remove(path);
    ({ spool, a, b, reports } = await opened(disk));
    assert.deepEqual(await drain(b), []);
    assert.deepEqual([b.count, reports], [0, []]);
    await spool.close();
    assert.deepEqual(
      [...disk.contents().keys()].filter((file) => file.endsWith('.log')),
      [],
    );
  });

  test('may be damaged: each topic reports that, and gives its other events', async () => {
    const before = await opened();
    const { disk } = before;
    let { spool, a, b, reports } = before;
    for (const text of ['one', 'two', 'three']) await appendToAll([a, b], Buffer.from(text));
    await spool.close();
    const [path = ''] = segmentsOn(disk).filter((file) => file.includes('/a/'));
    damage(disk, path, (bytes) => bytes.fill('T', bytes.indexOf('two'), bytes.indexOf('two') + 1));
    ({ spool, a, b, reports } = await opened(disk));
    for (const log of [b, a]) assert.deepEqual((await drain(log)).map(String), ['one', 'three']);
    assert.deepEqual(
      reports.map(({ kind, events }) => [kind, events]),
      [
        ['damaged', 1],
        ['damaged', 1],
      ],
    );
    await spool.close();
  });

  test('are lost if someone removes their file while the proxy runs, and that is reported', async () => {
    const before = await opened();
    const { disk } = before;
    let { spool, a, b, reports } = before;
    for (const text of ['one', 'two']) await appendToAll([a, b], Buffer.from(text));
    await spool.close();
    ({ spool, a, b, reports } = await opened(disk));
    for (const file of segmentsOn(disk)) if (file.includes('/a/')) await disk.remove(file);
    await assert.rejects(b.read(), /ENOENT/);
    assert.equal((await a.read()).length, 0);
    assert.equal((await b.read()).length, 0);
    assert.deepEqual(
      reports.map(({ kind, events }) => [kind, events]),
      [
        ['lost', 2],
        ['lost', 2],
      ],
    );
    await spool.close();
  });

  test('stay if the next process cannot open the file with the references', async () => {
    const { disk, spool, a } = await opened();
    await appendToAll([a, spool.log('b')], EVENT);
    await drain(a);
    await spool.close();
    const [file] = segmentsOn(disk).filter((path) => path.includes('/b/'));
    // The search for later versions opens it, too.
    disk.operations.failNext('open', 'EIO', file);
    disk.operations.failNext('open', 'EIO', file);
    const blind = await opened(disk);
    assert.deepEqual([blind.b.count, blind.reports.map(({ kind }) => kind)], [0, ['unreadable']]);
    await blind.spool.close();
    const seeing = await opened(disk);
    assert.deepEqual(await drain(seeing.b), [EVENT]);
    await seeing.spool.close();
  });

  test('stay if the next process cannot read the references', async () => {
    const before = await opened();
    const { disk } = before;
    let { spool, a, b } = before;
    await appendToAll([a, b], EVENT);
    await drain(a);
    await spool.close();
    disk.operations.failNext('read', 'EIO', '/b/');
    ({ spool, a, b } = await opened(disk));
    await a.settled();
    await spool.close();
    ({ spool, a, b } = await opened(disk));
    assert.deepEqual(await drain(b), [EVENT]);
    await spool.close();
    assert.deepEqual([...disk.contents().keys()], []);
  });
});

suite('the version of a segment', () => {
  const versionOf = (disk: SimulatedDisk, topic: string) =>
    [...disk.contents()]
      .filter(([path]) => path.includes(`/${topic}/`) && path.endsWith('.log'))
      .map(([, bytes]) => bytes.readUInt16LE(8));

  test('is 2 where there is such an event, 3 where there is a reference, and 1 elsewhere', async () => {
    const { disk, a, b } = await opened();
    const plain = (log: TopicLog) => append(log, EVENT, 7);
    await plain(a);
    await plain(b);
    assert.deepEqual([versionOf(disk, 'a'), versionOf(disk, 'b')], [[1], [1]]);
    await appendToAll([a, b], EVENT);
    await plain(a);
    await plain(b);
    assert.deepEqual(
      [versionOf(disk, 'a'), versionOf(disk, 'b')],
      [
        [1, 2],
        [1, 3],
      ],
    );
    for (const log of [a, b]) assert.deepEqual(await drain(log), [EVENT, EVENT, EVENT]);
  });
});
