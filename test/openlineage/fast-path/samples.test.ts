import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { scanArray, scanEvent } from '../../../src/openlineage/scanner.ts';
import { assertSameElements, outcomeOf } from './both-checks.ts';
import { batchExample, examples, recordings } from '../samples.ts';

suite('the fast path', () => {
  for (const { name, bytes } of examples) {
    test(`accepts ${name} with the result of the full check`, () =>
      assert.equal(outcomeOf(bytes), 'fast path'));
  }

  test(
    'accepts more than 99 % of the recorded events',
    { skip: recordings.length === 0 && 'there are no recordings' },
    () => {
      const left = recordings.filter(({ bytes }) => outcomeOf(bytes) !== 'fast path').map(({ name }) => name);
      assert.ok(left.length < recordings.length / 100, left.join());
    },
  );

  test('divides the batch, and accepts its events', () => {
    const spans = scanArray(batchExample)?.elements;
    assert.ok(spans && spans.length > 2);
    assert.ok(assertSameElements(batchExample));
    for (let i = 0; i < spans.length; i += 2) {
      assert.equal(outcomeOf(batchExample.subarray(spans[i], spans[i + 1])), 'fast path');
    }
  });

  test('accepts an event with any white space in it, before it and after it', () => {
    for (const { bytes } of examples) {
      const value: unknown = JSON.parse(bytes.toString());
      for (const indent of ['', ' ', '\t', '\n\r', '                 ']) {
        assert.equal(outcomeOf(`\r\n\t ${JSON.stringify(value, null, indent)} \n`), 'fast path');
      }
    }
  });

  test('accepts an event with escapes for all non-ASCII characters, as Python writes it', () => {
    for (const { name, bytes } of examples) {
      const escaped = bytes
        .toString()
        .replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
      // Events with escaped surrogate pairs in their names are left to the full check.
      assert.notEqual(outcomeOf(escaped), 'refused', name);
      if (!/\\ud[89a-f]/.test(escaped)) assert.equal(outcomeOf(escaped), 'fast path', name);
    }
  });

  test('refuses each part of an event, also when the rest is still in memory', () => {
    for (const { name, bytes } of examples.filter((example) => example.bytes.length < 10_000)) {
      const end = bytes.toString('latin1').trimEnd().length;
      for (let length = 0; length < end; length++) {
        scanEvent(bytes);
        if (scanEvent(bytes.subarray(0, length))) assert.fail(`${name}, ${length} bytes`);
      }
    }
  });

  test('refuses each part of an array, also when the rest is still in memory', () => {
    const text = Buffer.from('[{"a":[1,-2.5e+10,"\\u00e4\\n\\"",null,true,false]},{"":{}},[],"ä🦆",0]');
    for (let length = 0; length < text.length; length++) {
      assert.ok(assertSameElements(text));
      assert.ok(!assertSameElements(text.subarray(0, length)), String(length));
      // The end of the array instead of its beginning.
      assert.ok(!assertSameElements(text.subarray(text.length - length)), String(length));
    }
  });
});
