import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { datasetEvent, errorsOf, jobEvent, runEvent, runWith, taken } from './events.ts';
import { outcomeOf } from './fast-path/both-checks.ts';

type Event = ReturnType<typeof runEvent>;

const dataset = { namespace: 'data', name: 'set' };
const base = { _producer: 'a:b', _schemaURL: 'a:b' };
const parent = { ...base, job: { namespace: 'p', name: 'parent' } };

/** The same event with null for a member, and without it. */
const optional: readonly (readonly [member: string, withNull: Event, without: Event])[] = [
  ['eventType', runEvent({ eventType: null }), runEvent({ eventType: undefined })],
  ['schemaURL', jobEvent({ schemaURL: null }), jobEvent({ schemaURL: undefined })],
  ['inputs', runEvent({ inputs: null }), runEvent()],
  ['outputs', jobEvent({ outputs: null }), jobEvent()],
  ['facets of a run', runEvent({ run: runWith(null) }), runEvent()],
  [
    'a facet of a run',
    runEvent({ run: runWith({ f: null, g: base }) }),
    runEvent({ run: runWith({ g: base }) }),
  ],
  ['the parent', runEvent({ run: runWith({ parent: null }) }), runEvent({ run: runWith({}) })],
  [
    "the parent's root",
    runEvent({ run: runWith({ parent: { ...parent, root: null } }) }),
    runEvent({ run: runWith({ parent }) }),
  ],
  ['facets of a job', jobEvent({ job: { ...dataset, facets: null } }), jobEvent({ job: dataset })],
  ['a facet of a job', jobEvent({ job: { ...dataset, facets: { sql: null } } }), jobEvent({ job: dataset })],
  [
    'facets of a dataset event',
    datasetEvent({ dataset: { ...dataset, facets: null } }),
    datasetEvent({ dataset }),
  ],
  [
    'facets of an input',
    runEvent({ inputs: [{ ...dataset, facets: null, inputFacets: null }] }),
    runEvent({ inputs: [dataset] }),
  ],
  [
    'a facet of an output',
    runEvent({ outputs: [{ ...dataset, outputFacets: { f: null } }] }),
    runEvent({ outputs: [dataset] }),
  ],
];

suite('null for a member that may be absent', () => {
  for (const [what, withNull, without] of optional) {
    test(`is the same as no member, and is counted: ${what}`, () => {
      for (const level of ['core', 'routing'] as const) {
        const { deviations, ...event } = taken(withNull, level);
        const { deviations: others, ...expected } = taken(without, level);
        assert.deepEqual(event, expected);
        assert.deepEqual(deviations, [...others, 'null_member']);
      }
    });

    test(`is accepted on the fast path: ${what}`, () => {
      assert.equal(outcomeOf(JSON.stringify(withNull)), 'fast path');
    });
  }

  test('leaves the key to the next job: that of the parent, and then the own job', () => {
    const keyOf = (facet: unknown) => taken(runEvent({ run: runWith({ parent: facet }) })).key.toString();
    assert.equal(keyOf({ ...parent, root: null }), 'run:p/parent');
    assert.equal(keyOf({ ...base, root: null, job: null }), 'run:jobs/own');
    assert.equal(keyOf(null), 'run:jobs/own');
  });

  test('counts the members of other kinds of events, too', () => {
    for (const event of [runEvent({ dataset: null }), jobEvent({ dataset: null })]) {
      assert.deepEqual(taken(event).deviations, ['null_member']);
      assert.notEqual(outcomeOf(JSON.stringify(event)), 'refused');
    }
    const event = taken(datasetEvent({ run: null, job: null, inputs: null, eventType: null }));
    assert.deepEqual([event.kind, event.namespace, event.deviations], ['dataset', 'data', ['null_member']]);
  });

  test('is not counted inside facets and in members that the specification does not know', () => {
    const event = runEvent({
      run: runWith({ f: { ...base, x: null } }),
      job: { namespace: 'a', name: 'b', extra: null },
      extra: null,
    });
    assert.deepEqual(taken(event).deviations, []);
  });
});

suite('null for a required member', () => {
  const required: readonly (readonly [location: string, event: Event])[] = [
    ['body.eventTime', runEvent({ eventTime: null })],
    ['body.producer', runEvent({ producer: null })],
    ['body.run', runEvent({ run: null })],
    ['body.run.runId', runEvent({ run: { runId: null } })],
    ['body.job', runEvent({ job: null })],
    ['body.job', jobEvent({ job: null })],
    ['body.job.name', jobEvent({ job: { namespace: 'a', name: null } })],
    ['body.dataset', datasetEvent({ dataset: null })],
    ['body.dataset.namespace', datasetEvent({ dataset: { namespace: null, name: 'a' } })],
    ['body.inputs.0', runEvent({ inputs: [null] })],
    ['body.inputs.0.name', runEvent({ inputs: [{ namespace: 'a', name: null }] })],
  ];
  for (const [location, event] of required) {
    test(`is refused: ${location} of ${JSON.stringify(event).slice(0, 30)}…`, () => {
      assert.ok(errorsOf(event).some((error) => error.location.join('.') === location));
    });
  }
});
