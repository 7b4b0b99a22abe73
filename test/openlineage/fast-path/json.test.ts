import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { checkTextFully } from '../../../src/openlineage/full-check.ts';
import { datasetEvent, jobEvent, runEvent, runWith } from '../events.ts';
import { invalidJson, invalidUtf8, validJson } from './json-texts.ts';
import { assertSameElements, fastPathAccepts, outcomeOf, withinText, withText } from './both-checks.ts';

const base = { _producer: 'a:b', _schemaURL: 'a:b' };
const dataset = { namespace: 'data', name: 'set' };

/** Places where any value may stand, because the scanner skips it. */
const anywhere: readonly (readonly [where: string, event: object])[] = [
  ['beside what is known', runEvent({ extra: 'HERE' })],
  ['in an array', runEvent({ extra: [1, 'HERE', {}] })],
  ['in an object', runEvent({ extra: { a: 'HERE', b: 1 } })],
  ['last in an object', runEvent({ extra: { a: { b: 'HERE' } } })],
  ['in the run', runEvent({ run: { ...runWith({}), extra: 'HERE' } })],
  ['in the job', jobEvent({ job: { ...dataset, extra: 'HERE' } })],
  ['in a facet', runEvent({ run: runWith({ x: { ...base, x: 'HERE' } }) })],
  ['in a bare facet', jobEvent({ job: { ...dataset, facets: { x: { x: [0, 'HERE'] } } } })],
  ['in the parent', runEvent({ run: runWith({ parent: { run: 'HERE' } }) })],
  ["in the parent's job", runEvent({ run: runWith({ parent: { job: { ...dataset, x: 'HERE' } } }) })],
  ['in the root', runEvent({ run: runWith({ parent: { root: { run: 'HERE' } } }) })],
  ['in a dataset read', runEvent({ inputs: [{ ...dataset, x: 'HERE' }, dataset] })],
  ['in a dataset written', datasetEvent({ outputs: [dataset, { x: 'HERE', ...dataset }] })],
];

/** Places where the scanner expects a certain type: both checks refuse a value that does not fit. */
const known: readonly (readonly [where: string, event: object])[] = [
  ['the type', runEvent({ eventType: 'HERE' })],
  ['the time', runEvent({ eventTime: 'HERE' })],
  ['the producer', runEvent({ producer: 'HERE' })],
  ['the schema', runEvent({ schemaURL: 'HERE' })],
  ['the run', runEvent({ run: 'HERE' })],
  ['its id', runEvent({ run: { runId: 'HERE' } })],
  ['its facets', runEvent({ run: runWith('HERE') })],
  ['a facet', runEvent({ run: runWith({ x: 'HERE', y: base }) })],
  ['the base of a facet', runEvent({ run: runWith({ x: { ...base, _producer: 'HERE' } }) })],
  ['the parent', runEvent({ run: runWith({ parent: 'HERE' }) })],
  ['its job', runEvent({ run: runWith({ parent: { job: 'HERE' } }) })],
  ["its job's name", runEvent({ run: runWith({ parent: { job: { ...dataset, name: 'HERE' } } }) })],
  ['its root', runEvent({ run: runWith({ parent: { root: 'HERE', job: dataset } }) })],
  ["its root's job", runEvent({ run: runWith({ parent: { root: { job: 'HERE' } } }) })],
  ['the job', jobEvent({ job: 'HERE' })],
  ['a name', jobEvent({ job: { ...dataset, name: 'HERE' } })],
  ['a namespace', datasetEvent({ dataset: { ...dataset, namespace: 'HERE' } })],
  ['the dataset', datasetEvent({ dataset: 'HERE' })],
  ['the datasets read', runEvent({ inputs: 'HERE' })],
  ['a dataset written', runEvent({ outputs: [dataset, 'HERE'] })],
  ['the facets of a dataset', datasetEvent({ dataset: { ...dataset, facets: 'HERE' } })],
  ['the facets of a side', runEvent({ inputs: [{ ...dataset, inputFacets: 'HERE' }] })],
];

suite('JSON on the fast path', () => {
  for (const [where, event] of anywhere) {
    test(`is accepted exactly when the full check accepts it: ${where}`, () => {
      for (const text of validJson) assert.equal(outcomeOf(withText(event, text)), 'fast path', text);
      for (const text of invalidJson) assert.equal(outcomeOf(withText(event, text)), 'refused', text);
      for (const bytes of invalidUtf8) {
        assert.equal(outcomeOf(withText(event, bytes)), 'refused');
        const quoted = Buffer.concat([Buffer.from('"a'), bytes, Buffer.from('b"')]);
        assert.equal(outcomeOf(withText(event, quoted)), 'refused');
      }
    });
  }

  for (const [where, event] of known) {
    test(`is never accepted when the full check refuses it: ${where}`, () => {
      for (const text of validJson) outcomeOf(withText(event, text));
      for (const text of invalidJson) assert.equal(outcomeOf(withText(event, text)), 'refused', text);
    });
  }

  test('is read correctly with escapes at each place of a string', () => {
    // The scanner reads 16 bytes at a time. So an escape stands at each place of them, and across their border.
    const event = runEvent({ extra: ['HERE', 1] });
    const escapes = ['\\"', '\\\\', '\\n', '\\/\\"', '\\\\\\"', '\\u0022', '\\"\\u00e9\\t', 'é\\"'];
    const wrong = ['"', '\\x', '\\"\\q', '\\u12g', '\\"\n', '\\\\\u0001', '\\"\u007f"'];
    for (let before = 0; before < 33; before++) {
      for (const after of ['', 'b', 'b'.repeat(14), '\\"'.repeat(9)]) {
        const around = (middle: string) => `"${'a'.repeat(before)}${middle}${after}"`;
        for (const escape of escapes) assert.equal(outcomeOf(withText(event, around(escape))), 'fast path');
        for (const text of wrong)
          assert.equal(outcomeOf(withText(event, around(text))), 'refused', around(text));
      }
    }
  });

  test('is not an event by itself', () => {
    for (const text of [...validJson, ...invalidJson]) assert.equal(outcomeOf(text), 'refused', text);
    for (const bytes of invalidUtf8) assert.equal(outcomeOf(bytes), 'refused');
  });

  test('is divided into elements when it is an array', () => {
    for (const text of validJson) {
      assert.equal(assertSameElements(Buffer.from(text)), text.trim().startsWith('['), text);
      assert.ok(assertSameElements(Buffer.from(`[${text}]`)), text);
      assert.ok(assertSameElements(Buffer.from(` [ 0,${text} , [${text}]\n, {"a":${text}}]`)), text);
    }
    for (const text of invalidJson) {
      assert.ok(!assertSameElements(Buffer.from(text)), text);
      assert.ok(!assertSameElements(Buffer.from(`[0,${text}]`)), text);
    }
  });

  test('is accepted exactly when the full check accepts it, in every array of six pieces', () => {
    const pieces = ['{', '}', '[', ']', ',', '"a":', '1'];
    for (let number = 0; number < pieces.length ** 6; number++) {
      // Each digit of the number, in base 7, selects a piece.
      let text = '';
      for (let rest = number, i = 0; i < 6; i++, rest = Math.floor(rest / pieces.length)) {
        text += pieces[rest % pieces.length] ?? '';
      }
      const bytes = Buffer.from(`[${text}]`);
      if (assertSameElements(bytes) !== (checkTextFully(bytes).errors === undefined)) assert.fail(text);
    }
  });

  test('with a byte order mark, or any other bytes around it, is refused', () => {
    const event = JSON.stringify(runEvent());
    for (const around of [
      '\ufeff',
      '\u0000',
      ',',
      '0',
      '""',
      '\u00a0',
      '\f',
      '\v',
      '{}',
      '}',
      ']',
      '[',
      '\u0000\u0000',
    ]) {
      assert.equal(outcomeOf(around + event), 'refused');
      assert.equal(outcomeOf(event + around), 'refused');
      assert.ok(!assertSameElements(Buffer.from(`${around}[]`)));
      assert.ok(!assertSameElements(Buffer.from(`[]${around}`)));
    }
  });

  test('may have any valid key where the scanner knows no keys', () => {
    const here = [
      runEvent({ extra: { HERE: 1, b: 2 } }),
      runEvent({ run: runWith({ x: { ...base, x: [{ HERE: 1 }] } }) }),
    ];
    for (const event of here) {
      for (const text of validJson.filter((one) => one.startsWith('"'))) {
        assert.equal(outcomeOf(withinText(event, text.slice(1, -1))), 'fast path', text);
      }
    }
    const knowing = [
      ...[runEvent({ HERE: 1 }), runEvent({ job: { ...dataset, HERE: 1 } })],
      runEvent({ run: runWith({ HERE: {} }) }),
      ...[runEvent({ run: runWith({ x: { HERE: 1 } }) }), runEvent({ inputs: [{ ...dataset, HERE: [] }] })],
    ];
    for (const event of [...here, ...knowing]) {
      for (const text of validJson.filter((one) => one.startsWith('"')))
        outcomeOf(withinText(event, text.slice(1, -1)));
      for (const text of ['"', '\\', '\\q', '\\u12', '\n', '\u0000', '":1,"', '":1,,"', '"x', '\\u00g0']) {
        outcomeOf(withinText(event, text));
      }
      for (const bytes of invalidUtf8) assert.equal(outcomeOf(withinText(event, bytes)), 'refused');
    }
  });
});

suite('blocks of 16 bytes on the fast path', () => {
  const pieces = [
    ...['ä', 'Ж', '\u0800', '\uffff', '🦆', '\u{10ffff}', '\u007f', '\u0080', 'äx', '🦆🦆', '\\u00e4', '\\"'],
    '\\\\',
    ...['\\n', '"', '\\', '\u0000', '\u001f', '\n', '\\u', '\\u0', '\\u00', '\\u000', '\\u000g', '\\x'],
    '\\ud800',
  ].map((piece) => Buffer.from(piece));

  test('agree with the full check when a rare byte is at any place in them', () => {
    const events = [
      runEvent({ extra: ['HERE'] }),
      jobEvent({ job: { ...dataset, name: 'HERE' } }),
      runEvent({ run: runWith({ parent: { job: { ...dataset, namespace: 'HERE' } } }) }),
    ];
    for (let before = 0; before < 34; before++) {
      for (const piece of [...pieces, ...invalidUtf8]) {
        for (const behind of [0, 1, 15, 16]) {
          const text = Buffer.concat([
            Buffer.from(`"${'x'.repeat(before)}`),
            piece,
            Buffer.from(`${'y'.repeat(behind)}"`),
          ]);
          for (const event of events) fastPathAccepts(withText(event, text));
          assertSameElements(Buffer.concat([Buffer.from('['), text, Buffer.from(']')]));
        }
      }
    }
  });

  test('do not hide a character that is cut off', () => {
    for (const character of ['ä', 'Ж', '\u0800', '🦆', '\u{10ffff}']) {
      const bytes = Buffer.from(character);
      for (let length = 1; length < bytes.length; length++) {
        for (let before = 0; before < 17; before++) {
          for (const next of ['', 'x', '"', '\\n', 'ä']) {
            const text = Buffer.concat([
              Buffer.from(`"${'x'.repeat(before)}`),
              bytes.subarray(0, length),
              Buffer.from(`${next}"`),
            ]);
            assert.ok(!fastPathAccepts(withText(runEvent({ extra: 'HERE' }), text)));
          }
        }
      }
    }
  });
});
