/**
 * Compares the spool with a model of it on random days: many events at once, failing and full disks, kills, power
 * cuts. `SPOOL_SEED=n` repeats one day; `SPOOL_ROUNDS=n` runs `n` days.
 */
import { test } from 'node:test';

import { runDay } from './day.ts';

const SEED = process.env['SPOOL_SEED'];
const ROUNDS = process.env['SPOOL_ROUNDS'];

/** Milliseconds that the test runs if the number of rounds is not given. */
const PATIENCE_MS = 12_000;

test('the spool behaves as its model', async () => {
  const first = SEED === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(SEED);
  const deadline = Date.now() + PATIENCE_MS;
  const isEnough = (rounds: number): boolean => {
    if (SEED !== undefined) return rounds === 1;
    return ROUNDS === undefined ? Date.now() > deadline : rounds === Number(ROUNDS);
  };
  for (let rounds = 0; !isEnough(rounds); rounds++) await runDay(first + rounds);
});
