/** Appends events to the spool at this path without end, and prints the number of each kept event. */
import { writeSync } from 'node:fs';

import { Mark } from '../../src/spool/marks.ts';
import { Spool } from '../../src/spool/spool.ts';
import { eventOf } from './writer-events.ts';

/** Events under way at the same time. */
const UNDER_WAY = 20;

const [, , path = '', first = '0'] = process.argv;
const log = (await Spool.open({ path, maxBytes: 1e9, segmentBytes: 20_000 }, console.error)).log('events');
let next = Number(first);

function append(): void {
  const number = next++;
  const item = { parts: [eventOf(number)], arrivedAt: number, mark: Mark.kept };
  // Not through a stream: a stream loses its last few lines when the process is killed.
  const kept = (): void => {
    writeSync(1, `${number}\n`);
    append();
  };
  log.append({ ...item, kept, failed: (reason) => void writeSync(2, `${reason}\n`) });
}

for (let started = 0; started < UNDER_WAY; started++) append();
