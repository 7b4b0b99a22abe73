/** Appends events to the spool at this path without end, and says of each that it was kept. */
import { writeSync } from 'node:fs';

import { Mark } from '../../src/spool/marks.ts';
import { Spool } from '../../src/spool/spool.ts';
import { eventOf } from './writer-events.ts';

/** Under way at once. */
const LANES = 20;

const [, , path = '', first = '0'] = process.argv;
const log = (await Spool.open({ path, maxBytes: 1e9, segmentBytes: 20_000 }, console.error)).log('events');
let next = Number(first);

function append(): void {
  const number = next++;
  const item = { parts: [eventOf(number)], arrivedAt: number, mark: Mark.kept };
  // Not through a stream, which would keep the last few for itself when the process is killed.
  const kept = (): void => {
    writeSync(1, `${number}\n`);
    append();
  };
  log.append({ ...item, kept, failed: (reason) => void writeSync(2, `${reason}\n`) });
}

for (let lane = 0; lane < LANES; lane++) append();
