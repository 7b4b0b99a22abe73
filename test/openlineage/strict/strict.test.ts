import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { formats } from '../../../src/openlineage/strict/formats.ts';
import { datasetEvent, errorsOf, jobEvent, runEvent, runWith } from '../events.ts';

/** `location: code` of each error at level strict. */
function errorsAt(event: object): readonly string[] {
  return errorsOf(JSON.stringify(event), 'strict').map(
    ({ location, code }) => `${location.join('.')}: ${code}`,
  );
}

const facet = { _producer: 'https://example.org', _schemaURL: 'https://example.org/facet.json' };
const named = { namespace: 'a', name: 'b' };

suite('the schema of events at level strict', () => {
  test('takes events without a deviation', () => {
    for (const event of [runEvent(), jobEvent(), datasetEvent()]) assert.deepEqual(errorsAt(event), []);
    const full = runEvent({
      eventType: undefined,
      inputs: [{ ...named, facets: { own: { ...facet, _deleted: true } }, inputFacets: { own: facet } }],
      outputs: [{ ...named, facets: {}, outputFacets: { own: { ...facet, more: [1] } } }],
      extra: 1,
    });
    assert.deepEqual(errorsAt(full), []);
  });

  test('refuses each deviation that core lets pass', () => {
    for (const [members, error] of [
      [{ schemaURL: undefined }, 'body.schemaURL: missing'],
      [{ schemaURL: 'nowhere' }, 'body.schemaURL: url_parsing'],
      [{ producer: 'my-etl/1.0' }, 'body.producer: url_parsing'],
      [{ eventTime: '2026-11-22T10:15:30' }, 'body.eventTime: datetime_from_date_parsing'],
      [{ eventTime: '2026-11-22 10:15:30Z' }, 'body.eventTime: datetime_from_date_parsing'],
      [{ eventTime: '2026-11-22T10:15:30Z[Europe/London]' }, 'body.eventTime: datetime_from_date_parsing'],
      [{ eventType: null }, 'body.eventType: enum'],
      [{ inputs: null }, 'body.inputs: list_type'],
      [{ run: { runId: '01990c5e5d3b7a4e8c1f6f2f1f6a2b3c' } }, 'body.run.runId: uuid_parsing'],
      [{ run: runWith(null) }, 'body.run.facets: dict_type'],
      [{ run: runWith({ own: null }) }, 'body.run.facets.own: dict_type'],
      [
        { run: runWith({ own: { ...facet, _producer: undefined } }) },
        'body.run.facets.own._producer: missing',
      ],
      [
        { run: runWith({ own: { ...facet, _schemaURL: 'a b:c' } }) },
        'body.run.facets.own._schemaURL: url_parsing',
      ],
      [
        { job: { ...named, facets: { own: { ...facet, _deleted: 1 } } } },
        'body.job.facets.own._deleted: bool_type',
      ],
      [
        { outputs: [named, { ...named, outputFacets: { own: {} } }] },
        'body.outputs.1.outputFacets.own._producer: missing',
      ],
    ] as const) {
      assert.deepEqual(errorsOf(JSON.stringify(runEvent(members))), [], error);
      assert.equal(errorsAt(runEvent(members))[0], error);
    }
  });

  test('holds facets that are not standard to the base facet', () => {
    for (const url of [
      'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet',
      'https://example.org/spec/facets/1-0-0/ParentRunFacet.json',
      'https://openlineage.io/spec/facets/99-0-0/ParentRunFacet.json',
      'https://openlineage.io/spec/facets/1-0-0/__proto__.json',
    ]) {
      assert.deepEqual(
        errorsAt(runEvent({ run: runWith({ parent: { ...facet, _schemaURL: url } }) })),
        [],
        url,
      );
    }
  });

  test('holds a standard facet to the version that it names', () => {
    const schema = (version: string, fields: unknown) => ({
      inputs: [
        {
          ...named,
          facets: {
            schema: {
              ...facet,
              _schemaURL: `https://openlineage.io/spec/facets/${version}/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet`,
              fields,
            },
          },
        },
      ],
    });
    const nested = [{ name: 'a', fields: [{ name: 'b', fields: [{ type: 'c' }] }] }];
    assert.deepEqual(errorsAt(runEvent(schema('1-0-0', nested))), []);
    assert.deepEqual(errorsAt(runEvent(schema('1-1-1', nested))), [
      'body.inputs.0.facets.schema.fields.0.fields.0.fields.0.name: missing',
    ]);
    const position = [{ name: 'a', ordinal_position: 'first' }];
    assert.deepEqual(errorsAt(runEvent(schema('1-1-1', position))), []);
    assert.deepEqual(errorsAt(runEvent(schema('1-2-0', position))), [
      'body.inputs.0.facets.schema.fields.0.ordinal_position: int_type',
    ]);
  });

  test('refuses a dataset event with members of the other kinds', () => {
    assert.deepEqual(errorsAt(datasetEvent({ run: null, job: null })), ['body: event_kind']);
    assert.deepEqual(errorsAt(datasetEvent({ run: null })), []);
  });
});

suite('the formats of JSON Schema', () => {
  const cases = {
    uri: {
      good: [
        'a:',
        'a:b',
        'urn:x:y',
        'https://a.b:80/c/d;e?f=g&h#i',
        'http://[::1]:8080/',
        'file:///a%20b',
        'a://u:p@h',
      ],
      bad: [
        '',
        'a',
        '/a',
        '//a/b',
        'a b:c',
        '1a:b',
        'a:b c',
        'http://a/%zz',
        'a:#b#c',
        'http://a/é',
        'http://[::1',
        'http://a:b/',
        'a:b\\c',
        'a:<b>',
      ],
    },
    uuid: {
      good: ['01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c', '01990C5E-5D3B-3A4E-8C1F-6F2F1F6A2B3C'],
      bad: [
        '',
        '01990c5e5d3b7a4e8c1f6f2f1f6a2b3c',
        '{01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c}',
        '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3g',
      ],
    },
    'date-time': {
      good: [
        '2026-01-01T00:00:00Z',
        '2026-01-01t23:59:59.123456789z',
        '2024-02-29T00:00:00-23:59',
        '1990-12-31T23:59:60Z',
        '1990-12-31T15:59:60-08:00',
      ],
      bad: [
        '',
        '2026-01-01',
        '2026-01-01T00:00Z',
        '2026-01-01T00:00:00',
        '2026-01-01 00:00:00Z',
        '2026-02-29T00:00:00Z',
        '2026-01-01T24:00:00Z',
        '2026-01-01T00:00:60Z',
        '2026-01-01T00:00:00+0200',
        '2026-01-01T00:00:00,5Z',
        '2026-01-01T00:00:00.Z',
      ],
    },
  } as const;
  for (const [format, { good, bad }] of Object.entries(cases)) {
    test(format, () => {
      const fits = new Map(Object.entries(formats)).get(format) ?? (() => undefined);
      for (const text of good) assert.ok(fits(text), text);
      for (const text of bad) assert.ok(!fits(text), text);
    });
  }
});
