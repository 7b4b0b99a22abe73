/** Events that a log gives again and again, without a change to their marks. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Mark } from '../../src/spool/marks.ts';
import type { Position, SpooledEvent } from '../../src/spool/log-reader.ts';
import type { TopicLog } from '../../src/spool/topic-log.ts';
import { append, damage, diskWith, EVENT, openSpool, SEGMENT, segmentsOn } from './log-stage.ts';
import { SimulatedDisk } from './simulation/simulated-disk.ts';

async function scanned(log: TopicLog, after?: Position): Promise<number[]> {
  const found: number[] = [];
  for await (const { arrivedAt } of log.scan(after)) found.push(arrivedAt);
  return found;
}

const events = (count: number) => Array.from({ length: count }, () => EVENT);

suite('a scan of a log', () => {
  test('gives all undelivered events each time, also those that are read, across segments', async () => {
    const { log } = await openSpool(await diskWith(events(7), 'close', SEGMENT), SEGMENT);
    const [first] = await log.read();
    assert.ok(first);
    log.mark(first.place, Mark.delivered);
    for (let time = 0; time < 2; time++) assert.deepEqual(await scanned(log), [1, 2, 3, 4, 5, 6]);
    assert.equal(log.count, 6);
  });

  test('begins behind an event, also when that is gone', async () => {
    const { log } = await openSpool(await diskWith(events(6), 'close', SEGMENT), SEGMENT);
    const all: SpooledEvent[] = [];
    for await (const event of log.scan()) all.push(event);
    const { place } = all[2] ?? assert.fail();
    const position = { number: place.segment.number, ordinal: place.ordinal };
    assert.deepEqual(await scanned(log, position), [3, 4, 5]);
    for (const event of all.slice(0, 4)) log.mark(event.place, Mark.delivered);
    await log.settled();
    assert.deepEqual(await scanned(log, position), [4, 5]);
  });

  test('goes on when the segment in hand is removed', async () => {
    const { log } = await openSpool(await diskWith(events(4), 'close', SEGMENT), SEGMENT);
    const found: number[] = [];
    for await (const { place, arrivedAt } of log.scan()) {
      found.push(arrivedAt);
      log.mark(place, Mark.delivered);
      await log.settled();
    }
    assert.deepEqual([found, log.count, log.bytes], [[0, 1, 2, 3], 0, 0]);
  });

  test('reports damaged events once, and gives the others', async () => {
    const disk = await diskWith(events(3), 'close');
    damage(disk, segmentsOn(disk)[0] ?? '', (bytes) => bytes.fill(0, 60, 70));
    const { log, reports } = await openSpool(disk);
    for (let time = 0; time < 2; time++) assert.deepEqual(await scanned(log), [1, 2]);
    assert.deepEqual(
      reports.map(({ events: lost }) => lost),
      [1],
    );
  });

  test('gives an event of the same process', async () => {
    const { log } = await openSpool(new SimulatedDisk(), SEGMENT);
    await append(log, EVENT, 1);
    assert.deepEqual(await scanned(log), [1]);
  });
});

test('parked events take space, have a folder of their own, and are not refused by a full spool', async () => {
  const disk = new SimulatedDisk();
  const { spool, log } = await openSpool(disk, SEGMENT, 200);
  await append(log, EVENT, 1);
  await assert.rejects(append(log, EVENT, 2), /the spool is full/);
  await append(spool.parked('events'), EVENT, 3);
  assert.equal(spool.bytes, log.bytes + spool.parked('events').bytes);
  await spool.close();
  assert.deepEqual(
    segmentsOn(disk)
      .map((path) => path.replace(/\d+-.*/, ''))
      .sort(),
    ['/spool/parked/events/', '/spool/topics/events/'],
  );
  const again = await openSpool(disk, SEGMENT, 200);
  assert.deepEqual([again.spool.topics, again.spool.parkedTopics], [['events'], ['events']]);
  assert.equal(again.spool.parked('events').count, 1);
  assert.equal(again.log.count, 1);
});
