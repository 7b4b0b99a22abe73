import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { RuleList } from '../../src/config/schema/routing-rule.ts';
import { eventMutant } from '../openlineage/mutation/event-mutants.ts';
import { excerptOf } from '../openlineage/fast-path/both-checks.ts';
import { Random } from '../openlineage/random.ts';
import { routeOf, someRules } from './reference-router.ts';

const ROUNDS = 10_000;
const SENDERS = [undefined, 'a', 'p1'];

suite('the route of mutated events', () => {
  test('is the one that the parsed event has', (context) => {
    const random = new Random();
    context.diagnostic(`TEST_SEED=${random.seed} repeats it`);
    const seen = { valid: 0, fitted: 0 };
    let rules: RuleList = someRules(random);
    for (let round = 0; round < ROUNDS; round++) {
      if (round % 20 === 0) rules = someRules(random);
      const mutant = eventMutant(random);
      try {
        const index = routeOf(mutant, rules, SENDERS[random.below(SENDERS.length)]);
        if (index !== undefined) seen.valid += 1;
        if (index !== undefined && index >= 0) seen.fitted += 1;
      } catch (cause) {
        throw new Error(`seed ${random.seed}, round ${round}: ${excerptOf(mutant)}`, { cause });
      }
    }
    // Otherwise it would test nothing.
    assert.ok(seen.valid > ROUNDS / 4 && seen.fitted > ROUNDS / 20, JSON.stringify(seen));
    assert.ok(seen.fitted < seen.valid, JSON.stringify(seen));
  });
});
