import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { deviationKinds, type Deviation } from '../../src/openlineage/deviations.ts';
import { datasetEvent, errorsOf, jobEvent, runEvent, runWith, taken } from './events.ts';
import { examples, recordings } from './samples.ts';

const keyOf = (event: Parameters<typeof taken>[0]) => taken(event).key.toString();
const deviationsOf = (event: Parameters<typeof taken>[0]) => taken(event).deviations;
const dataset = { namespace: 'data', name: 'set' };
const facet = { _producer: 'https://example.com/p', _schemaURL: 'https://example.com/s' };

suite('the check', () => {
  for (const { name, bytes } of [...examples, ...recordings]) {
    test(`accepts ${name} at both levels with the same result`, () => {
      assert.deepEqual(taken(bytes, 'routing'), taken(bytes, 'core'));
    });
  }

  test('finds the time and the key of an example', () => {
    const sample = examples.find(({ name }) => name.endsWith('python/05-job.json'));
    assert.ok(sample);
    const event = taken(sample.bytes);
    assert.equal(event.kind, 'job');
    assert.equal(event.time, Date.UTC(2026, 10, 22, 23, 58, 44, 782));
    assert.equal(event.key.toString(), 'job:shop/laden.umsätze_je_kunde');
    assert.deepEqual(event.deviations, []);
  });

  test('recognizes the kind of an event by its fields', () => {
    assert.equal(taken(runEvent()).kind, 'run');
    assert.equal(taken(jobEvent()).kind, 'job');
    assert.equal(taken(datasetEvent()).kind, 'dataset');
    assert.equal(
      taken(datasetEvent({ inputs: 1 })).kind,
      'dataset',
      'fields that the kind does not have are not checked',
    );
    assert.equal(errorsOf(jobEvent({ run: null }))[0]?.location.join('.'), 'body.run');
  });

  for (const eventType of ['START', 'RUNNING', 'COMPLETE', 'ABORT', 'FAIL', 'OTHER', undefined]) {
    test(`accepts ${eventType ?? 'no'} eventType`, () =>
      assert.equal(taken(runEvent({ eventType })).kind, 'run'));
  }

  test('accepts fields that the specification does not know', () => {
    const extra = { a: [1, { b: null }], '': 0, __proto__: 5 };
    const event = runEvent({
      run: { ...runWith({}), extra },
      job: { namespace: 'jobs', name: 'own', extra, facets: {} },
      inputs: [{ ...dataset, extra, inputFacets: {} }],
      outputs: [{ ...dataset, outputFacets: { x: { ...facet, extra } } }],
      extra,
    });
    assert.deepEqual(deviationsOf(event), []);
  });

  test('accepts a name of a million characters', () => {
    assert.ok(keyOf(jobEvent({ job: { namespace: '', name: 'n'.repeat(1_000_000) } })).length > 1_000_000);
  });
});

suite('a deviation from the specification', () => {
  const cases: readonly (readonly [
    what: string,
    event: Parameters<typeof taken>[0],
    deviations: readonly Deviation[],
  ])[] = [
    ['nothing', runEvent(), []],
    ['no schemaURL', runEvent({ schemaURL: undefined }), ['schema_url_missing']],
    ['a schemaURL that is not a URI', runEvent({ schemaURL: 'RunEvent' }), ['schema_url_not_uri']],
    ...[
      ...['starrocks-openlineage-plugin/1.0.0', 'sqlmesh-openlineage', 'OpenLineage.io/website/blog', ''],
      ...['a:b c', '//x', 'ä:b', 'no uri 🦆', 'line\nend:x'],
    ].map(
      (producer) =>
        [`the producer ${JSON.stringify(producer)}`, runEvent({ producer }), ['producer_not_uri']] as const,
    ),
    [
      'a time without a zone',
      runEvent({ eventTime: '2026-11-22T10:15:30.123' }),
      ['event_time_without_zone'],
    ],
    ['a time without seconds', runEvent({ eventTime: '2026-11-22T10:15Z' }), ['event_time_form']],
    [
      'a time without a zone and without seconds',
      runEvent({ eventTime: '2026-11-22 10:15' }),
      ['event_time_without_zone', 'event_time_form'],
    ],
    [
      'a time with the id of a zone',
      runEvent({ eventTime: '2026-11-22T11:15:30.089+01:00[Europe/Paris]' }),
      ['event_time_zone_id'],
    ],
    [
      'a time with the id of a zone and without seconds',
      jobEvent({ eventTime: '2026-11-22T11:15Z[Europe/London]' }),
      ['event_time_form', 'event_time_zone_id'],
    ],
    [
      'a run id in upper case',
      runEvent({ run: { runId: '01990C5E-5D3B-7A4E-8C1F-6F2F1F6A2B3C' } }),
      ['run_id_form'],
    ],
    [
      'a run id without dashes',
      runEvent({ run: { runId: '01990c5e5d3b7a4e8c1f6f2f1f6a2b3c' } }),
      ['run_id_form'],
    ],
    [
      'a facet without _schemaURL',
      runEvent({ run: runWith({ x: { _producer: 'p' } }) }),
      ['facet_base_missing'],
    ],
    [
      'a facet without _producer',
      runEvent({ run: runWith({ x: { _schemaURL: 's' } }) }),
      ['facet_base_missing'],
    ],
    ['a bare facet of a job', jobEvent({ job: { ...dataset, facets: { x: {} } } }), ['facet_base_missing']],
    [
      'a bare facet of a dataset event',
      datasetEvent({ dataset: { ...dataset, facets: { x: {} } } }),
      ['facet_base_missing'],
    ],
    [
      'a bare facet of an input',
      runEvent({ inputs: [dataset, { ...dataset, inputFacets: { x: {} } }] }),
      ['facet_base_missing'],
    ],
    [
      'a bare facet of an output',
      runEvent({ outputs: [{ ...dataset, outputFacets: { ok: facet, x: {} } }] }),
      ['facet_base_missing'],
    ],
    [
      'two bare facets, counted once',
      runEvent({ run: runWith({ x: {}, y: {} }), inputs: [{ ...dataset, facets: { x: {} } }] }),
      ['facet_base_missing'],
    ],
    [
      'all that one event can have',
      runEvent({
        schemaURL: null,
        producer: '',
        eventTime: '2026-11-22 10:15',
        run: { runId: '01990C5E5D3B7A4E8C1F6F2F1F6A2B3C', facets: { x: {} } },
      }),
      [
        'schema_url_missing',
        'producer_not_uri',
        'event_time_without_zone',
        'event_time_form',
        'run_id_form',
        'facet_base_missing',
        'null_member',
      ],
    ],
  ];
  for (const [what, event, deviations] of cases) {
    test(`is counted: ${what}`, () => assert.deepEqual(deviationsOf(event), deviations));
  }

  test('has its kind in the table of deviations', () => {
    for (const deviation of cases.flatMap(([, , deviations]) => deviations))
      assert.ok(deviation in deviationKinds);
    const tested = new Set<string>(cases.flatMap(([, , deviations]) => deviations));
    assert.deepEqual(
      Object.keys(deviationKinds).filter((kind) => !tested.has(kind)),
      [],
      'a new kind needs a case here',
    );
    assert.equal(Object.keys(deviationKinds).length, 9);
  });

  for (const version of [1, 2, 3, 4, 5, 6, 7, 8]) {
    test(`is not a run id of version ${version}`, () => {
      assert.deepEqual(
        deviationsOf(runEvent({ run: { runId: `01990c5e-5d3b-${version}a4e-8c1f-6f2f1f6a2b3c` } })),
        [],
      );
    });
  }

  for (const { name, bytes } of recordings.filter((recording) => recording.name.includes('python-0.20'))) {
    test(`is the missing schemaURL of ${name}`, () => {
      assert.ok(deviationsOf(bytes).includes('schema_url_missing'));
    });
  }
});

suite('duplicate keys', () => {
  const start = '"eventTime":"2026-11-22T10:15:30Z","producer":"a:b"';

  test('count with their last value for the key of the record', () => {
    assert.equal(keyOf(`{${start},"job":{"namespace":"a","name":"first","name":"last"}}`), 'job:a/last');
    assert.equal(
      keyOf(`{${start},"job":{"namespace":"a","name":"first"},"job":{"namespace":"b","name":"c"}}`),
      'job:b/c',
    );
  });

  test('count with their last value when a name is written with escapes', () => {
    assert.equal(
      keyOf(`{${start},"job":{"namespace":"a","name":"first","n\\u0061me":"last"}}`),
      'job:a/last',
    );
    assert.equal(
      keyOf(`{${start},"job":{"namespace":"a","\\u006eame":"first","name":"last"}}`),
      'job:a/last',
    );
    assert.equal(
      keyOf(`{${start},"\\u006a\\u006F\\u0062":{"namespace":"a","name":"escaped"}}`),
      'job:a/escaped',
    );
  });

  test('count with their last value inside the parent facet', () => {
    const facets =
      '"parent":{"job":{"namespace":"a","name":"p"}},"parent":{"job":{"namespace":"a","name":"q"}}';
    const run = `"run":{"runId":"01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c","facets":{${facets}}}`;
    assert.equal(keyOf(`{${start},${run},"job":{"namespace":"a","name":"own"}}`), 'run:a/q');
  });

  test('count with their last value for the time', () => {
    const job = '"job":{"namespace":"a","name":"b"}';
    assert.equal(taken(`{${start},${job},"eventTime":"1970-01-01T00:00:01Z"}`).time, 1000);
    assert.equal(errorsOf(`{${start},${job},"eventTime":"never"}`)[0]?.code, 'datetime_from_date_parsing');
  });

  test('may have the names of inherited properties', () => {
    const odd = '"__proto__":{"namespace":"x","name":"y"},"constructor":1,"hasOwnProperty":2,"toString":3';
    assert.equal(keyOf(`{${start},${odd},"job":{${odd},"namespace":"a","name":"b"}}`), 'job:a/b');
    const { location, code } =
      errorsOf(`{${start},"job":{"__proto__":{"namespace":"x","name":"y"}}}`)[0] ?? {};
    assert.deepEqual([location, code], [['body', 'job', 'namespace'], 'missing']);
  });
});

suite('numbers and depth inside facets', () => {
  const withFacet = (json: string) =>
    JSON.stringify(jobEvent({ job: { namespace: 'a', name: 'b', facets: { x: { y: 'HERE' } } } })).replace(
      '"HERE"',
      json,
    );

  test('pass within the limits of consumers', () => {
    for (const json of [
      '1e400',
      '-0',
      '1'.repeat(1000),
      '9007199254740993',
      '[['.repeat(90) + ']]'.repeat(90),
    ]) {
      assert.equal(errorsOf(withFacet(json)).length, 0, json.slice(0, 50));
    }
  });

  test('are refused beyond these limits, with the reason and the place', () => {
    const deep = withFacet('['.repeat(200) + ']'.repeat(200));
    const long = withFacet('1'.repeat(1001));
    for (const [text, code, reason] of [
      [deep, 'json_too_deep', 'nested deeper than 200 levels'],
      [long, 'json_number_too_long', 'a number longer than 1000 characters'],
    ] as const) {
      for (const level of ['core', 'routing'] as const) {
        const [error, ...others] = errorsOf(text, level);
        assert.equal(others.length, 0);
        assert.equal(error?.code, code);
        assert.deepEqual(error.location, ['body']);
        assert.ok(error.message.startsWith(`Invalid JSON: ${reason} (line 1, column `), error.message);
      }
    }
  });
});
