import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { findDeadRules, topicsOfRules } from '../../src/commands/check-config/routing-check.ts';
import { loaded, temporaryFile } from './loading.ts';

function settingsOf(...rules: readonly object[]) {
  return loaded({ environment: { HTTP2KAFKA__ROUTING__RULES: JSON.stringify(rules) } }).settings;
}

/** The names of the rules that can never fit. */
function deadOf(...conditions: readonly object[]): readonly string[] {
  const rules = conditions.map((when, index) => ({ name: `r${index}`, when, drop: true }));
  return findDeadRules(settingsOf(...rules)).map(({ place }) => /\((.*)\)/.exec(place)?.[1] ?? place);
}

const covered: readonly (readonly [earlier: object, later: object])[] = [
  [{}, { namespace: 'a' }],
  [{}, {}],
  [{ namespace: '*' }, { kind: 'run' }],
  [{ name: '**', namespace: '*' }, {}],
  [{ namespace: 'a*' }, { namespace: 'ab*' }],
  [{ namespace: 'a*' }, { namespace: ['ab', 'a*b'], name: 'c' }],
  [{ namespace: ['x', 'a*b*c'] }, { namespace: 'ab*bc' }],
  [{ kind: ['run', 'job'] }, { kind: 'run' }],
  [{ event_type: ['START', 'FAIL'] }, { event_type: 'FAIL', kind: 'run' }],
  [{ producer: '*' }, { producer: 'x' }],
  [{ input_namespace: 's3*' }, { input_namespace: ['s3://a', 's3://b'] }],
  [
    { min_bytes: 1, max_bytes: 9 },
    { min_bytes: 2, max_bytes: 9 },
  ],
];

const not: readonly (readonly [earlier: object, later: object])[] = [
  [{ namespace: 'a' }, {}],
  [{ namespace: 'a' }, { namespace: 'a*' }],
  [{ namespace: 'a*b' }, { namespace: 'a*' }],
  [{ namespace: 'ab*' }, { namespace: ['abc', 'ac'] }],
  [{ namespace: 'a*bb' }, { namespace: 'a*b' }],
  [{ namespace: 'a', name: 'b' }, { namespace: 'a' }],
  [{ kind: 'run' }, { kind: ['run', 'job'] }],
  [{ kind: 'run' }, { event_type: 'START' }],
  [{ producer: '*' }, {}],
  [{ input_namespace: '*' }, { namespace: 'a' }],
  [{ min_bytes: 3 }, { min_bytes: 2 }],
  [{ max_bytes: 3 }, {}],
];

suite('a routing rule', () => {
  for (const [earlier, later] of covered) {
    test(`never fits behind one that covers it: ${JSON.stringify([earlier, later])}`, () => {
      assert.deepEqual(deadOf(earlier, later), ['r1']);
    });
  }
  for (const [earlier, later] of not) {
    test(`may fit behind another one: ${JSON.stringify([earlier, later])}`, () => {
      assert.deepEqual(deadOf(earlier, later), []);
    });
  }

  test('never fits events that are too large to be taken, or senders that nobody recognises', (t) => {
    assert.deepEqual(deadOf({ min_bytes: '5MiB' }, { min_bytes: 5_242_881 }, { sender: '*' }), ['r1', 'r2']);
    const [finding] = findDeadRules(settingsOf({ name: 'a', when: { sender: 'b' }, drop: true }));
    assert.deepEqual(finding, {
      severity: 'warning',
      place: 'routing.rules[0] (a)',
      message: 'the rule never fits: it has a condition on the sender, and the proxy authenticates no sender',
      advice: 'Configure a way to authenticate senders, or remove the condition.',
    });
    const senders = temporaryFile(t, 'senders.yaml', 'senders: []');
    const rules = JSON.stringify([{ name: 'a', when: { sender: 'b' }, drop: true }]);
    const environment = { HTTP2KAFKA__AUTH__SENDERS_FILE: senders, HTTP2KAFKA__ROUTING__RULES: rules };
    assert.deepEqual(findDeadRules(loaded({ environment }).settings), []);
  });

  test('says which rule covers it', () => {
    const settings = settingsOf(
      { name: 'all', topics: 'a' },
      { name: 'late', when: { kind: 'job' }, topics: ['b', 'a'] },
    );
    assert.deepEqual(
      findDeadRules(settings)[0]?.message,
      'the rule never fits: the rule all before it fits each of its events',
    );
    assert.deepEqual(topicsOfRules(settings), [
      { place: 'routing.rules[0] (all)', name: 'a' },
      { place: 'routing.rules[1] (late)', name: 'b' },
    ]);
  });
});
