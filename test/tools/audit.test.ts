import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { problemsOfTree, severeAdvisories } from '../../tools/audit.ts';

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

  const lock = JSON.stringify({
    packages: {
      '': {},
      'node_modules/runs': good,
      'node_modules/builds': { ...good, dev: true },
      'node_modules/both': { ...good, dev: true },
      'node_modules/runs/node_modules/both': good,
    },
  });
  const advised = (vulnerabilities: object) => severeAdvisories(JSON.stringify({ vulnerabilities }), lock);
  const found = (
    name: string,
    fixAvailable: boolean,
    severity = 'high',
    nodes = [`node_modules/${name}`],
  ) => ({
    [name]: { severity, range: '<2', nodes, fixAvailable },
  });

  test('finds a severe vulnerability of what runs, and of what builds where it can be mended', () => {
    const both = ['node_modules/both', 'node_modules/runs/node_modules/both'];
    assert.deepEqual(advised({ ...found('runs', false), ...found('builds', true, 'critical') }), {
      problems: ['runs <2: high; see npm audit', 'builds <2: critical, for development; see npm audit'],
      notes: [],
    });
    assert.deepEqual(advised(found('both', false, 'high', both))?.problems, ['both <2: high; see npm audit']);
    assert.deepEqual(advised(found('builds', false)), {
      problems: [],
      notes: ['builds <2: high, for development; see npm audit'],
    });
    assert.deepEqual(advised(found('runs', true, 'moderate')), { problems: [], notes: [] });
  });

  test('knows that there are no advisories without the network', () => {
    assert.equal(severeAdvisories('', lock), undefined);
    assert.equal(severeAdvisories('{"statusCode": 405, "error": {}}', lock), undefined);
  });
});
