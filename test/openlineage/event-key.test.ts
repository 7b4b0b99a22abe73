import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { EventKind } from '../../src/openlineage/event-schema.ts';
import { formatKey, keyPartsOf, ownPartsOf } from '../../src/openlineage/event-key.ts';

/** The key of an event, or undefined when it has none. */
function keyOf(kind: EventKind, event: unknown): string | undefined {
  const own = ownPartsOf(kind, event);
  return own && formatKey(keyPartsOf(kind, event, own));
}

const job = { namespace: 'jobs', name: 'own' };
const runWith = (parent: unknown) => ({ run: { runId: 'r', facets: { parent } }, job });

suite('the key of an event', () => {
  test('of a run without facets names its own job', () => {
    assert.equal(keyOf('run', { run: { runId: 'r' }, job }), 'run:jobs/own');
  });

  test('of a run without a parent facet names its own job', () => {
    assert.equal(keyOf('run', { run: { runId: 'r', facets: { nominalTime: {} } }, job }), 'run:jobs/own');
  });

  test('of a run with a parent names the job of the parent', () => {
    const event = runWith({ run: { runId: 'p' }, job: { namespace: 'jobs', name: 'parent' } });
    assert.equal(keyOf('run', event), 'run:jobs/parent');
  });

  test('of a run with a root in its parent names the job of the root', () => {
    const event = runWith({
      job: { namespace: 'jobs', name: 'parent' },
      root: { run: { runId: 'q' }, job: { namespace: 'airflow', name: 'dag' } },
    });
    assert.equal(keyOf('run', event), 'run:airflow/dag');
  });

  const malformed: readonly (readonly [what: string, parent: unknown, key: string])[] = [
    ['null', null, 'run:jobs/own'],
    ['a text', 'parent', 'run:jobs/own'],
    ['an array', [{ namespace: 'a', name: 'b' }], 'run:jobs/own'],
    ['empty', {}, 'run:jobs/own'],
    ['without a job', { run: { runId: 'p' } }, 'run:jobs/own'],
    ['with a job that is null', { job: null }, 'run:jobs/own'],
    ['with a job without a name', { job: { namespace: 'a' } }, 'run:jobs/own'],
    ['with a job without a namespace', { job: { name: 'a' } }, 'run:jobs/own'],
    ['with a number for a name', { job: { namespace: 'a', name: 1 } }, 'run:jobs/own'],
    ['with half a surrogate pair', { job: { namespace: 'a', name: '\ud800' } }, 'run:jobs/own'],
    ['with a broken root', { root: { job: { name: 1 } }, job: { namespace: 'a', name: 'p' } }, 'run:a/p'],
    ['with a root without a job', { root: {}, job: { namespace: 'a', name: 'p' } }, 'run:a/p'],
    ['with a root only', { root: { job: { namespace: 'a', name: 'r' } } }, 'run:a/r'],
    ['with an inherited job', Object.create({ job: { namespace: 'a', name: 'p' } }), 'run:jobs/own'],
  ];
  for (const [what, parent, key] of malformed) {
    test(`is ${key} with a parent that is ${what}`, () => assert.equal(keyOf('run', runWith(parent)), key));
  }

  test('of a job event names its job', () => {
    assert.equal(keyOf('job', { job }), 'job:jobs/own');
  });

  test('of a job event ignores a parent', () => {
    const facets = { parent: { job: { namespace: 'a', name: 'p' } } };
    assert.equal(keyOf('job', { job: { ...job, facets } }), 'job:jobs/own');
    assert.equal(keyOf('job', { run: { facets }, job }), 'job:jobs/own');
  });

  test('of a dataset event names its dataset', () => {
    const dataset = { namespace: 'postgres://db:5432', name: 'shop.public.orders' };
    assert.equal(keyOf('dataset', { dataset, job }), 'dataset:postgres://db:5432/shop.public.orders');
  });

  test('has namespace and name unchanged, also when they are odd or empty', () => {
    assert.equal(keyOf('job', { job: { namespace: 'a/b:c', name: '' } }), 'job:a/b:c/');
    assert.equal(keyOf('job', { job: { namespace: 'ä 🦆\u0000', name: '"\n' } }), 'job:ä 🦆\u0000/"\n');
  });

  test('does not exist when neither the parent nor the job is usable', () => {
    assert.equal(keyOf('run', { run: {}, job: { namespace: 'a' } }), undefined);
    assert.equal(keyOf('job', {}), undefined);
    assert.equal(keyOf('dataset', null), undefined);
  });
});
