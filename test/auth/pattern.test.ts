import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { matcherOf } from '../../src/auth/pattern.ts';

const cases: readonly (readonly [pattern: string, matching: readonly string[], others: readonly string[]])[] =
  [
    ['prod', ['prod'], ['', 'Prod', 'prods', 'a prod', 'prod\n']],
    ['*', ['', 'a', 'a/b\n'], []],
    ['**', ['', 'a'], []],
    ['prod-*', ['prod-', 'prod-a/b', 'prod-\n'], ['prod', 'a prod-']],
    ['*-prod', ['-prod', 'a-prod'], ['prod', '-prod-b']],
    ['a*a', ['aa', 'aba', 'aaa'], ['a', 'ab', 'ba']],
    ['trino://*:8080/*', ['trino://host:8080/', 'trino://:8080/x'], ['trino://host:8081/', 'trino:/:8080/']],
    ['a*b*c', ['abc', 'abbcc', 'axbxc'], ['acb', 'ab', 'ac', 'abcb']],
    ['a*bc*c', ['abcc', 'abcxc'], ['abc', 'abxc']],
    ['a.c', ['a.c'], ['abc']],
    ['(a|b)+[c]\\', ['(a|b)+[c]\\'], ['a']],
    ['ä*', ['äö'], ['a']],
  ];

suite('a pattern', () => {
  for (const [pattern, matching, others] of cases) {
    test(`${pattern} matches what it should`, () => {
      const matches = matcherOf(pattern);
      for (const text of matching) assert.ok(matches(text), JSON.stringify(text));
      for (const text of others) assert.ok(!matches(text), JSON.stringify(text));
    });
  }

  test('with many asterisks reads a long text once', () => {
    // A regular expression would take years.
    assert.equal(matcherOf(`${'*a'.repeat(50)}*b`)('a'.repeat(1_000_000)), false);
  });
});
