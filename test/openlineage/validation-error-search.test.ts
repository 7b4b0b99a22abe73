import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MAX_ERRORS } from '../../src/openlineage/validation-error.ts';
import { datasetEvent, errorsOf, jobEvent, runEvent, runWith } from './events.ts';

type Given = Parameters<typeof errorsOf>[0];
type Line = readonly [location: string, code: string];

const linesOf = (event: Given, level?: 'routing'): Line[] =>
  errorsOf(event, level).map(({ location, code }) => [location.join('.'), code]);

const dataset = { namespace: 'data', name: 'set' };

suite('a validation error', () => {
  const cases: readonly (readonly [
    what: string,
    event: Given,
    location: readonly (string | number)[],
    code: string,
    message: string,
    input: unknown,
  ])[] = [
    ['a missing field', runEvent({ run: {} }), ['run', 'runId'], 'missing', 'Field required', {}],
    [
      'null for a text',
      runEvent({ producer: null }),
      ['producer'],
      'string_type',
      'Input should be a valid string',
      null,
    ],
    [
      'a number for a text',
      runEvent({ schemaURL: 7 }),
      ['schemaURL'],
      'string_type',
      'Input should be a valid string',
      7,
    ],
    [
      'an object for a text',
      jobEvent({ job: { namespace: { a: 1 }, name: 'n' } }),
      ['job', 'namespace'],
      'string_type',
      'Input should be a valid string',
      { a: 1 },
    ],
    [
      'a text for an object',
      runEvent({ job: 'j' }),
      ['job'],
      'dict_type',
      'Input should be a valid object',
      'j',
    ],
    [
      'an array for an object',
      runEvent({ run: [] }),
      ['run'],
      'dict_type',
      'Input should be a valid object',
      [],
    ],
    [
      'null for an object',
      datasetEvent({ dataset: null }),
      ['dataset'],
      'dict_type',
      'Input should be a valid object',
      null,
    ],
    [
      'an object for an array',
      runEvent({ inputs: {} }),
      ['inputs'],
      'list_type',
      'Input should be a valid array',
      {},
    ],
    [
      'a text for an array',
      runEvent({ outputs: 'null' }),
      ['outputs'],
      'list_type',
      'Input should be a valid array',
      'null',
    ],
    [
      'null for a dataset',
      runEvent({ outputs: [null] }),
      ['outputs', 0],
      'dict_type',
      'Input should be a valid object',
      null,
    ],
    [
      'a dataset that is a number',
      jobEvent({ inputs: [dataset, 1] }),
      ['inputs', 1],
      'dict_type',
      'Input should be a valid object',
      1,
    ],
    [
      'a run id that is not a UUID',
      runEvent({ run: { runId: 'x' } }),
      ['run', 'runId'],
      'uuid_parsing',
      'Input should be a valid UUID',
      'x',
    ],
    [
      'a run id of one digit too many',
      runEvent({ run: { runId: '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3cd' } }),
      ['run', 'runId'],
      'uuid_parsing',
      'Input should be a valid UUID',
      '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3cd',
    ],
    [
      'a run id with some dashes',
      runEvent({ run: { runId: '01990c5e-5d3b7a4e8c1f6f2f1f6a2b3c' } }),
      ['run', 'runId'],
      'uuid_parsing',
      'Input should be a valid UUID',
      '01990c5e-5d3b7a4e8c1f6f2f1f6a2b3c',
    ],
    [
      'a time on a 30th of February',
      datasetEvent({ eventTime: '2026-02-30T00:00:00Z' }),
      ['eventTime'],
      'datetime_from_date_parsing',
      'Input should be a valid date and time (RFC 3339)',
      '2026-02-30T00:00:00Z',
    ],
    [
      'half of a surrogate pair in a producer',
      jobEvent({ producer: 'x\ud800' }),
      ['producer'],
      'string_unicode',
      'Input should be a valid string: it has half of a surrogate pair (a cut emoji, or text that was not UTF-8)',
      'x\ud800',
    ],
    [
      'half of a surrogate pair in a schemaURL',
      jobEvent({ schemaURL: '\udc00' }),
      ['schemaURL'],
      'string_unicode',
      'Input should be a valid string: it has half of a surrogate pair (a cut emoji, or text that was not UTF-8)',
      '\udc00',
    ],
    [
      'false for a schemaURL',
      jobEvent({ schemaURL: false }),
      ['schemaURL'],
      'string_type',
      'Input should be a valid string',
      false,
    ],
    [
      'an unknown eventType',
      runEvent({ eventType: 'start' }),
      ['eventType'],
      'enum',
      "Input should be 'START', 'RUNNING', 'COMPLETE', 'ABORT', 'FAIL' or 'OTHER'",
      'start',
    ],
    [
      'an empty eventType',
      runEvent({ eventType: '' }),
      ['eventType'],
      'enum',
      "Input should be 'START', 'RUNNING', 'COMPLETE', 'ABORT', 'FAIL' or 'OTHER'",
      '',
    ],
    [
      'facets that are an array',
      runEvent({ run: runWith([]) }),
      ['run', 'facets'],
      'dict_type',
      'Input should be a valid object',
      [],
    ],
    [
      'facets that are a number',
      runEvent({ run: runWith(0) }),
      ['run', 'facets'],
      'dict_type',
      'Input should be a valid object',
      0,
    ],
    [
      'a facet that is false',
      runEvent({ run: runWith({ f: false }) }),
      ['run', 'facets', 'f'],
      'dict_type',
      'Input should be a valid object',
      false,
    ],
    [
      'a facet with an odd name',
      runEvent({ run: runWith({ 'a/b~c': 1 }) }),
      ['run', 'facets', 'a/b~c'],
      'dict_type',
      'Input should be a valid object',
      1,
    ],
    [
      'a facet of a job',
      jobEvent({ job: { ...dataset, facets: { f: 'x' } } }),
      ['job', 'facets', 'f'],
      'dict_type',
      'Input should be a valid object',
      'x',
    ],
    [
      'a facet of a dataset event',
      datasetEvent({ dataset: { ...dataset, facets: { f: [] } } }),
      ['dataset', 'facets', 'f'],
      'dict_type',
      'Input should be a valid object',
      [],
    ],
    [
      'a facet of an input',
      runEvent({ inputs: [{ ...dataset, inputFacets: { f: true } }] }),
      ['inputs', 0, 'inputFacets', 'f'],
      'dict_type',
      'Input should be a valid object',
      true,
    ],
    [
      'a facet of an output',
      runEvent({ outputs: [{ ...dataset, outputFacets: { f: 1 } }] }),
      ['outputs', 0, 'outputFacets', 'f'],
      'dict_type',
      'Input should be a valid object',
      1,
    ],
    ['an array for an event', '[]', [], 'dict_type', 'Input should be a valid object', []],
    ['null for an event', 'null', [], 'dict_type', 'Input should be a valid object', null],
    ['a text for an event', '"{}"', [], 'dict_type', 'Input should be a valid object', '{}'],
    [
      'a number for an event',
      '1e400',
      [],
      'dict_type',
      'Input should be a valid object',
      Number.POSITIVE_INFINITY,
    ],
    ['no body', '', [], 'json_invalid', 'The body is empty', null],
  ];
  for (const [what, event, path, code, message, input] of cases) {
    test(`has a location, a code and the value: ${what}`, () => {
      const expected = code === 'enum' ? { expected: message.replace('Input should be ', '') } : {};
      assert.deepEqual(errorsOf(event), [
        { location: ['body', ...path], message, code, context: expected, input },
      ]);
    });
  }

  test('of the JSON has the line, the column and the text there', () => {
    assert.deepEqual(errorsOf('{\r\n "ä🦆": 1,\n "b" 2}'), [
      {
        location: ['body'],
        message: 'Invalid JSON: ":" after the key is expected (line 3, column 6)',
        code: 'json_invalid',
        context: { offset: 22, line: 3, column: 6 },
        input: '2}',
      },
    ]);
  });
});

suite('the list of errors', () => {
  test('has every validation error of an event', () => {
    const event = {
      eventType: 'BEGIN',
      eventTime: 'now',
      schemaURL: 0,
      run: { runId: 1, facets: { a: 1, b: {}, c: [] } },
      job: { name: '\ud800', facets: 'x' },
      inputs: [{}, 'x', { namespace: 'a', name: 'b', facets: { f: 0 } }],
      outputs: 0,
    };
    const expected: Line[] = [
      ['body.producer', 'missing'],
      ['body.eventType', 'enum'],
      ['body.eventTime', 'datetime_from_date_parsing'],
      ['body.schemaURL', 'string_type'],
      ['body.run.runId', 'string_type'],
      ['body.run.facets.a', 'dict_type'],
      ['body.run.facets.c', 'dict_type'],
      ['body.job.namespace', 'missing'],
      ['body.job.name', 'string_unicode'],
      ['body.job.facets', 'dict_type'],
      ['body.inputs.0.namespace', 'missing'],
      ['body.inputs.0.name', 'missing'],
      ['body.inputs.1', 'dict_type'],
      ['body.inputs.2.facets.f', 'dict_type'],
      ['body.outputs', 'list_type'],
    ];
    assert.deepEqual(linesOf(event).sort(), expected.toSorted());
  });

  test('of an empty object has the required fields of a run event', () => {
    const missing = ['eventTime', 'producer', 'run', 'job'].map((field): Line => [
      `body.${field}`,
      'missing',
    ]);
    assert.deepEqual(linesOf({}), missing);
  });

  test('of a job event or a dataset event has only its own fields', () => {
    assert.deepEqual(linesOf({ job: { namespace: 'a', name: 'b' } }), [
      ['body.eventTime', 'missing'],
      ['body.producer', 'missing'],
    ]);
    assert.deepEqual(linesOf({ dataset: {}, eventTime: '2026-11-22T10:15:30Z', producer: 'a:b' }), [
      ['body.dataset.namespace', 'missing'],
      ['body.dataset.name', 'missing'],
    ]);
  });

  test('at level routing has only the fields of key and time', () => {
    const sloppy = { run: 1, job: { namespace: 'a', name: 'b' }, inputs: 5, eventType: 'x', producer: null };
    assert.deepEqual(linesOf({ ...sloppy, eventTime: '2026-11-22T10:15:30Z' }, 'routing'), []);
    assert.deepEqual(linesOf(sloppy, 'routing'), [['body.eventTime', 'missing']]);
    assert.deepEqual(linesOf({ ...sloppy, eventTime: 'x', job: {} }, 'routing').sort(), [
      ['body.eventTime', 'datetime_from_date_parsing'],
      ['body.job.name', 'missing'],
      ['body.job.namespace', 'missing'],
    ]);
    assert.deepEqual(linesOf({ eventTime: '2026-11-22T10:15:30Z', dataset: { name: 'a' } }, 'routing'), [
      ['body.dataset.namespace', 'missing'],
    ]);
  });
});

suite('the list of very many errors', () => {
  const size = 5 * 1024 * 1024;
  const event = JSON.stringify(runEvent({ inputs: ['HERE'] }));
  const filledWith = (piece: string) =>
    event.replace('"HERE"', () =>
      Array.from({ length: Math.floor(size / (piece.length + 1)) }, () => piece).join(','),
    );

  const bodies: readonly (readonly [what: string, piece: string])[] = [
    ['values that are not datasets', '1'],
    ['empty datasets', '{}'],
    ['datasets with wrong facets', '{"namespace":1,"name":2,"facets":{"a":1,"b":2}}'],
    ['long texts', `"${'ä'.repeat(50_000)}"`],
    ['large facets', `{"namespace":[${'{"a":1},'.repeat(1000)}0],"name":"${'n'.repeat(10_000)}"}`],
    ['facets with long names', `{"namespace":"a","name":"b","facets":{"${'f'.repeat(20_000)}":0}}`],
  ];
  for (const [what, piece] of bodies) {
    test(`ends at ${MAX_ERRORS} errors and stays small: ${what}`, () => {
      const errors = errorsOf(filledWith(piece));
      assert.equal(errors.length, MAX_ERRORS);
      const answer = JSON.stringify(errors).length;
      assert.ok(answer < 200_000, `${answer} bytes`);
    });
  }

  test(`ends at ${MAX_ERRORS} errors within one object`, () => {
    const facets = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`facet${i}`, i]));
    assert.equal(errorsOf(runEvent({ run: runWith(facets) })).length, MAX_ERRORS);
  });

  test('shows the beginning of a long text', () => {
    const [error] = errorsOf(runEvent({ eventType: 'x'.repeat(100_000) }));
    assert.equal(error?.input, `${'x'.repeat(200)}…`);
  });

  test('shows the outline of a large value', () => {
    const [error] = errorsOf(runEvent({ producer: { a: [1], b: { c: 1 }, d: [], e: {}, f: 'x' } }));
    assert.deepEqual(error?.input, { a: '[…]', b: '{…}', d: [], e: {}, f: 'x' });
  });
});
