import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { describeErrors, type ValidationError } from '../../src/openlineage/validation-error.ts';
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
