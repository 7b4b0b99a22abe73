import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { problemsOfTree } from '../../tools/audit.ts';

const root = join(import.meta.dirname, '..', '..');
const good = {
  version: '1.0.0',
  resolved: 'https://registry.npmjs.org/a/-/a-1.0.0.tgz',
  integrity: 'sha512-x',
};

function problems(version: string, locked: object): readonly string[] {
  return problemsOfTree(
    JSON.stringify({ dependencies: { a: version }, allowScripts: { b: false } }),
    JSON.stringify({ packages: { '': {}, 'node_modules/a': locked } }),
  );
}

suite('the audit of the packages', () => {
  test('accepts packages that are pinned, have a checksum and come from npm', () => {
    assert.deepEqual(problems('1.0.0', good), []);
  });

  test('finds all others', () => {
    assert.deepEqual(problems('^1.0.0', good), ['a is not pinned: ^1.0.0']);
    assert.deepEqual(problems('1.0.0', { ...good, integrity: undefined }), [
      'node_modules/a has no checksum',
    ]);
    assert.deepEqual(problems('1.0.0', { ...good, resolved: 'http://elsewhere/a.tgz' }), [
      'node_modules/a is from http://elsewhere/a.tgz',
    ]);
    assert.match(
      problems('1.0.0', { ...good, hasInstallScript: true }).join(),
      /^node_modules\/a runs a script/,
    );
  });

  test('accepts the packages of this repository', () => {
    const read = (name: string) => readFileSync(join(root, name), 'utf8');
    assert.deepEqual(problemsOfTree(read('package.json'), read('package-lock.json')), []);
  });
});
