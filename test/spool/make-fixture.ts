/**
 * Writes fixtures/version-1. Run it once for each version of the format: later versions must read the fixture for
 * ever. It has a closed segment, and a segment as a kill leaves it, with a torn event at its end.
 */
import { appendFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { Mark } from '../../src/spool/marks.ts';
import { Spool } from '../../src/spool/spool.ts';
import { frame, seedOf } from './segment-bytes.ts';
import { append } from './log-stage.ts';
import { FIXTURE, FIXTURE_EVENTS } from './fixture.ts';

await rm(FIXTURE, { recursive: true, force: true });
for (const ending of ['close', 'kill'] as const) {
  const spool = await Spool.open({ path: FIXTURE, maxBytes: Infinity }, console.error);
  const log = spool.log('events');
  for (const { arrivedAt, payload, mark, segment } of FIXTURE_EVENTS) {
    if (segment !== ending) continue;
    const place = await append(log, payload, arrivedAt);
    if (mark !== Mark.kept) log.mark(place, mark);
  }
  await log.settled();
  if (ending === 'close') await spool.close();
}
const folder = join(FIXTURE, 'topics', 'events');
const last = (await readdir(folder)).sort().findLast((file) => file.endsWith('.log')) ?? '';
await appendFile(join(folder, last), frame(seedOf(last), 3, 0, Buffer.alloc(100)).subarray(0, 60));
for (const file of ['lock.sqlite', 'lock.sqlite-journal']) await rm(join(FIXTURE, file), { force: true });
// The spool is not closed, so that the process seems killed.
process.exit();
