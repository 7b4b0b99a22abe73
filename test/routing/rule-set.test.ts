import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MAX_MATCHED } from '../../src/routing/matching-rules.ts';
import { RuleSet } from '../../src/routing/rule-set.ts';
import { datasetEvent, jobEvent, runEvent, taken } from '../openlineage/events.ts';
import { rulesOf } from './reference-router.ts';

const drop = { drop: true };

/** The name of the rule that fits an event. */
function fitting(rules: readonly object[], event: object, sender?: string): string | undefined {
  const bytes = Buffer.from(JSON.stringify(event));
  return new RuleSet(rulesOf(...rules)).find(bytes, taken(bytes), sender)?.name;
}

const job = (namespace: string, name: string) => ({ job: { namespace, name } });
const size = JSON.stringify(runEvent()).length;

const conditions: readonly (readonly [when: object, fits: readonly object[], others: readonly object[]])[] = [
  [{}, [runEvent(), jobEvent(), datasetEvent()], []],
  [{ kind: 'job' }, [jobEvent()], [runEvent(), datasetEvent()]],
  [{ kind: ['run', 'dataset'] }, [runEvent(), datasetEvent()], [jobEvent()]],
  [{ event_type: ['FAIL', 'abort'] }, [runEvent({ eventType: 'ABORT' })], [runEvent(), jobEvent()]],
  [{ namespace: 'jo*' }, [runEvent(), jobEvent()], [datasetEvent(), runEvent(job('Jobs', 'own'))]],
  [{ namespace: ['data', 'other'] }, [datasetEvent(), runEvent(job('other', 'a'))], [runEvent()]],
  [{ name: ['set', '*n'] }, [datasetEvent(), runEvent()], [runEvent(job('own', 'a'))]],
  [{ producer: '*/producer' }, [runEvent()], [runEvent({ producer: 'https://example.com/other' })]],
  [
    { input_namespace: 's3://*' },
    [runEvent({ inputs: ['a', 's3://b'].map((namespace) => ({ namespace, name: 'c' })) })],
    [runEvent(), runEvent({ outputs: [{ namespace: 's3://b', name: 'c' }] })],
  ],
  [
    { output_namespace: ['a', 'b'] },
    [jobEvent({ outputs: [{ namespace: 'b', name: 'c' }] })],
    [jobEvent({ inputs: [{ namespace: 'b', name: 'c' }], outputs: [] })],
  ],
  [{ min_bytes: size }, [runEvent()], [runEvent(job('a', 'b'))]],
  [{ max_bytes: size }, [runEvent()], [runEvent(job('jobs', 'longer'))]],
  [{ namespace: 'jobs', name: 'own', kind: 'run' }, [runEvent()], [jobEvent(), runEvent(job('jobs', 'a'))]],
];

suite('a rule', () => {
  for (const [when, fits, others] of conditions) {
    test(`with the conditions ${JSON.stringify(when)} fits what it should`, () => {
      for (const event of fits) assert.equal(fitting([{ name: 'a', when, ...drop }], event), 'a');
      for (const event of others) assert.equal(fitting([{ name: 'a', when, ...drop }], event), undefined);
    });
  }

  test('with a pattern of senders fits no event of an unknown sender', () => {
    const rules = [{ name: 'a', when: { sender: 'tr*' }, ...drop }];
    assert.equal(fitting(rules, runEvent(), 'trino'), 'a');
    assert.equal(fitting(rules, runEvent(), 'spark'), undefined);
    assert.equal(fitting([{ name: 'a', when: { sender: '*' }, ...drop }], runEvent()), undefined);
  });

  test('decides if it is the first that fits', () => {
    const rules = [
      { name: 'other', when: { namespace: 'other' }, ...drop },
      { name: 'first', when: { name: 'own' }, ...drop },
      { name: 'second', when: { name: 'own', kind: 'run' }, ...drop },
      { name: 'all', ...drop },
    ];
    assert.equal(fitting(rules, runEvent()), 'first');
    assert.equal(fitting(rules, datasetEvent()), 'all');
    assert.equal(fitting(rules.toReversed(), runEvent()), 'all');
  });

  test('of a very long name fits by the pattern * only', () => {
    const long = runEvent(job('jobs', 'a'.repeat(MAX_MATCHED + 1)));
    assert.equal(fitting([{ name: 'a', when: { name: 'a*' }, ...drop }], long), undefined);
    assert.equal(fitting([{ name: 'a', when: { name: ['b', '*'] }, ...drop }], long), 'a');
    const longest = runEvent(job('jobs', 'a'.repeat(MAX_MATCHED)));
    assert.equal(fitting([{ name: 'a', when: { name: 'a*' }, ...drop }], longest), 'a');
  });

  test('reads an event only for what the check has not found', () => {
    const known = { kind: 'run', namespace: 'a', sender: 'a', min_bytes: 1, max_bytes: 2 };
    assert.equal(new RuleSet(rulesOf({ name: 'a', when: known, ...drop })).readsEvents, false);
    for (const condition of ['name', 'producer', 'input_namespace', 'output_namespace', 'event_type']) {
      const when = { [condition]: condition === 'event_type' ? 'START' : 'a' };
      assert.equal(new RuleSet(rulesOf({ name: 'a', when, ...drop })).readsEvents, true, condition);
    }
  });
});
