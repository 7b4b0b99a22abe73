/**
 * What the page at `/` costs an event: one note of its outcome, beside the check of the same event in the same run.
 *
 *     node benchmark/page-cost.ts
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Kept } from '../src/delivery/port.ts';
import { checkEvent } from '../src/openlineage/check.ts';
import { Watch } from '../src/page/watch.ts';
import type { Arrival } from '../src/pipeline/arrival.ts';
import { systemTime } from '../src/support/time.ts';

const EVENTS = 50_000;
const ROUNDS = 15;

const bytes = readFileSync(join(import.meta.dirname, '..', 'examples', 'python', '01-start.json'));
const { event } = checkEvent(bytes, 'core');
if (!event) throw new Error('the example is not valid');
const limits = { limited: false, mayWriteTo: () => true, quota: undefined };
const arrival: Arrival = {
  requestId: 'b1a5c0e1-0c65-4a37-9a27-7d6d0a1c6c0f',
  traceparent: undefined,
  known: { sender: { way: 'api-key', name: 'python' }, limits },
  startedAt: performance.now(),
  origin: () => ({}),
};
const watch = new Watch(systemTime);
const written: Kept = { kind: 'acknowledged', partition: 1, offset: 42 };

const calls = {
  note: () => watch.kept(arrival, event, bytes, written, 'input.runs'),
  check: () => checkEvent(bytes, 'core'),
};
/** Milliseconds of the best round of each: others use the machine as well. The rounds of both take turns. */
const best = { note: Infinity, check: Infinity };
for (let round = 0; round < ROUNDS; round++) {
  for (const name of ['note', 'check'] as const) {
    const startedAt = performance.now();
    for (let i = 0; i < EVENTS; i++) calls[name]();
    best[name] = Math.min(best[name], performance.now() - startedAt);
  }
}
const perEvent = (ms: number) => `${Math.round((ms / EVENTS) * 1e6)} ns`;
console.log(
  `an event of ${bytes.length} bytes: note ${perEvent(best.note)}, check ${perEvent(best.check)} (best of ${ROUNDS} rounds)`,
);
