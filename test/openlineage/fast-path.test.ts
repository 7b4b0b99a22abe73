import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { scanArray, scanEvent } from '../../src/openlineage/fast-path.ts';
import { assertArraysAlike, outcomeOf } from './both-checks.ts';
import { batchExample, examples, recordings } from './samples.ts';

suite('the fast lane', () => {
  for (const { name, bytes } of examples) {
    test(`takes ${name}, and finds what the explaining lane finds`, () =>
      assert.equal(outcomeOf(bytes), 'fast'));
  }

  test(
    'takes nearly all that was recorded',
    { skip: recordings.length === 0 && 'there are no recordings' },
    () => {
      const left = recordings.filter(({ bytes }) => outcomeOf(bytes) !== 'fast').map(({ name }) => name);
      assert.ok(left.length < recordings.length / 100, left.join());
    },
  );

  test('divides the batch, and takes its events', () => {
    const spans = scanArray(batchExample);
    assert.ok(spans && spans.length > 2);
    assert.ok(assertArraysAlike(batchExample));
    for (let i = 0; i < spans.length; i += 2) {
      assert.equal(outcomeOf(batchExample.subarray(spans[i], spans[i + 1])), 'fast');
    }
  });

  test('takes an event whatever space is in it, in front of it and behind it', () => {
    for (const { bytes } of examples) {
      const value: unknown = JSON.parse(bytes.toString());
      for (const indent of ['', ' ', '\t', '\n\r', '                 ']) {
        assert.equal(outcomeOf(`\r\n\t ${JSON.stringify(value, null, indent)} \n`), 'fast');
      }
    }
  });

  test('takes an event whose texts are all escaped, as Python does with what is not ASCII', () => {
    for (const { name, bytes } of examples) {
      const escaped = bytes
        .toString()
        .replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
      // What has pairs of surrogates in its names is looked at twice.
      assert.notEqual(outcomeOf(escaped), 'refused', name);
      if (!/\\ud[89a-f]/.test(escaped)) assert.equal(outcomeOf(escaped), 'fast', name);
    }
  });

  test('takes no part of an event, whatever was behind it in memory before', () => {
    for (const { name, bytes } of examples.filter((example) => example.bytes.length < 10_000)) {
      const end = bytes.toString('latin1').trimEnd().length;
      for (let length = 0; length < end; length++) {
        scanEvent(bytes);
        if (scanEvent(bytes.subarray(0, length))) assert.fail(`${name}, ${length} bytes`);
      }
    }
  });

  test('divides no part of an array, whatever was behind it in memory before', () => {
    const text = Buffer.from('[{"a":[1,-2.5e+10,"\\u00e4\\n\\"",null,true,false]},{"":{}},[],"ä🦆",0]');
    for (let length = 0; length < text.length; length++) {
      assert.ok(assertArraysAlike(text));
      assert.ok(!assertArraysAlike(text.subarray(0, length)), String(length));
      // As part of what is longer than it.
      assert.ok(!assertArraysAlike(text.subarray(text.length - length)), String(length));
    }
  });
});
