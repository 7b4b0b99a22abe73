/**
 * The spool beside a model of it, through days that a random source makes up: many events at once, disks that fail and
 * fill up, kills, power cuts. `SPOOL_SEED=n` repeats one day; `SPOOL_ROUNDS=n` runs so many.
 */
import { test } from 'node:test';

import { runDay } from './day.ts';

const SEED = process.env['SPOOL_SEED'];
const ROUNDS = process.env['SPOOL_ROUNDS'];

/** Milliseconds to go on for when nobody says how many rounds. */
const PATIENCE_MS = 12_000;

test('the spool does what its model does', async () => {
  const first = SEED === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(SEED);
  const deadline = Date.now() + PATIENCE_MS;
  const isEnough = (rounds: number): boolean => {
    if (SEED !== undefined) return rounds === 1;
    return ROUNDS === undefined ? Date.now() > deadline : rounds === Number(ROUNDS);
  };
  for (let rounds = 0; !isEnough(rounds); rounds++) await runDay(first + rounds);
});
