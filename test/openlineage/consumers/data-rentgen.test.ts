import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { consumers } from '../../../src/openlineage/consumers/consumer.ts';
import { parseEvent } from '../../../src/openlineage/levels/event-value.ts';
import { searchAtOnce } from '../../../src/openlineage/levels/level-check.ts';
import { fullEvent } from '../../../tools/compat/profiles/events.ts';
import { datasetEvent, jobEvent, runEvent, runWith } from '../events.ts';

const OTHER_RUN = '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c';

/** `reason: location: code` of each objection. */
function objectionsTo(event: object | string): readonly string[] {
  const bytes = Buffer.from(typeof event === 'string' ? event : JSON.stringify(event));
  const { objections } = searchAtOnce(consumers['data-rentgen'].search(parseEvent(bytes), bytes));
  return objections.map(({ reason, location, code }) => `${reason}: ${location.join('.')}: ${code}`);
}

/** An event with a member at this path set to JSON text, which may have numbers that JavaScript cannot write. */
function withText(path: string, text: string): string {
  // Not structuredClone: it would keep that two parts are one object.
  const event: unknown = JSON.parse(JSON.stringify(fullEvent));
  const names = path.split('.');
  const last = names.pop() ?? '';
  let at: unknown = event;
  for (const name of names) at = Reflect.get(Object(at), name);
  Reflect.set(Object(at), last, '@@');
  return JSON.stringify(event).replace('"@@"', () => text);
}

const DAG = 'run.facets.airflow';
const TIMES = `${DAG}.dagRun.data_interval_end`;
const ENGINE = 'run.facets.processing_engine.version';
const ROWS = 'inputs.0.inputFacets.inputStatistics.rowCount';

// What pydantic 2.13.5 made of each of these on CPython 3.12.1. `make compat` asks it again.
const taken: Readonly<Record<string, readonly string[]>> = {
  'run.runId': [
    '"019867D4A41175A58514C46733CE4A42"',
    '"{019867d4-a411-75a5-8514-c46733ce4a42}"',
    '"urn:uuid:019867d4-a411-75a5-8514-c46733ce4a42"',
  ],
  eventTime: [
    '"2026-01-01"',
    '"2026-01-01_00:00"',
    '1700000000',
    '"1700000000.5"',
    '"2026-01-01T00:00:00,5+0530"',
  ],
  [ROWS]: ['null', '1.0', 'true', '"1_000"', '" 7 "', '"000__1.00"', '12345678901234567890', '-0.0'],
  [`${DAG}.taskInstance.try_number`]: ['"-1"', '-12345678901234567890', 'false', '9.2e18'],
  'outputs.0.facets.columnLineage.fields.a.inputFields.0.transformations.0.masking': [
    '1',
    '"oN"',
    '0.0',
    '"f"',
  ],
  [ENGINE]: ['"3.5-SNAPSHOT"', '" v476 "', '"1.0rc1"', '"1!2.0.post1.dev3+abc.1"', '"3.3.2.3-274"'],
  [`${DAG}.dag.tags`]: [
    '[]',
    '"[\'a\', \\"b\\"]"',
    '"(\'a\',)"',
    '"a b"',
    '""',
    '"[\'a\'"',
    '"{\'a\'}"',
    '"[b\'a\']"',
  ],
  [TIMES]: ['253402300799999', '"1.0e15"', '"-62135596800"'],
  'run.facets.parent': ['null'],
  'run.facets.dataRentgen_run.start_reason': ['null', '"AUTOMATIC"'],
};
const aside: Readonly<Record<string, readonly string[]>> = {
  'run.runId': [
    '"019867d4-a411-45a5-8514-c46733ce4a42"',
    '"019867d4-a411-75a5-c514-c46733ce4a42"',
    '"{019867d4a41175a58514c46733ce4a42}"',
    '"URN:UUID:019867d4-a411-75a5-8514-c46733ce4a42"',
  ],
  eventTime: [
    '"2026-01-01T00:00:60Z"',
    '"0000-01-01"',
    '"2026-01-01T00:00:00Z[Europe/Paris]"',
    '"2026-01-01T00:00:00+02"',
    '"1e9"',
    'true',
  ],
  eventType: ['null', '"start"'],
  [ROWS]: ['-1', '"-1"', '1.5', '9.3e18', '1e400', '"1__0"', '"1."', '"0x1"', '[]'],
  [`${DAG}.taskInstance.try_number`]: ['null', '"+-1"', '-9.3e18'],
  'outputs.0.facets.columnLineage.fields.a.inputFields.0.transformations.0.masking': ['null', '2', '" true"'],
  [ENGINE]: ['"3.5.1-amzn-0"', '"1..0"', 'null', '3.5', '""'],
  [`${DAG}.dag.tags`]: ['null', '5', '[1]', '"daily"', '"a,b"', '"[1]"', '"\'a\'"', '"{}"', '{}'],
  [TIMES]: ['253402300800000', '1e15', '"1.0e18"', '"-62135596800001"'],
  'run.facets': ['null'],
  inputs: ['null', '{}'],
  'run.facets.dataRentgen_run.start_reason': ['"manual"'],
  'job.facets.jobType.processingType': ['null', '"batch"'],
};

suite("the profile of Data.Rentgen's consumer", () => {
  test('takes an event with everything that the consumer reads', () => {
    assert.deepEqual(objectionsTo(fullEvent), []);
    assert.deepEqual(objectionsTo(runEvent()), []);
  });

  for (const [path, texts] of Object.entries(taken)) {
    test(`takes what pydantic converts at ${path}`, () => {
      for (const text of texts) assert.deepEqual(objectionsTo(withText(path, text)), [], text);
    });
  }

  for (const [path, texts] of Object.entries(aside)) {
    test(`objects to what pydantic refuses at ${path}`, () => {
      for (const text of texts) {
        const found = objectionsTo(withText(path, text));
        assert.equal(found.length, 1, text);
        assert.match(found[0] ?? '', new RegExp(`: body\\.${path.replaceAll('.', '\\.')}: `), text);
      }
    });
  }

  test('names the reason: the kind, the type, the run id, a facet', () => {
    assert.deepEqual(objectionsTo(jobEvent()), ['job_event: body: event_kind']);
    assert.deepEqual(objectionsTo(datasetEvent()), ['dataset_event: body: event_kind']);
    assert.deepEqual(objectionsTo(runEvent({ eventType: undefined })), [
      'event_type: body.eventType: missing',
    ]);
    assert.deepEqual(objectionsTo(runEvent({ run: { runId: OTHER_RUN.replace('7', '4') } })), [
      'run_id: body.run.runId: uuid_version',
    ]);
    const parent = { job: { namespace: 'a', name: 'b' }, run: { runId: 'x' } };
    assert.deepEqual(objectionsTo(runEvent({ run: runWith({ parent }) })), [
      'parent: body.run.facets.parent.run.runId: uuid_parsing',
    ]);
    assert.deepEqual(objectionsTo(runEvent({ inputs: [{ namespace: 'a', name: 'b', facets: null }] })), [
      'dataset_facet: body.inputs.0.facets: model_type',
    ]);
  });

  test('objects to half of a surrogate pair anywhere in the text', () => {
    const half = JSON.stringify(runEvent({ extra: 'x' }));
    for (const [escape, isHalf] of [
      ['\\ud800', true],
      ['\\uDC00', true],
      ['\\ud83d\\ud83d\\ude00', true],
      ['\\ud83d\\ude00', false],
      ['\\\\ud800', false],
      ['\\u0041', false],
    ] as const) {
      const found = objectionsTo(half.replace('"x"', () => `"${escape}"`));
      assert.deepEqual(found, isHalf ? ['half_surrogate_pair: body: json_invalid'] : [], escape);
    }
  });
});
