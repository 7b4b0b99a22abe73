/** The disk space of the spool: what it frees, and what it refuses to take. */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { Mark } from '../../src/spool/marks.ts';
import { FRAME_HEADER_SIZE } from '../../src/spool/segment-format.ts';
import { passTime } from './simulation/clock.ts';
import { append, drain, EVENT, FOLDER, openSpool, SEGMENT, segmentsOn, type Opened } from './log-stage.ts';
import { PAUSE_MS } from './model/scenario.ts';
import { SimulatedDisk } from './simulation/simulated-disk.ts';

describe('the space of a log', () => {
  let disk = new SimulatedDisk();
  let opened: Opened;
  beforeEach(async () => {
    disk = new SimulatedDisk();
    opened = await openSpool(disk, SEGMENT);
  });

  test('leaves no file of a segment that was delivered before the next one was created', async () => {
    const { log, reports } = opened;
    for (let time = 0; time < 20; time++) log.mark(await append(log, EVENT, time), Mark.delivered);
    await log.settled();
    assert.deepEqual([...disk.contents().keys()], []);
    assert.deepEqual([log.count, log.bytes, reports], [0, 0, []]);
  });

  test('leaves no file when it is closed with all events delivered', async () => {
    const { log, spool } = opened;
    log.mark(await append(log, EVENT, 0), Mark.delivered);
    await spool.close();
    assert.deepEqual([...disk.contents().keys()], []);
  });

  test('frees space that it could not free before, when the disk works again', async () => {
    const { log } = opened;
    for (let time = 0; time < 5; time++) await append(log, EVENT, time);
    disk.operations.faults = { remove: 1000, write: 1000 };
    await drain(log);
    assert.notEqual(segmentsOn(disk).length, 0);
    disk.operations.faults = {};
    await append(log, EVENT, 5);
    await drain(log);
    assert.deepEqual([...disk.contents().keys()], []);
  });

  test('refuses an event without room for it, and takes it when there is room', async () => {
    const size = EVENT.length + FRAME_HEADER_SIZE;
    const { log } = await openSpool(disk, SEGMENT, 24 + 2 * size);
    const [first] = await Promise.all([append(log, EVENT, 0), append(log, EVENT, 1)]);
    await assert.rejects(append(log, Buffer.alloc(0), 2), /the spool is full/);
    log.mark(first, Mark.delivered);
    await assert.rejects(append(log, Buffer.alloc(0), 2), /the spool is full/);
    await drain(log);
    await append(log, EVENT, 3);
  });

  test('counts events on their way to the disk', async () => {
    const size = EVENT.length + FRAME_HEADER_SIZE;
    const { log } = await openSpool(disk, SEGMENT, 2 * size);
    const tries = await Promise.allSettled([0, 1, 2].map((time) => append(log, EVENT, time)));
    assert.deepEqual(
      tries.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected'],
    );
  });

  test('leaves no file of a segment that was delivered and then had an error', async () => {
    const { log } = opened;
    log.mark(await append(log, EVENT, 0), Mark.delivered);
    disk.operations.failNext('sync', 'EIO', '.log');
    await assert.rejects(append(log, EVENT, 1));
    await log.settled();
    assert.deepEqual([[...disk.contents().keys()], log.bytes], [[], 0]);
  });

  test('leaves no file of a segment that could not be created', async () => {
    const { log } = opened;
    for (const operation of ['write', 'syncFolder'] as const) {
      disk.operations.failNext(operation, 'ENOSPC', FOLDER);
      await assert.rejects(append(log, EVENT, 1), /the disk is full/);
      await log.settled();
      assert.deepEqual([[...disk.contents().keys()], disk.openFiles], [[], 0]);
      passTime(PAUSE_MS);
    }
  });
});
