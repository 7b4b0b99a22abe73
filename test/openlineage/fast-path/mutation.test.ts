import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { eventMutant } from '../mutation/event-mutants.ts';
import { excerptOf, fastPathAccepts, outcomeOf } from './both-checks.ts';
import { jobEvent, runEvent, runWith } from '../events.ts';
import { Random } from '../random.ts';

const ROUNDS = 20_000;

suite('random mutations on the fast path', () => {
  test('are accepted only when the full check accepts them, with the same result', (context) => {
    const random = new Random();
    context.diagnostic(`TEST_SEED=${random.seed} repeats it`);
    const seen = { 'fast path': 0, 'full check': 0, refused: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const mutant = eventMutant(random);
      try {
        seen[outcomeOf(mutant)] += 1;
      } catch (cause) {
        throw new Error(`seed ${random.seed}, round ${round}: ${excerptOf(mutant)}`, { cause });
      }
    }
    // Mutants with always the same outcome would test nothing.
    for (const count of Object.values(seen)) assert.ok(count > ROUNDS / 10, JSON.stringify(seen));
  });
});

suite('every change of a byte', () => {
  const facet = { _producer: 'a:b', _schemaURL: 'ä:b', '': [1.5, { b: null }] };
  const events = [
    runEvent({
      run: runWith({ parent: { job: { namespace: 'p', name: 'q' }, root: {} }, b: facet }),
      inputs: [{ namespace: 'Ж', name: '\n', inputFacets: {} }],
    }),
    jobEvent({
      job: { namespace: 'a', name: 'b', facets: { c: facet } },
      outputs: [],
      extra: [true, false, -1e7],
    }),
  ].map((event) => Buffer.from(JSON.stringify(event)));

  test('of a small event gives the same result in both checks: another byte in its place, or before it', () => {
    for (const event of events) {
      for (let at = 0; at < event.length; at++) {
        const [before, behind] = [event.subarray(0, at), event.subarray(at)];
        const changed = Buffer.from(event);
        const grown = Buffer.concat([before, Buffer.from([0]), behind]);
        for (let code = 0; code < 0x100; code++) {
          changed[at] = code;
          fastPathAccepts(changed);
          grown[at] = code;
          if (code < 0x80) fastPathAccepts(grown);
        }
      }
    }
  });

  test('of a small event gives the same result in both checks: bytes removed or repeated', () => {
    for (const event of events) {
      for (let at = 0; at < event.length; at++) {
        for (let end = at + 1; end <= Math.min(event.length, at + 40); end++) {
          fastPathAccepts(Buffer.concat([event.subarray(0, at), event.subarray(end)]));
          fastPathAccepts(Buffer.concat([event.subarray(0, end), event.subarray(at)]));
        }
      }
    }
  });
});
