/**
 * Breaks the core in one way after the other, and runs days until one fails. Prints a table: which mutation was found,
 * by which violation, after how many days. Exits with 1 if one was not found.
 *
 *     node test/simulation/mutations/main.ts [--days 200] [--from 1] [--only TEXT]
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mutations, type Mutation } from './mutations.ts';

const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
});
const root = join(import.meta.dirname, '..', '..', '..');

/** A copy of what the simulation needs, so that the sources stay as they are. */
function copyOf({ file, find, replace }: Mutation, at: number): string {
  const folder = join(root, '.run', 'mutations', `${at}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'test'), { recursive: true });
  for (const part of [
    'src',
    'test/simulation',
    'test/openlineage',
    'test/spool/simulation',
    'test/support',
  ]) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  for (const part of ['node_modules', 'dist', 'package.json'])
    symlinkSync(join(root, part), join(folder, part));
  const source = readFileSync(join(root, file), 'utf8');
  if (source.split(find).length !== 2) throw new Error(`${file} does not contain once: ${find}`);
  writeFileSync(join(folder, file), source.replace(find, replace));
  return folder;
}

let missed = 0;
console.log('| mutation | found by | after days |\n| --- | --- | --- |');
for (const [at, mutation] of mutations.entries()) {
  if (!mutation.name.includes(values.only)) continue;
  const folder = copyOf(mutation, at);
  const args = ['--alone', '--until-failure', '--from', values.from, '--days', values.days];
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [join(folder, 'test', 'simulation', 'main.ts'), '--seconds', '600', ...args],
    { encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  const [, days = '?', violation = ''] = /^first failure after (\d+) days: (.*)$/m.exec(stdout) ?? [];
  if (!stdout.includes(' posts, ')) throw new Error(`${mutation.name}: ${stderr.slice(0, 2000)}`);
  if (violation === '') missed += 1;
  console.log(
    `| ${mutation.name} | ${violation.slice(0, 120) || 'not found'} | ${violation ? days : values.days} |`,
  );
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = missed > 0 ? 1 : 0;
