/** A process writes to a real disk, and the test kills it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

import { Random } from '../openlineage/random.ts';
import { Mark } from '../../src/spool/marks.ts';
import { Spool } from '../../src/spool/spool.ts';
import type { DamageReport } from '../../src/spool/topic-log.ts';
import { eventOf } from './writer-events.ts';

const WRITER = join(import.meta.dirname, 'writer.ts');
const KILLS = 5;

/**
 * Lets another process write until it has kept `enough` events, and kills it. Resolves to the numbers of all kept
 * events, a few more than `enough`.
 */
async function writeAndKill(path: string, first: number, enough: number): Promise<number[]> {
  const writer = spawn(process.execPath, [WRITER, path, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(writer, 'close');
  const kept: number[] = [];
  for await (const line of createInterface(writer.stdout)) {
    kept.push(Number(line));
    if (kept.length === enough) writer.kill('SIGKILL');
  }
  await ended;
  return kept;
}

test('kept events survive each of several kills, in order, and no other event is there', async () => {
  const random = new Random();
  const path = await mkdtemp(join(tmpdir(), 'h2k-kill-'));
  try {
    const kept = new Set<number>();
    const reports: DamageReport[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      for (const number of await writeAndKill(path, kill * 1_000_000, 1 + random.below(300)))
        kept.add(number);
    }
    const spool = await Spool.open({ path, maxBytes: Infinity }, (report) => void reports.push(report));
    const log = spool.log('events');
    let last = -1;
    while (log.hasUnread) {
      for (const { payload, arrivedAt, place } of await log.read()) {
        assert.ok(arrivedAt > last, `${arrivedAt} behind ${last}`);
        assert.deepEqual(payload, eventOf(arrivedAt));
        last = arrivedAt;
        kept.delete(arrivedAt);
        log.mark(place, Mark.delivered);
      }
    }
    await spool.close();
    assert.deepEqual([kept, reports], [new Set(), []], `with seed ${random.seed}`);
  } finally {
    await rm(path, { recursive: true });
  }
});
