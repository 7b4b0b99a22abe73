import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { datasetEvent, errorsOf, jobEvent, runEvent, taken } from './events.ts';
import { outcomeOf } from './fast-path/both-checks.ts';

const dataset = { namespace: 'of-others', name: 'set' };
const { run, job } = runEvent();

const LEVELS = ['core', 'routing'] as const;

suite('an event of two kinds', () => {
  const cases: readonly (readonly [
    what: string,
    event: ReturnType<typeof runEvent>,
    other: 'run' | 'job',
  ])[] = [
    ['a job and a dataset', jobEvent({ dataset }), 'job'],
    ['a dataset and a job', datasetEvent({ dataset, job }), 'job'],
    ['a run and a dataset', datasetEvent({ run }), 'run'],
    ['a run, a job and a dataset', runEvent({ dataset }), 'run'],
    ['a job and an empty dataset', jobEvent({ dataset: {} }), 'job'],
    ['a job and a dataset in an array', jobEvent({ dataset: [dataset] }), 'job'],
    ['a job and a dataset that is a number', jobEvent({ dataset: 0 }), 'job'],
    ['a dataset and an empty job', datasetEvent({ job: {} }), 'job'],
    ['a dataset and a run that is a text', datasetEvent({ run: '' }), 'run'],
    ['a job, a dataset, and a run that is null', jobEvent({ run: null, dataset }), 'job'],
  ];
  for (const [what, event, other] of cases) {
    test(`is refused at every level, and the error names the kinds: ${what}`, () => {
      assert.equal(outcomeOf(JSON.stringify(event)), 'refused');
      for (const level of LEVELS) {
        const errors = errorsOf(event, level);
        assert.deepEqual(errors, [
          {
            location: ['body'],
            message:
              `Input should be an event of one kind: with \`${other}\` it is a ${other} event, ` +
              'with `dataset` it is a dataset event',
            code: 'event_of_two_kinds',
            context: { kinds: [other, 'dataset'] },
            input: errors[0]?.input,
          },
        ]);
      }
    });
  }

  test('is refused when only an earlier member with the same name is null', () => {
    const text = JSON.stringify(jobEvent({ dataset }));
    assert.equal(
      errorsOf(text.replace('"dataset"', '"dataset":null,"dataset"'))[0]?.code,
      'event_of_two_kinds',
    );
    assert.equal(taken(text.replace(/\}\}$/, '},"dataset":null}')).kind, 'job');
  });

  test('has a small excerpt of the event in the error', () => {
    const [error] = errorsOf(jobEvent({ dataset, extra: 'x'.repeat(100_000) }));
    assert.ok(JSON.stringify(error).length < 2000);
  });
});

suite('the kind of an event', () => {
  test('does not depend on a member of another kind that is null', () => {
    for (const level of LEVELS) {
      assert.equal(taken(runEvent({ dataset: null }), level).kind, 'run');
      assert.equal(taken(jobEvent({ dataset: null }), level).kind, 'job');
      assert.equal(taken(datasetEvent({ run: null, job: null }), level).kind, 'dataset');
    }
  });

  test('is that of a run event when the run is null, so that it is refused and does not become a job event', () => {
    const [error] = errorsOf(jobEvent({ run: null }));
    assert.deepEqual([error?.location.join('.'), error?.code], ['body.run', 'dict_type']);
  });
});
