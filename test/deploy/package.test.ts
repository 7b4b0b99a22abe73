/** What `npm pack` puts into the package. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import Type from 'typebox';
import { Value } from 'typebox/value';

const root = join(import.meta.dirname, '..', '..');

const Packed = Type.Array(Type.Object({ files: Type.Array(Type.Object({ path: Type.String() })) }));

function packed(): readonly string[] {
  // Without scripts: the program is built already, and its tests run meanwhile.
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const text = execFileSync('npm', args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [first] = Value.Parse(Packed, JSON.parse(text));
  return first?.files.map(({ path }) => path) ?? [];
}

suite('the package', () => {
  const files = packed();

  test('has the program, its documentation and its licence', () => {
    for (const file of ['bin/http2kafka', 'dist/main.js', 'dist/event-scan.wasm', 'docs/api.md', 'LICENSE']) {
      assert.ok(files.includes(file), file);
    }
  });

  test('has nothing else: no sources, no tests, no tools', () => {
    const known = /^(?:bin|dist|docs)\/|^(?:package\.json|LICENSE|[A-Z]+\.md)$/;
    assert.deepEqual(
      files.filter((file) => !known.test(file) || file.endsWith('.ts') || file.endsWith('.built')),
      [],
    );
  });
});
