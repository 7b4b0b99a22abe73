/**
 * Builds all that a release has, into .run/release: the npm package, and for each machine a tarball, a Debian and an RPM
 * package. Then it builds all of it once more and compares the bytes.
 *
 *     node tools/release/main.ts                    `make release`
 *     node tools/release/main.ts --once --cpu x64 --format deb --version 9.9.9 --output /tmp/packages
 *
 * The bytes follow from the commit: its time is the time of all files, names are sorted, owners are fixed.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { NoGoError } from '../go-program.ts';
import { makeProgramTree } from './program-tree.ts';
import { makeSystemPackages, publisherOf, type Format } from './system-packages.ts';
import { addService, packFolder } from './tarball.ts';
import { TARGETS } from './targets.ts';

const root = join(import.meta.dirname, '..', '..');
const FOLDER = join(root, '.run', 'release');
const FORMATS = ['npm', 'tarball', 'deb', 'rpm'] as const;

const { values } = parseArgs({
  options: {
    once: { type: 'boolean', default: false },
    cpu: { type: 'string', multiple: true, default: TARGETS.map(({ cpu }) => cpu) },
    format: { type: 'string', multiple: true, default: [...FORMATS] },
    version: { type: 'string' },
    output: { type: 'string', default: FOLDER },
  },
});

const manifest = Value.Parse(
  Type.Object({ version: Type.String() }),
  JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')),
);
const version = values.version ?? manifest.version;
const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
const publisher = publisherOf(process.env);
const epoch = Number(process.env['SOURCE_DATE_EPOCH'] ?? git('log', '-1', '--format=%ct'));

/** Builds into `output`, by way of `work`, which is made and removed. */
async function build(output: string, work: string): Promise<void> {
  for (const folder of [output, work]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  if (values.format.includes('npm')) packForNpm(output);
  for (const target of TARGETS.filter(({ cpu }) => values.cpu.includes(cpu))) {
    const name = `http2kafka-${version}-linux-${target.cpu}`;
    const tree = join(work, name);
    makeProgramTree({ root, target, version, epoch, folder: tree });
    const formats = (['deb', 'rpm'] satisfies Format[]).filter((format) => values.format.includes(format));
    const packing = join(work, `packages-${target.cpu}`);
    if (formats.length > 0)
      makeSystemPackages({ root, target, version, epoch, publisher, tree, work: packing, output }, formats);
    if (values.format.includes('tarball')) {
      addService(root, tree, epoch);
      await packFolder(tree, join(output, `${name}.tar.gz`));
    }
  }
  rmSync(work, { recursive: true });
  const files = readdirSync(output).sort();
  writeFileSync(
    join(output, 'SHA256SUMS'),
    files.map((name) => `${sum(join(output, name))}  ${name}\n`).join(''),
  );
}

function packForNpm(output: string): void {
  // The program is built already.
  const args = ['pack', '--ignore-scripts', '--pack-destination', output, '--loglevel=error'];
  execFileSync('npm', args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  renameSync(
    join(output, `http2kafka-${manifest.version}.tgz`),
    join(output, `http2kafka-${version}-npm.tgz`),
  );
}

function sum(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** Builds dist/ from the sources, whether or not they have changed. */
function bundle(): void {
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  execFileSync('make', ['--no-print-directory', 'build'], { cwd: root, stdio: 'inherit' });
}

function refuseWrongTag(): void {
  const tags = git('tag', '--points-at', 'HEAD')
    .split('\n')
    .filter((tag) => /^v\d/.test(tag));
  if (tags.length > 0 && !tags.includes(`v${version}`))
    throw new Error(`The commit has the tag ${tags.join(', ')}, and package.json the version ${version}.`);
  if (git('status', '--porcelain') !== '')
    console.error('Not all changes are committed: what is built here is no release of the commit.');
}

const output = resolve(values.output);
try {
  if (values.once) {
    await build(output, `${output}.work`);
  } else {
    refuseWrongTag();
    bundle();
    await build(output, `${output}.work`);
    bundle();
    const second = `${output}.second`;
    // The paths of a build must not get into it.
    await build(second, `${output}.second.work-elsewhere`);
    const sums = (folder: string) => readFileSync(join(folder, 'SHA256SUMS'), 'utf8');
    if (sums(output) !== sums(second)) {
      throw new Error(
        `Two builds differ: compare ${output} with ${second}.\n${sums(output)}\n${sums(second)}`,
      );
    }
    rmSync(second, { recursive: true });
    console.log(`Built twice, the same bytes. In ${values.output}:`);
    console.log(sums(output).trimEnd());
  }
} catch (error) {
  if (!(error instanceof NoGoError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
