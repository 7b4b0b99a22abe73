import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  describeErrors,
  excerpt,
  fitErrors,
  MAX_ERROR_BYTES,
  MAX_ERRORS,
  type ValidationError,
} from '../../src/openlineage/validation-error.ts';
import { errorsOf, runEvent, runWith } from './events.ts';

const errorAt = (...location: ValidationError['location']): ValidationError => ({
  location: ['body', ...location],
  message: 'Field required',
  code: 'missing',
  context: {},
  input: { password: 'secret' },
});

suite('the description of validation errors', () => {
  test('has the locations and messages in one line', () => {
    assert.equal(
      describeErrors([errorAt('run', 'runId'), errorAt('inputs', 0, 'name')]),
      'body.run.runId: Field required; body.inputs.0.name: Field required',
    );
  });

  test('has five errors, and the number of the others', () => {
    const errors = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((field) => errorAt(field));
    const shown = ['a', 'b', 'c', 'd', 'e'].map((field) => `body.${field}: Field required`).join('; ');
    assert.equal(describeErrors(errors.slice(0, 5)), shown);
    assert.equal(describeErrors(errors), `${shown}; and 2 more`);
  });

  test('has no values of the event', () => {
    const described = describeErrors(errorsOf(runEvent({ eventType: 'secret', eventTime: 'secret' })));
    assert.match(described, /^body\.eventTime: .*; body\.eventType: /);
    assert.ok(!described.includes('secret'), described);
  });

  test('stays one line when the name of a facet has line ends and control characters', () => {
    const described = describeErrors(errorsOf(runEvent({ run: runWith({ 'a\r\nb\u001b\u2028c': 1 }) })));
    assert.equal(described, 'body.run.facets.a\ufffd\ufffdb\ufffd\ufffdc: Input should be a valid object');
  });
});

suite('the errors of an answer', () => {
  const wide = (character: string) => Array.from({ length: 20 }, (_, i) => `${character.repeat(250)}${i}`);
  const errorsWith = (input: unknown, key: string, count = MAX_ERRORS): ValidationError[] =>
    Array.from({ length: count }, (_, i) => ({
      ...errorAt('inputs', 1_000_000 + i, 'inputFacets', key),
      message: "Input should be 'START', 'RUNNING', 'COMPLETE', 'ABORT', 'FAIL' or 'OTHER'",
      context: { expected: "'START', 'RUNNING', 'COMPLETE', 'ABORT', 'FAIL' or 'OTHER'" },
      input,
    }));

  for (const character of ['x', '\u0001', '"', 'ä', '\u2028', '\ud83d\ude00', '\ud800']) {
    test(`fit, whatever the texts are: ${JSON.stringify(character)}`, () => {
      for (const input of [
        wide(character),
        { [character.repeat(1000)]: wide(character) },
        character.repeat(9999),
      ]) {
        for (const count of [1, 3, 30, MAX_ERRORS, 1000]) {
          const errors = errorsWith(excerpt(input), character.repeat(1000), count);
          const fitted = fitErrors(errors);
          assert.equal(fitted.length, Math.min(count, MAX_ERRORS));
          const bytes = Buffer.byteLength(JSON.stringify(fitted));
          assert.ok(bytes <= MAX_ERROR_BYTES, `${bytes} bytes of ${count} errors`);
          for (const [i, { location, code }] of fitted.entries()) {
            assert.deepEqual([location[2], code], [1_000_000 + i, 'missing']);
          }
        }
      }
    });
  }

  test('are as they are while they are small', () => {
    const errors = errorsWith({ a: 'x', b: '[…]', c: [] }, 'facet', 50);
    assert.deepEqual(fitErrors(errors), errors);
  });

  test('show texts that are cut at a code point', () => {
    for (const filler of ['', 'x']) {
      const shown = excerpt(`${filler}${'\ud83d\ude00'.repeat(1000)}`);
      assert.ok(typeof shown === 'string' && shown.isWellFormed(), String(shown));
    }
    const [fitted] = fitErrors(errorsWith(null, `xy${'\ud83d\ude00'.repeat(100)}`, 1), 100);
    assert.ok(String(fitted?.location.at(-1)).isWellFormed());
  });
});
