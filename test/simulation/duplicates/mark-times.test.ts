/** Marks of the spool may be missing for exactly as long as the disk needs to write them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedDisk } from '../../spool/simulation/simulated-disk.ts';
import { MarkTimes } from './mark-times.ts';

/** Operations until a mark is surely written. */
const OPERATIONS = 16;

function stage() {
  const clock = { now: 0 };
  const marks = new MarkTimes(() => clock.now);
  const at = (now: number) => {
    clock.now = now;
    return marks;
  };
  return { marks, at };
}

test('a kill may come before the marks of the last operations of the disk', () => {
  const { at } = stage();
  at(0).note(10);
  assert.equal(at(5000).end(true), 5000 - OPERATIONS * 10);
});

test('a stop leaves no mark behind', () => {
  const { at } = stage();
  at(0).note(10);
  assert.equal(at(5000).end(false), Number.POSITIVE_INFINITY);
});

test('while the disk answers nothing, no mark is written', () => {
  const { at } = stage();
  at(0).note(10);
  at(4000).note(Number.POSITIVE_INFINITY);
  at(4900).note(10);
  assert.equal(at(5000).end(true), 4000 - (OPERATIONS - 10) * 10);
});

test('an operation that begins at a slow pace ends at that pace', () => {
  const { at } = stage();
  at(0).note(300);
  at(4000).note(1);
  // 300 ms belong to the operation before, 10 operations follow.
  assert.equal(at(4310).end(true), 4000 - (OPERATIONS - 10) * 300);
});

test('marks that cannot be written are missing until they are written', async () => {
  const { marks, at } = stage();
  const disk = new SimulatedDisk();
  marks.watch(disk.operations);
  at(0).note(10);
  const file = await disk.create('/1.marks');
  disk.operations.failNext('write', 'EIO');
  at(1000);
  await assert.rejects(file.write([Buffer.from('marks')], 0));
  assert.equal(at(5000).end(false), 1000 - OPERATIONS * 10);
  await assert.rejects(async () => {
    disk.operations.failNext('write', 'ENOSPC');
    await file.write([Buffer.from('marks')], 0);
  });
  for (let writes = 0; writes < 4; writes++) await file.write([Buffer.from('marks')], 0);
  assert.equal(at(6000).end(false), Number.POSITIVE_INFINITY);
});
