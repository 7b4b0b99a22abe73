import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { EventFields, MAX_NAMESPACES } from '../../src/routing/event-fields.ts';
import { datasetEvent, jobEvent, runEvent } from '../openlineage/events.ts';
import { routeOf, rulesOf } from './reference-router.ts';

const ANY = rulesOf({ name: 'any', drop: true });

const json = (event: object) => JSON.stringify(event);
const run = json(runEvent({ inputs: [{ namespace: 'in', name: 'a' }] }));

/** Odd texts, each valid at level `routing` at least. */
const texts: Readonly<Record<string, string>> = {
  'a run event': run,
  'a job event': json(jobEvent({ outputs: [{ namespace: 'out', name: 'b' }] })),
  'a dataset event': json(datasetEvent()),
  'white space everywhere': JSON.stringify(JSON.parse(run), undefined, 3).replaceAll('\n', '\r\n\t'),
  'white space around it': ` \n${run} \n`,
  'a job that comes twice': run.replace('"job":', '"job":{"namespace":"first","name":"first"},"job":'),
  'a name that comes twice': run.replace('"name":"own"', '"name":"first","name":"own"'),
  'a producer that comes twice': run.replace('"producer":', '"producer":"first","producer":'),
  'inputs that come twice': run.replace('"inputs":', '"inputs":[{"namespace":"first","name":"b"}],"inputs":'),
  'inputs that are null at last': run.replace(/}$/, ',"inputs":null}'),
  'a key with escapes': run.replace('"job":', String.raw`"\u006A\u006f\u0062":`),
  'a later key with escapes': run.replace(/}$/, String.raw`,"\u0070roducer":"last"}`),
  'keys with other escapes': run.replace(
    /}$/,
    String.raw`,"\n\u006aob":1,"job\u0000":2,"\\u006aob":3,"jo\u0062b":4}`,
  ),
  'a key that is a prefix': run.replace(/}$/, ',"jo":1,"jobs":2,"Job":3,"names":4,"eventtype":5,"":6}'),
  'escapes in values': run
    .replace('"own"', String.raw`"\"o\\w\u006e\/\ud83d\ude00"`)
    .replace('"in"', String.raw`"\u0069n"`),
  'text that is no ASCII': run.replace('"own"', '"Ж\u{1f600}"').replace('"in"', '"ö"'),
  'a producer that is null': json(jobEvent({ producer: null })),
  'a producer that is a number': json(jobEvent({ producer: 5 })),
  'an empty producer': json(jobEvent({ producer: '' })),
  'an event type that is null': json(runEvent({ eventType: null })),
  'an event type of its own': json(runEvent({ eventType: 'begin' })),
  'inputs that are no list': json(jobEvent({ inputs: { namespace: 'a' }, outputs: 'a' })),
  'inputs of all kinds': json(
    jobEvent({
      inputs: [
        null,
        1,
        [],
        ['namespace'],
        'a',
        {},
        { namespace: null },
        { namespace: 'b' },
        [{ namespace: 'c' }],
      ],
    }),
  ),
  'empty lists': json(jobEvent({ inputs: [], outputs: [] })),
  'namespaces that come again': json(
    jobEvent({
      inputs: ['a', 'a', 'b', 'b', 'a', '', '', 'c'].map((namespace) => ({ name: 'x', namespace })),
    }),
  ),
  'members of the same name elsewhere': json(
    jobEvent({
      job: { facets: { job: { name: 'inner', namespace: 'inner' } }, namespace: 'a', name: 'b' },
      other: { producer: 'inner', job: { name: 'inner' }, inputs: [{ namespace: 'inner' }] },
      inputs: [null, 'a'],
      namespace: 'top',
      name: 'top',
    }),
  ),
};

suite('what is looked up in an event', () => {
  for (const [what, text] of Object.entries(texts)) {
    test(`is what JSON.parse finds: ${what}`, () => {
      assert.equal(routeOf(Buffer.from(text), ANY), 0, text);
    });
  }

  test('is the same for an event that the scanner has no room for', () => {
    const event = jobEvent({
      inputs: [{ namespace: 'in', name: 'a' }, 5],
      outputs: 5,
      padding: ' '.repeat(33 * 1024 ** 2),
    });
    const fields = new EventFields(Buffer.from(json(event)), 'job');
    const { name, producer, eventType } = fields;
    assert.deepEqual([name, producer, eventType], ['own', 'https://example.com/producer', undefined]);
    assert.deepEqual([fields.namespacesOf('inputs'), fields.namespacesOf('outputs')], [['in'], []]);
  });

  test('has the first of very many namespaces', () => {
    const inputs = Array.from({ length: 3 * MAX_NAMESPACES }, (_, index) => ({
      namespace: `n${index}`,
      name: 'a',
    }));
    const found = new EventFields(Buffer.from(json(jobEvent({ inputs }))), 'job').namespacesOf('inputs');
    assert.deepEqual(
      found,
      inputs.slice(0, MAX_NAMESPACES).map(({ namespace }) => namespace),
    );
  });
});
