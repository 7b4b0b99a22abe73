/** The limit of a spool without a setting follows from its volume. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Spool } from '../../src/spool/spool.ts';
import { defaultMaxBytes } from '../../src/spool/volume.ts';
import { SimulatedDisk } from './simulation/simulated-disk.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

suite('the limit of a spool without a setting', () => {
  for (const [what, size, free, used, limit] of [
    ['is 10 GiB on a large volume', 100 * GIB, 90 * GIB, 0, 10 * GIB],
    ['leaves a tenth of a small volume', GIB, GIB, 0, 0.9 * GIB],
    ['counts what the spool has already', GIB, 0.5 * GIB, 0.5 * GIB, 0.9 * GIB],
    ['leaves half of what is left, if that is less', 100 * GIB, 15 * GIB, 0, 7.5 * GIB],
    ['leaves a tenth of a volume that others use, too', 100 * GIB, 25 * GIB, 11 * GIB, 10 * GIB],
    ['leaves a tenth of a smaller one that others use, too', 10 * GIB, 5 * GIB, 1 * GIB, 5 * GIB],
    ['is half of what a volume that is nearly full has left', 100 * GIB, 8 * GIB, 0, 4 * GIB],
    ['is the least that the setting takes on a full volume', 100 * GIB, 0, 0, MIB],
    ['is 10 GiB where the file system says nothing', 0, 0, 0, 10 * GIB],
  ] as const) {
    test(what, () => {
      assert.equal(defaultMaxBytes({ size, free }, used), Math.floor(limit));
    });
  }

  test('is 10 GiB where the file system cannot be asked', () => {
    assert.equal(defaultMaxBytes(undefined, 0), 10 * GIB);
  });

  test('is taken when the spool is opened, and a setting wins', async () => {
    const disk = new SimulatedDisk({ capacity: 10 * MIB });
    const open = (maxBytes?: number) => Spool.open({ path: '/spool', maxBytes }, () => undefined, { disk });
    assert.equal((await open()).maxBytes, 9 * MIB);
    assert.equal((await open(123)).maxBytes, 123);
  });

  test('follows a real file system', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'h2k-volume-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'h2k-volume', folder], { stdio: 'ignore' });
    } catch {
      rmSync(folder, { recursive: true });
      t.skip('mounting is not allowed here (it takes root)');
      return;
    }
    t.after(() => {
      execFileSync('umount', ['-l', folder]);
      rmSync(folder, { recursive: true });
    });
    const spool = await Spool.open({ path: join(folder, 'spool'), maxBytes: undefined }, () => undefined);
    t.after(() => spool.close());
    assert.ok(spool.maxBytes > 57 * MIB && spool.maxBytes <= 58 * MIB, String(spool.maxBytes));
  });
});
