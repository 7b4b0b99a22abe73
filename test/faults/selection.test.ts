// The lines of `make faults` that matter most, shorter. The rest, and longer: make faults.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { runLine } from './line.ts';
import { brokerKilled } from './lines/broker-lines.ts';
import { damagedSegment, diskFull } from './lines/disk-lines.ts';
import { proxyKilledWhileAway, proxyStoppedWhileAway } from './lines/proxy-lines.ts';
import { tooLarge } from './lines/record-lines.ts';
import type { Pace } from './scene.ts';

const pace: Pace = {
  perSecond: 200,
  posters: 16,
  // Large ones, so that few of them fill a disk.
  bytes: 20_000,
  outageMs: 1000,
  flowMs: 500,
  quietMs: 1000,
  spooled: 10_000,
};

const selection = [
  brokerKilled,
  proxyKilledWhileAway,
  proxyStoppedWhileAway,
  diskFull,
  damagedSegment,
  tooLarge,
];

// Several at once: most of the time goes into waiting for brokers.
suite('no event is lost when', { timeout: 240_000, concurrency: 3 }, () => {
  for (const line of selection) {
    test(line.what, async (context) => {
      const row = await runLine(line, pace);
      if (row.skipped) {
        context.skip(row.notes.join('; '));
        return;
      }
      assert.deepEqual(row.failures, [], `${row.notes.join('; ')}\n${row.proxyLog.slice(-4000)}`);
    });
  }
});
