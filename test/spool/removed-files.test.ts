/** Someone removes or replaces the files of a spool while the proxy runs. Nothing is answered that is not on disk. */
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { Mark } from '../../src/spool/marks.ts';
import { passTime } from './simulation/clock.ts';
import { append, drain, EVENT, FOLDER, openSpool, SEGMENT, segmentsOn, type Opened } from './log-stage.ts';
import { SimulatedDisk, type CrashKind } from './simulation/simulated-disk.ts';

const OTHER = Buffer.alloc(EVENT.length, 'other');
/** More than the time between two checks of the files. */
const CHECKED_MS = 6000;

describe('a log with files that someone removes', () => {
  let disk = new SimulatedDisk();
  let opened: Opened;
  beforeEach(async () => {
    disk = new SimulatedDisk();
    opened = await openSpool(disk, SEGMENT);
  });

  const kinds = () => opened.reports.map(({ kind, events }) => [kind, events] as const);
  const restart = async (crash: CrashKind = 'power cut') => {
    disk = disk.afterCrash(crash);
    opened = await openSpool(disk, SEGMENT);
  };
  /** Lets the check of the files run. */
  const check = async () => {
    passTime(CHECKED_MS);
    await opened.log.settled();
  };

  for (const [what, folder] of [
    ['the folder of the spool', '/spool'],
    ['the folder of a topic', FOLDER],
  ] as const) {
    test(`makes ${what} again at the next event, with the events of the open segment`, async () => {
      await append(opened.log, EVENT, 1);
      disk.removeFolder(folder);
      await append(opened.log, OTHER, 2);
      assert.deepEqual(kinds(), [['restored', 0]]);
      assert.equal(opened.log.count, 2);
      await restart();
      assert.deepEqual(await drain(opened.log), [EVENT, OTHER]);
    });

    test(`makes ${what} again without another event`, async () => {
      await append(opened.log, EVENT, 1);
      disk.removeFolder(folder);
      await check();
      assert.deepEqual(kinds(), [['restored', 0]]);
      await restart();
      assert.deepEqual(await drain(opened.log), [EVENT]);
    });

    test(`makes ${what} again when the spool was empty`, async () => {
      await append(opened.log, EVENT, 1);
      await drain(opened.log);
      disk.removeFolder(folder);
      await append(opened.log, OTHER, 2);
      assert.deepEqual(kinds(), [['restored', 0]]);
      await restart();
      assert.deepEqual(await drain(opened.log), [OTHER]);
    });
  }

  test('keeps the marks of restored events: what is delivered is not sent again', async () => {
    const { log } = opened;
    const first = await append(log, EVENT, 1);
    log.mark(first, Mark.delivered);
    await log.settled();
    await append(log, OTHER, 2);
    disk.removeFolder(FOLDER);
    await append(log, EVENT, 3);
    await log.settled();
    disk = disk.afterCrash('kill');
    opened = await openSpool(disk, SEGMENT);
    assert.deepEqual(await drain(opened.log), [OTHER, EVENT]);
  });

  test('writes all marks again when only the file of marks is removed', async () => {
    const { log } = opened;
    const places = [];
    for (let time = 0; time < 3; time++) places.push(await append(log, EVENT, time));
    const [first, second] = places;
    assert.ok(first && second);
    log.mark(first, Mark.delivered);
    await log.settled();
    await disk.remove([...disk.contents().keys()].find((path) => path.endsWith('.marks')) ?? '');
    log.mark(second, Mark.delivered);
    await log.settled();
    disk = disk.afterCrash('kill');
    opened = await openSpool(disk, SEGMENT);
    assert.equal(opened.log.count, 1);
  });

  test('reports the events of closed segments as lost, and hangs on none of them', async () => {
    for (let time = 0; time < 12; time++) await append(opened.log, EVENT, time);
    const closed = segmentsOn(disk).slice(0, -1);
    assert.ok(closed.length >= 2);
    disk.removeFolder('/spool');
    await check();
    const lost = opened.reports.filter(({ kind }) => kind === 'lost');
    assert.deepEqual(
      lost.map(({ path }) => path),
      closed,
    );
    const events = lost.reduce((sum, report) => sum + report.events, 0);
    assert.equal(opened.log.count, 12 - events);
    await append(opened.log, OTHER, 99);
    const out = await drain(opened.log);
    assert.equal(out.length, 12 - events + 1);
    assert.deepEqual([opened.log.count, opened.log.bytes], [0, 0]);
    await check();
    assert.equal(opened.reports.filter(({ kind }) => kind === 'lost').length, closed.length);
  });

  test('finds a removed segment when it reads it', async () => {
    for (let time = 0; time < 12; time++) await append(opened.log, EVENT, time);
    const [first = ''] = segmentsOn(disk);
    await disk.remove(first);
    const out = await drain(opened.log);
    const [lost] = opened.reports;
    assert.deepEqual([lost?.kind, lost?.path, opened.reports.length], ['lost', first, 1]);
    assert.equal(out.length + (lost?.events ?? 0), 12);
  });

  test('still delivers what was read before, and tries no removal of a lost file again and again', async () => {
    const { log } = opened;
    for (let time = 0; time < 12; time++) await append(log, EVENT, time);
    const read = await log.read();
    disk.removeFolder('/spool');
    await check();
    for (const { place } of read) log.mark(place, Mark.delivered);
    await log.settled();
    const { changes } = disk.operations;
    log.tidy();
    await log.settled();
    assert.equal(disk.operations.changes, changes);
    // The events that were read are not lost.
    const lost = opened.reports.filter(({ kind }) => kind === 'lost');
    assert.equal(lost.reduce((sum, { events }) => sum + events, 0) + read.length + log.count, 12);
  });

  test('refuses events while the folder cannot be made again, and loses none of the open segment', async () => {
    await append(opened.log, EVENT, 1);
    disk.removeFolder('/spool');
    disk.operations.faults = { makeFolder: 1000 };
    await assert.rejects(append(opened.log, OTHER, 2), /the disk fails \(EIO\)/);
    passTime(300);
    await assert.rejects(append(opened.log, OTHER, 3), /the disk fails \(EIO\)/);
    disk.operations.faults = {};
    passTime(300);
    await append(opened.log, OTHER, 4);
    assert.deepEqual(kinds(), [['restored', 0]]);
    await restart();
    assert.deepEqual(await drain(opened.log), [EVENT, OTHER]);
  });

  test('does not believe a sync while the path cannot be checked', async () => {
    await append(opened.log, EVENT, 1);
    disk.operations.failNext('identity', 'EACCES');
    await assert.rejects(append(opened.log, OTHER, 2), /the disk fails \(EACCES\)/);
    passTime(300);
    await append(opened.log, OTHER, 3);
    // After a power cut, the refused event might be there as well.
    await restart('kill');
    assert.deepEqual(await drain(opened.log), [EVENT, OTHER]);
  });

  test('refuses events while the disk is read-only, and takes them afterwards', async () => {
    await append(opened.log, EVENT, 1);
    disk.operations.failNext('write', 'EROFS');
    await assert.rejects(append(opened.log, OTHER, 2), /the disk fails \(EROFS\)/);
    passTime(300);
    await append(opened.log, OTHER, 3);
    assert.deepEqual(await drain(opened.log), [EVENT, OTHER]);
  });

  test('replaces an older copy of its open segment that someone has put in its place', async () => {
    await append(opened.log, EVENT, 1);
    const [path = ''] = segmentsOn(disk);
    const copy = disk.contents().get(path) ?? Buffer.alloc(0);
    await append(opened.log, OTHER, 2);
    disk.removeFolder('/spool');
    disk.place(path, copy);
    await append(opened.log, EVENT, 3);
    await restart();
    assert.deepEqual(await drain(opened.log), [EVENT, OTHER, EVENT]);
  });

  test('is not checked while it is empty', async () => {
    const before = disk.operations.trace.length;
    await check();
    assert.equal(disk.operations.trace.length, before);
  });
});
