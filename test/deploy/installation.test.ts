/** What an installation has of the npm packages, and the list of its contents. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { freePorts } from '../../tools/kafka/ports.ts';
import { until } from '../stage/until.ts';
import { billOfMaterials, contentsPage, licenceTexts } from '../../tools/installation/contents.ts';
import { isNeedless, neededPackages } from '../../tools/installation/node-packages.ts';

const root = join(import.meta.dirname, '..', '..');

/** A project with these packages: folder → package.json. */
function project(t: { after: (clean: () => void) => void }, packages: Record<string, object>, list: object) {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-installation-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const write = (path: string, value: object) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), JSON.stringify(value));
  };
  for (const [path, manifest] of Object.entries(packages)) {
    const name = path.split('node_modules/').at(-1);
    write(`${path}/package.json`, { name, version: '1.0.0', license: 'MIT', ...manifest });
  }
  write('dist/packages.json', { bundled: [], beside: [], optional: [], ...list });
  return folder;
}

suite('the packages of an installation', () => {
  test('are those of the bundle, and those beside it with their dependencies', (t) => {
    const folder = project(
      t,
      {
        'node_modules/bundled': { dependencies: { unused: '1' } },
        'node_modules/unused': {},
        'node_modules/beside': { dependencies: { inner: '1', outer: '1' } },
        'node_modules/beside/node_modules/inner': { license: { type: 'ISC' } },
        'node_modules/inner': {},
        'node_modules/outer': { optionalDependencies: { native: '1', foreign: '1' } },
        'node_modules/native': { dependencies: { outer: '1' } },
      },
      { bundled: ['node_modules/bundled'], beside: ['beside'] },
    );
    const found = neededPackages(folder).map(({ folder, bundled, licence }) => [folder, bundled, licence]);
    assert.deepEqual(found, [
      ['node_modules/beside', false, 'MIT'],
      ['node_modules/beside/node_modules/inner', false, 'ISC'],
      ['node_modules/bundled', true, 'MIT'],
      ['node_modules/native', false, 'MIT'],
      ['node_modules/outer', false, 'MIT'],
    ]);
  });

  test('have an optional package only when it is named', (t) => {
    const list = { beside: ['login'], optional: ['login'] };
    const folder = project(t, { 'node_modules/login': {} }, list);
    assert.deepEqual(neededPackages(folder), []);
    assert.deepEqual(
      neededPackages(folder, ['login']).map(({ name }) => name),
      ['login'],
    );
    assert.throws(() => neededPackages(folder, ['other']), /no optional package other/);
  });

  test('are not a guess: a missing one is an error', (t) => {
    const folder = project(
      t,
      { 'node_modules/beside': { dependencies: { gone: '1' } } },
      { beside: ['beside'] },
    );
    assert.throws(() => neededPackages(folder), /gone is not installed\. node_modules\/beside needs it/);
  });

  test('come without types, maps, tests and manuals, and with their licences', () => {
    for (const path of [
      'index.d.ts',
      'lib/a.js.map',
      'test/a.js',
      'README.md',
      'src/kerberos.cc',
      '.eslintrc',
    ]) {
      assert.ok(isNeedless(path), path);
    }
    for (const path of [
      'index.js',
      'lib/test/a.js',
      'test.js',
      'package.json',
      'LICENSE.md',
      'static/logo.svg',
    ]) {
      assert.ok(!isNeedless(path), path);
    }
  });
});

suite('an installation', () => {
  test('serves every page: no file of a package is missing', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'http2kafka-installed-'));
    t.after(() => rmSync(folder, { recursive: true }));
    execFileSync(process.execPath, [join(root, 'tools', 'installation', 'main.ts'), '--into', folder]);
    const [port = 0] = await freePorts(1);
    const args = ['--port', String(port), '--spool-path', join(folder, 'spool')];
    const proxy = spawn(process.execPath, ['--', join(folder, 'dist', 'main.js'), ...args], {
      stdio: 'ignore',
    });
    const ended = once(proxy, 'exit');
    try {
      const ask = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
      const answers = () =>
        ask('/monitoring/ping').then(
          ({ ok }) => ok,
          () => false,
        );
      await until(answers, (ok) => ok);
      for (const path of [
        '/docs/',
        '/docs/static/swagger-ui-bundle.js',
        '/openapi.json',
        '/monitoring/metrics',
      ]) {
        assert.equal((await ask(path)).status, 200, path);
      }
    } finally {
      proxy.kill();
      await ended;
    }
  });
});

const Bom = Type.Object({
  components: Type.Array(Type.Object({ name: Type.String(), version: Type.String() })),
});

suite('the list of contents', () => {
  const packages = neededPackages(root);
  const debian = { name: 'libc6', version: '2.36-9', architecture: 'amd64', licences: ['LGPL-2.1'] };
  const contents = { version: '0.2.0', node: '26.10.0', packages, debian: [debian] };
  // As npm writes it, less what is not read here.
  const npm = JSON.stringify({
    bomFormat: 'CycloneDX',
    serialNumber: 'urn:uuid:1',
    metadata: { timestamp: '2026-01-01T00:00:00Z', component: { 'bom-ref': 'http2kafka@0.2.0' } },
    components: [...packages, { name: 'eslint', version: '1.0.0' }].map(({ name, version }) => ({
      'bom-ref': `${name}@${version}`,
      name,
      version,
    })),
    dependencies: [{ ref: 'http2kafka@0.2.0', dependsOn: ['eslint@1.0.0', 'fastify@5.12.8'] }],
  });

  test('names each package with version and licence', () => {
    const page = contentsPage(contents);
    assert.match(page, /^Node\.js 26\.10\.0, licence MIT/m);
    assert.match(page, /^\| fastify \| [\d.]+ \| MIT \| `dist\/` \|$/m);
    assert.match(page, /^\| @fastify\/swagger-ui \| [\d.]+ \| MIT \| `node_modules\/` \|$/m);
    assert.match(page, /^\| libc6 \| 2\.36-9 \| LGPL-2\.1 \|$/m);
    assert.doesNotMatch(page, /kerberos|eslint|unknown/);
  });

  test('has the text of each licence', () => {
    const texts = licenceTexts(root, packages, undefined);
    for (const { name, version } of packages) assert.ok(texts.includes(`\n${name} ${version}\n`), name);
    assert.match(texts, /Permission is hereby granted/);
  });

  test('is a bill of materials without time, random number and packages for development', () => {
    const text = billOfMaterials(npm, contents);
    assert.doesNotMatch(text, /serialNumber|timestamp|eslint/);
    const { components } = Value.Parse(Bom, JSON.parse(text));
    assert.equal(components.length, packages.length + 2);
    for (const name of ['fastify', 'node', 'libc6'])
      assert.ok(
        components.some((one) => one.name === name),
        name,
      );
  });

  test('is refused when npm does not know a package that is contained', () => {
    const other = packages.map((one) => ({ ...one, name: 'unheard-of' })).slice(0, 1);
    const more = { ...contents, packages: [...packages, ...other] };
    assert.throws(() => billOfMaterials(npm, more), /lacks unheard-of@/);
  });
});
