import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { suite, test } from 'node:test';
import { Senders } from '../../src/auth/senders.ts';
import { readSendersFile } from '../../src/auth/senders-file.ts';
import { temporaryFile } from '../config/loading.ts';

const hashOf = (key: string) => `sha256:${createHash('sha256').update(key).digest('hex')}`;

suite('the senders file', () => {
  const wrong: Readonly<Record<string, readonly [text: string, problem: RegExp]>> = {
    'is not YAML': ['senders: [', /^not YAML: /],
    'is empty': ['', /^a list `senders:` was expected/],
    'has another field beside the senders': ['senders: []\nmore: 1', /^a list `senders:` was expected/],
    'has a string for the senders': ['senders: trino', /^a list `senders:` was expected/],
    'has a sender that is a string': ['senders: [trino]', /^senders\[0\]: `name:` and other fields/],
    'has a sender without a name': ['senders: [{name: a}, {way: oidc}]', /^senders\[1\]: name is missing$/],
    'has a name with a line end': ['senders: [{name: "a\\nb"}]', /^senders\[0\]\.name: a text of 1 to 256/],
    'has a name with an invisible character': [
      'senders: [{name: "a\\u200bb"}]',
      /^senders\[0\]\.name: a text/,
    ],
    'has a name that is too long': [`senders: [{name: ${'a'.repeat(257)}}]`, /^senders\[0\]\.name: a text/],
    'has an unknown field': ['senders: [{name: a, namespace: b}]', /no field 'namespace'$/],
    'has an unknown way': ['senders: [{name: a, way: token}]', /^senders\[0\]\.way: one of personal-token/],
    'has a key in place of a field name': [
      'senders: [{name: a, h2k_hunter2: b}]',
      /^senders\[0\]: there is no field of that name$/,
    ],
    'has a key in place of an alias': [
      'senders: [{name: a, api_keys: [*h2k_hunter2]}]',
      /^not YAML: an alias/,
    ],
    'has a key in place of a tag': [
      'senders: [!h2k_hunter2 {name: a] h2k_hunter2',
      /^not YAML: [A-Z_]+, line 1$/,
    ],
    'has a key instead of its hash': [
      'senders: [{name: a, api_keys: [h2k_hunter2]}]',
      /^senders\[0\]\.api_keys: a list/,
    ],
    'has no namespaces in their list': [
      'senders: [{name: a, namespaces: []}]',
      /^senders\[0\]\.namespaces: a list/,
    ],
    'has a rate of 0': ['senders: [{name: a, events_per_second: 0}]', /events_per_second: a number above 0/],
    'has a key twice': [
      `senders: [{name: a, api_keys: ['${hashOf('k')}']}, {name: b, api_keys: ['${hashOf('k').toUpperCase().replace('SHA', 'sha')}']}]`,
      /^an API key occurs twice/,
    ],
    'has two senders of one name with keys': [
      `senders: [{name: a, api_keys: ['${hashOf('k')}']}, {name: a, api_keys: ['${hashOf('l')}']}]`,
      /^two senders with API keys have the name 'a'/,
    ],
    'has keys together with another way': [
      `senders: [{name: a, way: oidc, api_keys: ['${hashOf('k')}']}]`,
      /^senders\[0\]: api_keys, but another way/,
    ],
  };
  for (const [what, [text, problem]] of Object.entries(wrong)) {
    test(`is refused when it ${what}`, (t) => {
      const path = temporaryFile(t, 'senders.yaml', text);
      assert.throws(
        () => readSendersFile(path),
        ({ message }: Error) => {
          assert.match(message, problem);
          assert.doesNotMatch(message, /hunter2/);
          return true;
        },
      );
    });
  }

  test('may be JSON', (t) => {
    const path = temporaryFile(
      t,
      'senders.json',
      JSON.stringify({ senders: [{ name: 'a', api_keys: [hashOf('k')] }] }),
    );
    assert.equal(readSendersFile(path).length, 1);
  });
});

suite('senders', () => {
  const senders = new Senders([
    { name: 'trino', api_keys: [hashOf('one'), hashOf('two').toUpperCase().replace('SHA', 'sha')] },
    { name: 'dbt-*', way: 'oidc', namespaces: ['dbt', 'prod-*'], events_per_second: 5 },
    { name: 'dbt-*', namespaces: ['dev'] },
    { name: 'star*', api_keys: [hashOf('star')], namespaces: ['sky'] },
  ]);

  test('are found by each of their keys, the first time and again', () => {
    for (const key of ['one', 'two', 'one', 'two'])
      assert.equal(senders.findApiKey(key).sender?.name, 'trino');
    for (const key of ['', 'One', 'one ', hashOf('one'), hashOf('one').slice(7)]) {
      assert.equal(senders.findApiKey(key).rejection?.reason, 'unknown-key');
    }
  });

  test('have the limits of the first entry that matches', () => {
    const oidc = senders.limitsOf({ way: 'oidc', name: 'dbt-a' });
    assert.deepEqual(['dbt', 'prod-x', 'dev'].map(oidc.mayWriteTo), [true, true, false]);
    const token = senders.limitsOf({ way: 'personal-token', name: 'dbt-a' });
    assert.deepEqual(['dbt', 'dev'].map(token.mayWriteTo), [false, true]);
    assert.ok(senders.limitsOf({ way: 'oidc', name: 'other' }).mayWriteTo('anything'));
  });

  test('with a key have a literal name: an asterisk is not a pattern there', () => {
    assert.ok(!senders.limitsOf({ way: 'api-key', name: 'star*' }).mayWriteTo('sea'));
    assert.ok(senders.limitsOf({ way: 'oidc', name: 'starling' }).mayWriteTo('sea'));
  });

  test('of one entry have a quota each', () => {
    const [a, b] = ['dbt-a', 'dbt-b'].map((name) => senders.limitsOf({ way: 'oidc', name }));
    assert.notEqual(a?.quota, b?.quota);
    assert.equal(senders.limitsOf({ way: 'oidc', name: 'dbt-a' }).quota, a?.quota);
  });
});
