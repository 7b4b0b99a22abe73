/** The proxy says that its spool is nearly full, long before it is. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { pino } from 'pino';
import { DiskMonitor } from '../../src/delivery/disk-monitor.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import type { Volume } from '../../src/spool/volume.ts';
import { SimulatedTime } from '../support/simulated-time.ts';

const MIB = 1024 ** 2;

/** A spool of which a test moves the size and the volume. */
function stage(maxMib: number, sizeMib: number) {
  const time = new SimulatedTime();
  const metrics = createMetrics();
  const lines: string[] = [];
  const write = (line: string) => void lines.push(/"msg":"([^"]*)"/.exec(line)?.[1] ?? line);
  const log = pino({ base: null }, { write });
  const volume = { size: sizeMib * MIB, free: sizeMib * MIB };
  const spool = {
    bytes: 0,
    maxBytes: maxMib * MIB,
    known: true,
    volume: (): Promise<Volume | undefined> => Promise.resolve(spool.known ? { ...volume } : undefined),
  };
  const monitor = new DiskMonitor(spool, metrics, log, time);
  /** Sets what the spool has and what is free, and returns the new lines. */
  const at = async (usedMib: number, freeMib: number): Promise<readonly string[]> => {
    spool.bytes = usedMib * MIB;
    volume.free = freeMib * MIB;
    await time.advance(10_000);
    monitor.poll();
    await time.settle();
    monitor.poll();
    return lines.splice(0);
  };
  const free = async () => {
    monitor.measure();
    return (await metrics.spoolDiskFree.get()).values[0]?.value;
  };
  return { monitor, spool, at, free, time };
}

suite('the room of the spool', () => {
  test('is said at half, at four fifths and at 95 % of the limit, each once', async () => {
    const { monitor, at } = stage(100, 1000);
    assert.deepEqual(await at(49, 900), []);
    assert.deepEqual(await at(50, 900), [
      'the spool has room for only 50 MiB more (50 %): spool.max_bytes is 100 MiB',
    ]);
    assert.deepEqual([await at(79, 900), monitor.warning], [[], undefined]);
    assert.match((await at(80, 900))[0] ?? '', /room for only 20 MiB more \(20 %\)/);
    assert.match(monitor.warning ?? '', /room for only 20 MiB more/);
    assert.deepEqual(await at(75, 900), []);
    assert.deepEqual(await at(81, 900), []);
    assert.match((await at(100, 900))[0] ?? '', /room for only 0 MiB more \(0 %\)/);
  });

  test('is said again after the spool was emptied', async () => {
    const { at } = stage(100, 1000);
    await at(96, 900);
    assert.deepEqual(await at(0, 1000), []);
    assert.equal((await at(60, 900)).length, 1);
  });

  test('is that of the volume, if others fill it', async () => {
    const { at, free } = stage(100, 1000);
    assert.deepEqual(await at(0, 101), []);
    assert.deepEqual(await at(0, 40), [
      'the spool has room for only 40 MiB more (40 %): the volume has no more',
    ]);
    assert.equal(await free(), 40 * MIB);
  });

  test('is said once at the start where the limit is more than the volume', async () => {
    const { at } = stage(10_240, 1000);
    assert.deepEqual(await at(0, 990), [
      'spool.max_bytes is 10240 MiB, but the volume of the spool has 1000 MiB in all',
    ]);
    assert.deepEqual(await at(400, 590), []);
    assert.deepEqual(await at(500, 490), [
      'the spool has room for only 490 MiB more (49 %): the volume has no more',
    ]);
  });

  test('is that of the limit where the volume cannot be asked', async () => {
    const { spool, at, free } = stage(100, 1000);
    spool.known = false;
    assert.deepEqual(await at(0, 0), []);
    assert.equal((await at(90, 0)).length, 1);
    assert.equal(await free(), undefined);
  });

  test('is asked of the volume every 10 s only', async () => {
    const { monitor, spool, time } = stage(100, 1000);
    let asked = 0;
    const { volume } = spool;
    spool.volume = () => ((asked += 1), volume());
    for (let turn = 0; turn < 600; turn++) {
      monitor.poll();
      await time.advance(50);
    }
    assert.equal(asked, 3);
  });
});
