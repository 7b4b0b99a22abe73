import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { scanEvent } from '../../../src/openlineage/scanner.ts';
import { datasetEvent, jobEvent, runEvent, runWith } from '../events.ts';
import { fastPathAccepts, outcomeOf } from './both-checks.ts';

const thing = { namespace: 'data', name: 'set' };

suite('the kind of an event on the fast path', () => {
  const run = { runId: '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c' };

  test('follows from its fields', () => {
    const kinds = { run: runEvent(), job: jobEvent(), dataset: datasetEvent() };
    for (const [kind, event] of Object.entries(kinds)) {
      assert.equal(outcomeOf(JSON.stringify(event)), 'fast path');
      assert.equal(scanEvent(Buffer.from(JSON.stringify(event)))?.kind, kind);
    }
  });

  test('is the same as in the full check for all fields in any order', () => {
    const choices = [
      [undefined, run, { ...run, facets: {} }, {}, null, [], 1, { runId: 1 }],
      [undefined, thing, { namespace: 'a' }, {}, null, [], 'job'],
      [undefined, thing, { name: 'a' }, null, 1],
      [undefined, [], [thing], [{}], {}, null],
    ];
    const [runs = [], jobs = [], datasets = [], sides = []] = choices;
    for (const inputs of sides) {
      for (const dataset of datasets) {
        for (const job of jobs) {
          for (const one of runs) {
            const event = jobEvent({ eventType: 'START', run: one, job, dataset, inputs, outputs: inputs });
            fastPathAccepts(Buffer.from(JSON.stringify(event)));
            const turned = Object.fromEntries(Object.entries(event).reverse());
            fastPathAccepts(Buffer.from(JSON.stringify(turned)));
          }
        }
      }
    }
  });

  test('needs its required fields', () => {
    for (const event of [runEvent(), jobEvent(), datasetEvent()]) {
      for (const field of Object.keys(event)) {
        const outcome = outcomeOf(JSON.stringify({ ...event, [field]: undefined }));
        const optional =
          field === 'eventType' || field === 'schemaURL' || (field === 'run' && 'job' in event);
        assert.equal(outcome, optional ? 'fast path' : 'refused', field);
      }
    }
    for (const field of ['namespace', 'name']) {
      const incomplete = { ...thing, [field]: undefined };
      for (const event of [jobEvent({ job: incomplete }), datasetEvent({ dataset: incomplete })]) {
        assert.equal(outcomeOf(JSON.stringify(event)), 'refused');
      }
      // The fields of one dataset do not count for the next.
      assert.equal(outcomeOf(JSON.stringify(runEvent({ inputs: [thing, incomplete] }))), 'refused');
      assert.equal(
        outcomeOf(JSON.stringify(runEvent({ inputs: [thing], outputs: [incomplete] }))),
        'refused',
      );
    }
  });
});

suite('a field that comes twice on the fast path', () => {
  const values = {
    eventTime: ['"2026-11-22T10:15:30Z"', '"1999-01-01T00:00:00"', 'null'],
    eventType: ['"START"', '"FAIL"', '"no"'],
    producer: ['"a:b"', '"c:d"', '""'],
    schemaURL: ['"a:b"', '"c:d"', '1'],
    run: [JSON.stringify(runWith({})), JSON.stringify(runWith({ x: {} })), '{}', 'null'],
    job: [JSON.stringify(thing), '{"namespace":"x","name":"y"}', '{}', 'null'],
    dataset: [JSON.stringify(thing), '{"namespace":"x","name":"y"}', '{}'],
    inputs: ['[]', `[${JSON.stringify({ ...thing, facets: { x: {} } })}]`, 'null', '[null]'],
    outputs: ['[]', `[${JSON.stringify({ ...thing, outputFacets: { x: {} } })}]`, '{}'],
    runId: [`"${'0'.repeat(32)}"`, '"01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c"', '1'],
    facets: ['{}', '{"x":{}}', '[]', '{"parent":{"job":{"namespace":"x","name":"y"}}}', '{"x":1}'],
    inputFacets: ['{}', '{"x":{}}', '[]'],
    outputFacets: ['{}', '{"x":{}}', '[]'],
    namespace: ['"a"', '"b"', '1', '"\\ud800"'],
    name: ['"a"', '"\\n"', '""', 'null'],
  };
  const places = [
    ...[runEvent(), jobEvent(), datasetEvent()].map((event) => ({ ...event, HERE: 0 })),
    runEvent({ run: { ...runWith({}), HERE: 0 } }),
    ...[runEvent({ job: { ...thing, HERE: 0 } }), jobEvent({ job: { HERE: 0, ...thing } })],
    ...[datasetEvent({ dataset: { ...thing, HERE: 0 } }), datasetEvent({ dataset: { HERE: 0 } })],
    ...[runEvent({ inputs: [{ ...thing, HERE: 0 }] }), runEvent({ outputs: [{ HERE: 0, ...thing }] })],
  ];

  test('gives the same result as in the full check, or is left to it, with or without escapes in its name', () => {
    for (const place of places) {
      for (const [field, texts] of Object.entries(values)) {
        const escaped = `\\u00${field.charCodeAt(0).toString(16)}${field.slice(1)}`;
        for (const one of texts) {
          for (const other of texts) {
            for (const [a, b] of [
              [field, field],
              [field, escaped],
              [escaped, field],
              [escaped, 'x'],
            ] as const) {
              const members = `"${a}":${one},"${b}":${other}`;
              fastPathAccepts(withMembers(place, members));
              fastPathAccepts(withMembers(place, `${members},"${field}":${one}`));
            }
          }
        }
      }
    }
  });

  /** Replaces the member HERE by other members. */
  function withMembers(event: object, members: string): Buffer {
    return Buffer.from(JSON.stringify(event).replace('"HERE":0', () => members));
  }
});
