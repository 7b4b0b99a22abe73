// The most important lines of `make faults`, with shorter outages.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { runLine } from './line.ts';
import { brokerKilled } from './lines/broker-lines.ts';
import { damagedSegment, diskFull } from './lines/disk-lines.ts';
import { proxyKilledInOutage, proxyStoppedInOutage } from './lines/proxy-lines.ts';
import { tooLarge } from './lines/record-lines.ts';
import type { Pace } from './scene.ts';

const pace: Pace = {
  perSecond: 200,
  posters: 16,
  // Large events, so that few of them fill a disk.
  bytes: 20_000,
  outageMs: 1000,
  flowMs: 500,
  quietMs: 1000,
  spooled: 10_000,
};

const selection = [
  brokerKilled,
  proxyKilledInOutage,
  proxyStoppedInOutage,
  diskFull,
  damagedSegment,
  tooLarge,
];

// Several at once: most of the time is waiting for brokers.
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
