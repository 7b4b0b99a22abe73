/**
 * Breaks the core in one way after the other, and runs days until one fails. Prints a table: which mutation was found,
 * by which violation, after how many days. Exits with 1 if one was not found.
 *
 *     node test/simulation/mutations/main.ts [--days 120] [--from 1] [--only TEXT] [--jobs 1] [--markdown FILE]
 *
 * `--markdown` also puts the table into a page, between the comments `mutations` and `end of mutations`. The rows of the
 * mutations that do not run stay as they are.
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { formerDefects } from './former-defects.ts';
import { edited, type Mutation } from './mutation.ts';
import { mutations } from './mutations.ts';

interface Finding {
  readonly name: string;
  /** Undefined if no day failed. */
  readonly violation: string | undefined;
  readonly days: number;
}

const { values } = parseArgs({
  options: {
    days: { type: 'string', default: '120' },
    from: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    jobs: { type: 'string', default: '1' },
    markdown: { type: 'string' },
  },
});
const root = join(import.meta.dirname, '..', '..', '..');

/** What the simulation needs. */
const PARTS = [
  'src',
  'test/simulation',
  'test/openlineage',
  'test/routing',
  'test/spool/simulation',
  'test/support',
];

/** A copy of what the simulation needs, so that the sources stay as they are. */
function copyOf({ edits }: Mutation, at: string): string {
  const folder = join(root, '.run', 'mutations', at);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'test'), { recursive: true });
  for (const part of PARTS) cpSync(join(root, part), join(folder, part), { recursive: true });
  for (const part of ['node_modules', 'dist', 'package.json'])
    symlinkSync(join(root, part), join(folder, part));
  for (const edit of edits) {
    const file = join(folder, edit.file);
    writeFileSync(file, edited(readFileSync(file, 'utf8'), edit));
  }
  return folder;
}

async function hunt(mutation: Mutation, at: string): Promise<Finding> {
  const folder = copyOf(mutation, at);
  const args = ['--alone', '--until-failure', '--from', values.from, '--days', values.days];
  if (mutation.needs !== undefined) args.push('--with', mutation.needs);
  const child = spawn(
    process.execPath,
    [join(folder, 'test', 'simulation', 'main.ts'), '--seconds', '1200', ...args],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [, days = values.days, violation] = /^first failure after (\d+) days: (.*)$/m.exec(stdout) ?? [];
  if (!stdout.includes(' posts, ')) throw new Error(`${mutation.name}: ${stderr.slice(0, 2000)}`);
  rmSync(folder, { recursive: true, force: true });
  return { name: mutation.name, violation, days: Number(days) };
}

/** A violation without the names and numbers of its day. */
function kindOf(violation: string): string {
  return violation
    .replaceAll(/(sender-\d+|(last-)?probe)-\d+-\d+/g, 'an event')
    .replaceAll(/process \d+/g, 'a process')
    .replaceAll(/\d{4}-[\d:TZ.-]+|\d+(\.\d+)?/g, 'N')
    .replaceAll('|', '/')
    .slice(0, 140);
}

/** `page` has the rows of an earlier run. */
function tableOf(
  title: string,
  all: readonly Mutation[],
  found: ReadonlyMap<string, Finding>,
  page = '',
): string {
  const earlier = new Map(page.split('\n').map((row) => [row.split('|')[1]?.trim() ?? '', row]));
  const rows = all.flatMap(({ name }) => {
    const finding = found.get(name);
    if (!finding) return earlier.get(name) ?? [];
    const { violation, days } = finding;
    return `| ${name} | ${violation === undefined ? '**not found**' : kindOf(violation)} | ${days} |`;
  });
  return [`| ${title} | found by | days |`, '| --- | --- | --- |', ...rows].join('\n');
}

const queue = [...mutations, ...formerDefects].filter(({ name }) => name.includes(values.only)).entries();
const found = new Map<string, Finding>();

async function work(): Promise<void> {
  for (const [at, mutation] of queue) {
    const finding = await hunt(mutation, `${process.pid}-${at}`);
    console.error(`${finding.days} days: ${finding.name}: ${finding.violation ?? 'NOT FOUND'}`);
    found.set(finding.name, finding);
  }
}

await Promise.all(Array.from({ length: Number(values.jobs) }, work));
const tablesWith = (page?: string) =>
  [
    tableOf('a mistake', mutations, found, page),
    tableOf('a defect that was mended', formerDefects, found, page),
  ].join('\n\n');
console.log(tablesWith());
if (values.markdown !== undefined) {
  const page = readFileSync(values.markdown, 'utf8');
  const place = /(<!-- mutations -->\n).*?(<!-- end of mutations -->)/s;
  if (!place.test(page)) throw new Error(`${values.markdown} has no place for the table`);
  writeFileSync(
    values.markdown,
    page.replace(place, (_, from: string, to: string) => `${from}\n${tablesWith(page)}\n\n${to}`),
  );
}
process.exitCode = [...found.values()].some(({ violation }) => violation === undefined) ? 1 : 0;
