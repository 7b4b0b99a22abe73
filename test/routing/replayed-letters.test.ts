/** Where a replay sends a letter: the routing rules of today decide. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { judge } from '../../src/commands/dead-letters/judge.ts';
import { letterOf } from '../../src/commands/dead-letters/letter.ts';
import { recordHeader } from '../../src/kafka/record.ts';
import { RuleSet } from '../../src/routing/rule-set.ts';
import { loaded } from '../config/loading.ts';
import { jobEvent } from '../openlineage/events.ts';
import { rulesOf } from './reference-router.ts';

/** The topics of the replayed letter, or why it stays. */
async function placeOf(rules: readonly object[], ...headers: readonly (readonly [string, string])[]) {
  const value = Buffer.from(JSON.stringify(jobEvent()));
  const written = headers.map(([name, text]) => recordHeader(name, text));
  const letter = letterOf({ partition: 0, offset: 0, key: null, value, headers: written, timestamp: 0 });
  const { settings } = loaded();
  const exists = () => Promise.resolve(true);
  const judged = await judge(letter, {
    settings,
    rules: new RuleSet(rulesOf(...rules)),
    topic: 'letters',
    exists,
  });
  return 'records' in judged ? judged.records.map(({ topic }) => topic).join() : judged.reason;
}

suite('a replayed letter', () => {
  test('goes to the topic of the rule that fits today, or to the main topic', async () => {
    assert.equal(await placeOf([]), 'input.runs');
    assert.equal(await placeOf([{ name: 'a', when: { kind: 'run' }, drop: true }]), 'input.runs');
    assert.equal(await placeOf([{ name: 'a', when: { name: 'own' }, topics: 'team.a' }]), 'team.a');
    const bySender = [{ name: 'a', when: { sender: 'spark' }, topics: 'team.a' }];
    assert.equal(await placeOf(bySender, ['reported-by-user-name', 'spark']), 'team.a');
    assert.equal(await placeOf(bySender, ['reported-by-user-name', 'trino']), 'input.runs');
  });

  test('goes to each topic of its rule', async () => {
    const rules = [{ name: 'a', when: { name: 'own' }, topics: ['team.a', 'team.b'] }];
    assert.equal(await placeOf(rules), 'team.a,team.b');
  });

  test('goes to its own topic if that did not take it, whatever the rules say', async () => {
    const headers = [
      ['dead-letter-topic', 'team.b'],
      ['dead-letter-reason', 'topic team.b does not take it: too-large'],
    ] as const;
    assert.equal(await placeOf([{ name: 'a', topics: 'team.a' }], ...headers), 'team.b');
  });

  test('stays while a rule does not want it in a topic', async () => {
    const reasons = [
      [{ dead_letter: 'no owner' }, 'the routing rule a keeps it in this topic'],
      [{ refuse: 'no owner' }, 'the routing rule a refuses it'],
      [{ drop: true }, 'the routing rule a drops it'],
    ] as const;
    for (const [action, reason] of reasons) assert.equal(await placeOf([{ name: 'a', ...action }]), reason);
  });
});
