/** What a release is made of: pinned binaries, the service and its settings, archives that are the same bytes each time. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { build } from 'esbuild';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { parse } from 'yaml';
import { isNeedless } from '../../tools/installation/node-packages.ts';
import { settle } from '../../tools/release/program-tree.ts';
import { publisherOf } from '../../tools/release/system-packages.ts';
import { addService, packFolder } from '../../tools/release/tarball.ts';
import { TARGETS } from '../../tools/release/targets.ts';
import { loadSettings, type Loaded } from '../../src/config/load.ts';

const root = join(import.meta.dirname, '..', '..');
const packaging = join(root, 'packaging');
const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'http2kafka-release-'));
  t.after(() => rmSync(made, { recursive: true }));
  return made;
}

function load(file: string, envFile: string): Loaded {
  const outcome = loadSettings({ flags: new Map(), environment: {}, configFile: file, envFile });
  assert.ok(!('errors' in outcome), JSON.stringify(outcome));
  return outcome;
}

suite('the program of a release', () => {
  const Lock = Type.Object({
    packages: Type.Record(
      Type.String(),
      Type.Object({
        dev: Type.Optional(Type.Boolean()),
        version: Type.Optional(Type.String()),
        integrity: Type.Optional(Type.String()),
        hasInstallScript: Type.Optional(Type.Boolean()),
      }),
    ),
  });
  const Bundled = Type.Object({ bundled: Type.Array(Type.String()) });

  // npm 12 runs no script of a package that an operator has not allowed. So Node must come without one.
  test('has one Node for all machines, pinned by its checksum, which npm installs without a script', () => {
    const { packages } = Value.Parse(Lock, JSON.parse(read('package-lock.json')));
    const nodes = Object.entries(packages).filter(([path]) =>
      /^node_modules\/node-.*-(?:x64|arm64)$/.test(path),
    );
    assert.equal(nodes.length, 4);
    for (const [, { version, integrity, hasInstallScript }] of nodes) {
      assert.equal(version, process.versions.node);
      assert.match(integrity ?? '', /^sha512-.{86}==$/);
      assert.equal(hasInstallScript, undefined);
    }
    for (const { node } of TARGETS)
      assert.ok(
        nodes.some(([path]) => path === `node_modules/${node}`),
        node,
      );
  });

  // `npm audit --omit=dev` does not report on others, and an installation of the program does not have them.
  test('has no package in its bundle that is for development only', () => {
    const { packages } = Value.Parse(Lock, JSON.parse(read('package-lock.json')));
    const { bundled } = Value.Parse(Bundled, JSON.parse(read('dist', 'packages.json')));
    assert.ok(bundled.length > 10);
    assert.deepEqual(
      bundled.filter((path) => packages[path]?.dev !== undefined || !(path in packages)),
      [],
    );
  });

  // Each file costs memory and time at the start: 60 more of them cost 5 MB.
  test('loads few files to serve, without the commands and what nothing uses', () => {
    const loaded = new Map<string, string>();
    const visit = (name: string) => {
      if (loaded.has(name)) return;
      const text = read('dist', 'program', name);
      loaded.set(name, text);
      for (const [, next = ''] of text.matchAll(/^(?:import|} from) "[.][/]([^"]+)";$/gm)) visit(next);
    };
    for (const name of readdirSync(join(root, 'dist', 'program')).filter((name) =>
      /^(?:cli|proxy)-/.test(name),
    ))
      visit(name);
    assert.ok(loaded.size > 2 && loaded.size <= 30, `${loaded.size} files`);
    assert.deepEqual(
      [...loaded].filter(([, text]) => text.includes('Ajv')).map(([name]) => name),
      [],
    );
  });
});

suite('the publisher of the packages', () => {
  test('is the one that the environment names', () => {
    const MAINTAINER = 'Data Platform <data-platform@example.org>';
    const SOURCE = 'https://git.example.org/http2kafka';
    assert.deepEqual(publisherOf({ MAINTAINER, SOURCE }), { maintainer: MAINTAINER, homepage: SOURCE });
  });

  test('has an address without a mailbox where none is named', () => {
    // A workflow gives an empty text where a variable is not set.
    for (const environment of [{}, { MAINTAINER: '', SOURCE: '' }]) {
      const { maintainer, homepage } = publisherOf(environment);
      assert.match(maintainer, /^[^<>]+ <\S+\.invalid>$/);
      assert.equal(homepage, undefined);
    }
  });

  test('is refused in a form that Debian does not take', () => {
    for (const MAINTAINER of [
      'data-platform@example.org',
      'Data Platform',
      'A <b> <c@d>',
      'A <b@c>, D <e@f>',
    ])
      assert.throws(() => publisherOf({ MAINTAINER }), /must be: Name <address>/);
  });
});

suite('the packages beside the bundle', () => {
  const Beside = Type.Object({ beside: Type.Array(Type.String()), optional: Type.Array(Type.String()) });

  test('keep every file that they load', async () => {
    const { beside, optional } = Value.Parse(Beside, JSON.parse(read('dist', 'packages.json')));
    const { metafile } = await build({
      absWorkingDir: root,
      stdin: {
        contents: beside
          .filter((name) => !optional.includes(name))
          .map((name) => `require('${name}');`)
          .join('\n'),
        resolveDir: root,
      },
      // esbuild writes nothing here: only its list of the files is used.
      outdir: 'dist',
      write: false,
      bundle: true,
      platform: 'node',
      metafile: true,
      logLevel: 'error',
      loader: { '.node': 'empty', '.wasm': 'empty' },
      external: ['supports-color'],
    });
    const files = Object.keys(metafile.inputs).filter((path) => path.startsWith('node_modules/'));
    assert.ok(files.length > 100);
    assert.deepEqual(
      files.filter((path) => isNeedless(path.replace(/^.*node_modules\/(?:@[^/]+\/)?[^/]+\//, ''))),
      [],
    );
  });
});

suite('the service', () => {
  const service = read('packaging', 'http2kafka.service');
  const value = (name: string) => new RegExp(`^${name}=(?<value>.*)$`, 'm').exec(service)?.groups?.['value'];

  /** Runs systemd-analyze on the service, whose program is that of the checkout. */
  function analyzed(t: TestContext, ...args: string[]): string {
    const unit = join(folder(t), 'http2kafka.service');
    writeFileSync(unit, service.replaceAll('/usr/bin/http2kafka', join(root, 'bin', 'http2kafka')));
    const { error, status, stdout, stderr } = spawnSync('systemd-analyze', [...args, unit], {
      encoding: 'utf8',
    });
    if (error) throw new Error('This test needs systemd-analyze (Debian: apt-get install systemd).');
    assert.equal(status, 0, stdout + stderr);
    return stderr;
  }

  test('is one that systemd understands', (t) => {
    assert.equal(analyzed(t, 'verify'), '');
  });

  test('has few rights: an exposure of at most 1.5 of 10', (t) => {
    analyzed(t, 'security', '--offline=yes', '--threshold=15');
  });

  test('checks, runs and asks the proxy with the same settings', () => {
    const calls = [...service.matchAll(/\/usr\/bin\/http2kafka (?<command>\S+) --config (?<file>[^ ;\n]+)/g)];
    assert.deepEqual(
      calls.map(({ groups }) => groups?.['command']),
      ['check-config', 'serve', 'health'],
    );
    for (const { groups } of calls) assert.equal(groups?.['file'], '/etc/http2kafka/http2kafka.yaml');
    assert.equal(value('EnvironmentFile'), '-/etc/http2kafka/http2kafka.env');
  });

  test('gives a stop and connections what the default settings need', () => {
    const { server, spool } = load(
      join(packaging, 'http2kafka.yaml'),
      join(packaging, 'http2kafka.env'),
    ).settings;
    assert.ok(Number(value('TimeoutStopSec')) > server.gracefulShutdownTimeoutS + 1);
    assert.ok(Number(value('LimitNOFILE')) > server.maxConnections + 256);
    assert.equal(`/var/lib/${value('StateDirectory') ?? ''}`, spool.path);
  });

  test('of the tarball runs the program in /opt, and differs in nothing else', (t) => {
    const tree = folder(t);
    addService(root, tree, 1_795_940_660);
    const other = readFileSync(join(tree, 'systemd', 'http2kafka.service'), 'utf8');
    assert.equal(
      other.replaceAll('/opt/http2kafka/bin/', '/usr/bin/').replace('/opt/', '/usr/share/doc/'),
      service,
    );
  });
});

suite('the default settings', () => {
  test('are good, and listen on this machine only', () => {
    const { settings, notices } = load(join(packaging, 'http2kafka.yaml'), join(packaging, 'http2kafka.env'));
    assert.deepEqual(notices, []);
    assert.equal(settings.server.host, '127.0.0.1');
  });

  test('are also good with all that is commented out', (t) => {
    const made = folder(t);
    for (const name of ['http2kafka.yaml', 'http2kafka.env']) {
      const text = read('packaging', name);
      // In the first comment of the YAML file are words and a command. A blank line ends it.
      const [head = '', ...rest] = name.endsWith('yaml') ? text.split('\n\n') : ['', text];
      const settings = rest
        .join('\n\n')
        .replaceAll(/^( *)# ?((?:[A-Z\d]+_[A-Z\d_]+=|[a-z ]+:(?: |$)).*)$/gm, '$1$2');
      assert.notEqual(settings, rest.join('\n\n'));
      writeFileSync(join(made, name), `${head}\n\n${settings}`);
    }
    const { settings } = load(join(made, 'http2kafka.yaml'), join(made, 'http2kafka.env'));
    assert.equal(settings.server.host, '0.0.0.0');
    assert.equal(settings.kafka.security.user, 'http2kafka');
    assert.equal(settings.logging.preset, 'json');
  });
});

suite('the scripts of the packages', () => {
  for (const script of globSync('scripts/*.sh', { cwd: packaging })) {
    test(`${script} is one for any shell`, () => {
      const { status, stderr } = spawnSync('sh', ['-n', join(packaging, script)], { encoding: 'utf8' });
      assert.deepEqual([status, stderr], [0, '']);
      assert.match(read('packaging', script), /^#!\/bin\/sh\n(?:#.*\n)+set -eu\n/);
    });
  }
});

suite('the workflows of GitHub', () => {
  const Workflow = Type.Object({
    jobs: Type.Record(
      Type.String(),
      Type.Object({
        uses: Type.Optional(Type.String()),
        steps: Type.Optional(
          Type.Array(Type.Object({ uses: Type.Optional(Type.String()), run: Type.Optional(Type.String()) })),
        ),
      }),
    ),
  });
  const files = globSync('.github/workflows/*.yml', { cwd: root });
  const targets = new Set(
    [...read('Makefile').matchAll(/^(?<target>[a-z-]+):/gm)].map(({ groups }) => groups?.['target']),
  );

  for (const file of files) {
    const { jobs } = Value.Parse(Workflow, parse(read(file)));
    const steps = Object.values(jobs).flatMap((job) => [
      { uses: job.uses, run: undefined },
      ...(job.steps ?? []),
    ]);

    test(`${file} runs targets of make, and nothing else`, () => {
      const commands = steps.flatMap(({ run }) => run ?? []);
      assert.notEqual(commands.length, 0);
      for (const command of commands) {
        const { target } =
          /^(?:sudo --preserve-env env "PATH=\$PATH" )?make (?<target>\S+)$/.exec(command)?.groups ?? {};
        assert.ok(targets.has(target), command);
      }
    });

    test(`${file} uses actions of others at one commit only`, () => {
      for (const uses of steps.flatMap(({ uses }) => uses ?? []))
        assert.match(uses, /^\.\/|^actions\/[a-z-]+@[\da-f]{40}$/);
    });
  }
});

suite('an archive', () => {
  test('is the same bytes wherever, whenever and in whatever order its files were made', async (t) => {
    const made = folder(t);
    const archives = await Promise.all(
      [
        ['a', 'b', 'c'],
        ['c', 'b', 'a'],
      ].map(async (names, number) => {
        const tree = join(made, String(number), 'program');
        mkdirSync(tree, { recursive: true });
        for (const name of names) {
          writeFileSync(join(tree, name), name.repeat(1000));
          chmodSync(join(tree, name), number === 0 ? 0o600 : 0o664);
        }
        cpSync(join(tree, 'a'), join(tree, 'folder', 'a'));
        settle(tree, 1_795_940_660);
        const file = join(made, `${number}.tar.gz`);
        await packFolder(tree, file);
        return readFileSync(file);
      }),
    );
    assert.deepEqual(archives[0], archives[1]);
    const listed = spawnSync('tar', ['-tvzf', join(made, '0.tar.gz')], {
      encoding: 'utf8',
      env: { TZ: 'UTC', PATH: process.env['PATH'] },
    });
    assert.match(listed.stdout, /^-rw-r--r-- 0\/0 +1000 2026-11-29 \S+ program\/folder\/a$/m);
  });
});
