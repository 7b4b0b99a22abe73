/** Situations that are too rare in the random days of model/model.test.ts. */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { Mark } from '../../src/spool/marks.ts';
import type { Place } from '../../src/spool/group-writer.ts';
import { passTime, time } from './simulation/clock.ts';
import { append, drain, EVENT, FOLDER, openSpool, SEGMENT, segmentsOn, type Opened } from './log-stage.ts';
import { PAUSE_MS } from './model/scenario.ts';
import { SimulatedDisk } from './simulation/simulated-disk.ts';

/** Turns of the event loop after which the simulated disk has finished all its operations. */
const TURNS = 60;

describe('a log', () => {
  let disk = new SimulatedDisk();
  let opened: Opened;
  beforeEach(async () => {
    disk = new SimulatedDisk();
    opened = await openSpool(disk, SEGMENT);
  });

  async function restart(): Promise<void> {
    disk = disk.afterCrash('kill');
    opened = await openSpool(disk, SEGMENT);
  }

  test('keeps an event at any moment, also just when the previous one is kept', async () => {
    const { log } = opened;
    for (let ticks = 0; ticks < 20; ticks++) {
      await append(log, EVENT, 2 * ticks);
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
      await append(log, EVENT, 2 * ticks + 1);
    }
    assert.equal(log.count, 40);
  });

  test('is closed only after a read that is running', async () => {
    await append(opened.log, Buffer.alloc(200_000), 0);
    for (let ticks = 0; ticks < 40; ticks++) {
      await opened.spool.close();
      opened = await openSpool(disk, SEGMENT);
      const reading = opened.log.read({ bytes: 1, perEvent: 0 });
      for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
      await opened.spool.close();
      assert.equal(disk.openFiles, 0, `after ${ticks} ticks`);
      await reading;
    }
  });

  test('writes a mark at any moment, also just when the previous one is written', async () => {
    for (let ticks = 0; ticks < 40; ticks++) {
      const beginning = new SimulatedDisk();
      const { log } = await openSpool(beginning);
      const places: Place[] = [];
      for (let time = 0; time < 3; time++) places.push(await append(log, EVENT, time));
      const [first, second] = places;
      assert.ok(first && second);
      const markLater = async (): Promise<void> => {
        for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
        log.mark(second, Mark.delivered);
      };
      let writes = 0;
      beginning.operations.ended = (operation, path) => {
        // The first write is the header, the second the mark.
        if (operation === 'write' && path.endsWith('.marks') && ++writes === 2) void markLater();
      };
      log.mark(first, Mark.delivered);
      for (let turn = 0; turn < TURNS; turn++) await setImmediate();
      const next = await openSpool(beginning.afterCrash('kill'));
      assert.equal(next.log.count, 1, `with ${ticks} ticks in between`);
    }
  });

  test('reports a problem while the disk fails, is full or hangs, and none when it works', async () => {
    const { log } = opened;
    assert.equal(log.problem, undefined);
    for (const [code, problem] of [
      ['EIO', 'the disk fails (EIO)'],
      ['ENOSPC', 'the disk is full'],
    ] as const) {
      disk.operations.failNext('write', code, '.log');
      await assert.rejects(append(log, EVENT, 0), { message: problem });
      assert.equal(log.problem, problem);
      passTime(PAUSE_MS);
      await append(log, EVENT, 1);
      assert.equal(log.problem, undefined);
    }
    const slow = append(log, EVENT, 2);
    await Promise.resolve();
    passTime(3 * PAUSE_MS);
    assert.equal(log.problem, 'the disk does not answer');
    await assert.rejects(append(log, EVENT, 3), { message: log.problem });
    await slow;
    await log.settled();
    assert.equal(log.problem, undefined);
  });

  test('tells about when its oldest event arrived', async () => {
    const begin = time.wall.now();
    const { log } = opened;
    for (let event = 0; event < 5; event++) {
      await append(log, EVENT, event);
      passTime(1);
    }
    assert.equal(log.oldestAt, begin);
    for (const { place } of await log.read()) log.mark(place, Mark.delivered);
    assert.equal(log.oldestAt, begin + 2);
    await log.settled();
    await restart();
    assert.equal(opened.log.oldestAt, begin + 2);
    await drain(opened.log);
    assert.equal(opened.log.oldestAt, undefined);
  });

  test('does not report an event as damaged that is returned during a read', async () => {
    const { log, spool, reports } = opened;
    await append(log, EVENT, 0);
    const [first] = await log.read();
    assert.ok(first);
    await append(log, EVENT, 1);
    const reading = log.read();
    log.mark(first.place, Mark.kept);
    await reading;
    await spool.close();
    assert.deepEqual(reports, []);
    assert.deepEqual(await drain((await openSpool(disk)).log), [EVENT, EVENT]);
  });

  test('retries a mark that could not be written', async () => {
    const { log, spool } = opened;
    for (let time = 0; time < 2; time++) await append(log, EVENT, time);
    const [first, second] = await log.read();
    assert.ok(first && second);
    disk.operations.faults = { write: 1000 };
    log.mark(first.place, Mark.delivered);
    await log.settled();
    disk.operations.faults = {};
    await spool.close();
    assert.equal((await openSpool(disk)).log.count, 1);
  });

  test('does not read delivered events again when its marks cannot be read', async () => {
    const { log } = opened;
    for (let time = 0; time < 2; time++) await append(log, EVENT, time);
    const [first] = await log.read();
    assert.ok(first);
    log.mark(first.place, Mark.delivered);
    await log.settled();
    for (const operation of ['open', 'size', 'read'] as const) {
      disk = disk.afterCrash('kill');
      // For the check of versions, and for the load.
      for (let time = 0; time < 2; time++) disk.operations.failNext(operation, 'EIO', '.marks');
      opened = await openSpool(disk, SEGMENT);
      assert.equal(opened.log.count, 0);
      assert.deepEqual(opened.reports, [
        { kind: 'unreadable', path: segmentsOn(disk)[0], events: 0, reason: 'EIO' },
      ]);
    }
    await restart();
    assert.deepEqual(await drain(opened.log), [EVENT]);
  });

  test('is read in several parts if it is large, without a gap', async () => {
    // Sizes around the bytes of one read: events that fit, one across two reads, one that is larger, an empty one.
    const sizes = [
      400_000,
      400_000,
      400_000,
      2_500_000,
      0,
      10,
      1_048_576 - 24,
      1_048_576 - 23,
      700_000,
      700_000,
      5,
    ];
    const events = sizes.map((size, index) => Buffer.alloc(size, index + 1));
    const { log, spool } = await openSpool(new SimulatedDisk(), 20_000_000);
    for (const [time, event] of events.entries()) await append(log, event, time);
    const out = await drain(log);
    assert.ok(out.every((payload, index) => payload.equals(events[index] ?? payload)));
    assert.equal(out.length, events.length);
    await spool.close();
  });

  test('continues in another segment when the disk works again', async () => {
    const { log } = opened;
    await append(log, EVENT, 0);
    for (const operation of ['write', 'sync'] as const) {
      disk.operations.failNext(operation, 'EIO', '.log');
      await assert.rejects(append(log, EVENT, 1), /the disk fails \(EIO\)/);
      await assert.rejects(append(log, EVENT, 1), /the disk fails/);
      await log.settled();
      const sizes = segmentsOn(disk).map((path) => disk.contents().get(path)?.length ?? 0);
      const sum = sizes.reduce((all, size) => all + size, 0);
      assert.equal(sum, log.bytes, 'what has failed is cut off');
      passTime(PAUSE_MS);
      const before = segmentsOn(disk).length;
      await append(log, Buffer.from('more'), 2);
      assert.equal(segmentsOn(disk).length, before + 1);
    }
    assert.deepEqual(await drain(log), [EVENT, Buffer.from('more'), Buffer.from('more')]);
    assert.deepEqual(await disk.list(FOLDER), []);
  });
});
