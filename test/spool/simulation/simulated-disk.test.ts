/** The simulated disk must lose what a real disk may lose, and nothing else: the tests of the spool depend on it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Random } from '../../openlineage/random.ts';
import { SimulatedDisk } from './simulated-disk.ts';

const FILE = '/log/file';
const ROUNDS = 300;
const A = 'a'.repeat(1500);
const B = 'b'.repeat(1500);

/** The contents of the file after each of many crashes, each content once. */
async function leftovers(
  kind: 'kill' | 'power cut',
  script: (disk: SimulatedDisk) => Promise<void>,
): Promise<Set<string>> {
  const found = new Set<string>();
  for (let seed = 0; seed < ROUNDS; seed++) {
    const disk = new SimulatedDisk({ random: new Random(seed) });
    disk.place('/log/other', Buffer.alloc(0));
    await script(disk);
    const bytes = disk.afterCrash(kind).contents().get(FILE);
    found.add(bytes?.toString('latin1') ?? 'no file');
  }
  return found;
}

describe('the simulated disk', () => {
  test('keeps written bytes through a kill, and bytes synced with their name through a power cut', async () => {
    const written = async (disk: SimulatedDisk): Promise<void> => {
      const file = await disk.create(FILE);
      await file.write([Buffer.from(A + B)], 0);
    };
    const synced = async (disk: SimulatedDisk): Promise<void> => {
      await written(disk);
      await (await disk.open(FILE)).sync();
      await disk.syncFolder('/log');
    };
    assert.deepEqual(await leftovers('kill', written), new Set([`${A}${B}`]));
    assert.deepEqual(await leftovers('power cut', synced), new Set([`${A}${B}`]));
  });

  test('loses in a power cut any unsynced sectors and an unsynced name', async () => {
    const left = await leftovers('power cut', async (disk) => {
      const file = await disk.create(FILE);
      await file.write([Buffer.from(A)], 0);
      await file.sync();
      await file.write([Buffer.from(B)], 1500);
    });
    for (const wanted of ['no file', A, `${A}${B}`, `${A}${'\0'.repeat(1500)}`]) assert.ok(left.has(wanted));
    assert.ok([...left].every((content) => content === 'no file' || content.startsWith(A)));
    assert.ok(
      [...left].some((content) => content.includes('\0b')),
      'a hole',
    );
  });

  test('counts bytes that a failed sync has lost as written', async () => {
    const left = await leftovers('power cut', async (disk) => {
      disk.place(FILE, Buffer.from(A));
      const file = await disk.open(FILE);
      await file.write([Buffer.from(B)], 0);
      disk.operations.failNext('sync', 'EIO');
      await assert.rejects(file.sync(), { code: 'EIO' });
      await file.sync();
    });
    for (const wanted of [A, B]) assert.ok(left.has(wanted));
  });

  test('brings removed files back after a power cut, until the folder is synced', async () => {
    const removed = async (disk: SimulatedDisk): Promise<void> => {
      disk.place(FILE, Buffer.from(A));
      await disk.remove(FILE);
    };
    assert.deepEqual(await leftovers('kill', removed), new Set(['no file']));
    assert.deepEqual(await leftovers('power cut', removed), new Set(['no file', A]));
    const sure = async (disk: SimulatedDisk): Promise<void> => {
      await removed(disk);
      await disk.syncFolder('/log');
    };
    assert.deepEqual(await leftovers('power cut', sure), new Set(['no file']));
  });

  test('loses a folder together with its content', async () => {
    const disk = new SimulatedDisk({ random: new Random(1) });
    await disk.makeFolder('/new/log');
    const file = await disk.create('/new/log/file');
    await file.write([Buffer.from(A)], 0);
    await file.sync();
    await disk.syncFolder('/new/log');
    const left = new Set<number>();
    for (let round = 0; round < ROUNDS; round++) left.add(disk.afterCrash('power cut').contents().size);
    assert.deepEqual(left, new Set([0, 1]));
  });

  test('is full at its capacity, and has room again later', async () => {
    const disk = new SimulatedDisk({ capacity: 2000 });
    disk.place(FILE, Buffer.from(A));
    const file = await disk.create('/log/more');
    assert.equal(await file.write([Buffer.from(B)], 0), 500);
    await assert.rejects(file.write([Buffer.from(B.slice(500))], 500), { code: 'ENOSPC' });
    await disk.remove(FILE);
    assert.equal(await file.write([Buffer.from(B.slice(500))], 500), 1000);
    assert.equal(disk.bytesUsed, 1500);
  });

  test('crashes in the middle of the given change, and does nothing afterwards', async () => {
    const disk = new SimulatedDisk({ crashAt: 2 });
    disk.place('/log/other', Buffer.from(A));
    const file = await disk.create(FILE);
    await assert.rejects(file.write([Buffer.from(A)], 0), { code: 'EBADF' });
    await assert.rejects(disk.remove(FILE), { code: 'EBADF' });
    await assert.rejects(disk.list('/log'), { code: 'EBADF' });
    assert.ok(disk.operations.hasCrashed);
    assert.ok(disk.afterCrash('kill').contents().has(FILE));
  });
});
