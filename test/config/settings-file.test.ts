import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { readSettingsFile } from '../../src/config/sources/settings-file.ts';

function valuesOf(text: string): Record<string, unknown> {
  const { written, errors } = readSettingsFile('app.yaml', text);
  assert.deepEqual(errors, []);
  return Object.fromEntries([...written].map(([name, { value }]) => [name, value]));
}

function errorsOf(text: string): readonly string[] {
  return readSettingsFile('app.yaml', text).errors.map(({ place, message }) => `${place}: ${message}`);
}

suite('a configuration file', () => {
  test('may nest its sections, write full names, or both', () => {
    const text =
      'server:\n  port: 1\n  cors:\n    enabled: true\n  cors.allow_origins: ["*"]\ncheck.level: core\n';
    assert.deepEqual(valuesOf(text), {
      'server.port': 1,
      'server.cors.enabled': true,
      'server.cors.allow_origins': ['*'],
      'check.level': 'core',
    });
  });

  test('may be JSON, with tabs and the name of its schema', () => {
    const text = '{\n\t"$schema": "configuration.schema.json",\n\t"kafka": {\n\t\t"client_id": "a"\n\t}\n}\n';
    assert.deepEqual(valuesOf(text), { 'kafka.client_id': 'a' });
  });

  test('may use anchors', () => {
    const text = 'kafka:\n  client_id: &name a\nproducer: &p\n  main_topic: *name\n';
    assert.deepEqual(valuesOf(text), { 'kafka.client_id': 'a', 'producer.main_topic': 'a' });
  });

  test('may be empty, and may have empty sections', () => {
    assert.deepEqual(valuesOf('# nothing yet\n'), {});
    assert.deepEqual(valuesOf('kafka:\n  # client_id: a\nserver: {}\n'), {});
  });

  test('has an error with line and column where it is not YAML', () => {
    assert.deepEqual(errorsOf('kafka:\n  client_id: "a\n'), [
      'app.yaml line 3: not YAML (missing char) at column 1',
    ]);
  });

  test('has an error for each key that occurs twice', () => {
    assert.deepEqual(errorsOf('server:\n  port: 1\nserver.port: 2\n'), [
      'server.port in app.yaml line 3: set earlier in this file, too',
    ]);
    assert.match(errorsOf('server:\n  port: 1\n  port: 2\n').join(), /line 3: not YAML \(duplicate key\)/);
  });

  test('has an error for a section with a value, and for an unknown name', () => {
    assert.deepEqual(errorsOf('kafka: localhost:9092\nspol:\n  path: /x\nnothing.like: 1\n'), [
      'kafka in app.yaml line 1: a section has no value of its own; name settings in it',
      'spol in app.yaml line 2: there is no such setting. Did you mean spool?',
      'nothing.like in app.yaml line 4: there is no such setting.',
    ]);
    assert.deepEqual(errorsOf('- kafka\n'), [
      'app.yaml: sections were expected, such as "kafka:", each with its settings',
    ]);
  });
});
