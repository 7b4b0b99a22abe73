/**
 * Says how much of the core the simulated days reach: functions, and the branches of `if`, `switch`, loops, `catch`,
 * `?:`, `&&`, `||` and `??`. Lists those that no day has reached. Files that the world replaces do not count.
 *
 *     node test/simulation/coverage/main.ts [--days 120] [--from 1]
 */
import { readFileSync, globSync } from 'node:fs';
import { Session, type Profiler } from 'node:inspector/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import ts from 'typescript';

/** The parts that the days drive. */
const FOLDERS = ['src/delivery', 'src/spool', 'src/kafka/producer', 'src/kafka/cluster'];

/** Files that stand for the machine or for real brokers, or that belong to a command: the world replaces them. */
const REPLACED: ReadonlySet<string> = new Set([
  'src/delivery/parked/stopped-parked.ts',
  'src/kafka/cluster/broker-address.ts',
  'src/kafka/cluster/broker-client.ts',
  'src/kafka/cluster/broker-connections.ts',
  'src/kafka/cluster/broker-inquiry.ts',
  'src/kafka/cluster/produce-channel.ts',
  'src/kafka/producer/open-producer.ts',
  'src/spool/disk.ts',
  'src/spool/home.ts',
  'src/spool/inspection.ts',
  'src/spool/lock.ts',
  'src/spool/owner.ts',
]);

interface Branch {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly isReached: boolean;
}

const { values } = parseArgs({
  options: { days: { type: 'string', default: '120' }, from: { type: 'string', default: '1' } },
});
const root = join(import.meta.dirname, '..', '..', '..');

/** Runs the days, with the counts of each block. The core must not be loaded before the profiler starts. */
async function profile(): Promise<readonly Profiler.ScriptCoverage[]> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  const { runDay } = await import('../day.ts');
  const { planOf } = await import('../plan.ts');
  const from = Number(values.from);
  for (let seed = from; seed < from + Number(values.days); seed++) await runDay(planOf(seed));
  const { result } = await session.post('Profiler.takePreciseCoverage');
  session.disconnect();
  return result;
}

function branchesOf(file: string, text: string, coverage: Profiler.ScriptCoverage | undefined): Branch[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const ranges = coverage?.functions.flatMap((one) => one.ranges) ?? [];
  const branches: Branch[] = [];
  const add = (node: ts.Node | undefined): void => {
    if (!node) return;
    const at = node.getStart(source);
    branches.push({
      file,
      line: source.getLineAndCharacterOfPosition(at).line + 1,
      text: node.getText(source).replaceAll(/\s+/g, ' ').slice(0, 70),
      isReached: countAt(ranges, at) > 0,
    });
  };
  const visit = (node: ts.Node): void => {
    for (const branch of branchesAt(node)) add(branch);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return branches;
}

/** The parts of a node that run only sometimes. */
function branchesAt(node: ts.Node): (ts.Node | undefined)[] {
  if (ts.isIfStatement(node)) return [node.thenStatement, node.elseStatement];
  if (ts.isConditionalExpression(node)) return [node.whenTrue, node.whenFalse];
  if (ts.isIterationStatement(node, false)) return [node.statement];
  if (ts.isCaseOrDefaultClause(node)) return [node.statements[0]];
  if (ts.isCatchClause(node)) return [node.block];
  if (ts.isFunctionLike(node) && 'body' in node) return [node.body];
  if (ts.isBinaryExpression(node) && LOGICAL.has(node.operatorToken.kind)) return [node.right];
  return [];
}

const LOGICAL: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
]);

/** How often the code at a place has run: the count of the smallest range around it. */
function countAt(ranges: readonly Profiler.CoverageRange[], at: number): number {
  let smallest: Profiler.CoverageRange | undefined;
  for (const range of ranges) {
    if (range.startOffset > at || range.endOffset <= at) continue;
    const size = range.endOffset - range.startOffset;
    if (!smallest || size <= smallest.endOffset - smallest.startOffset) smallest = range;
  }
  return smallest?.count ?? 0;
}

// Read before the days run: they may take minutes, and a source may change meanwhile.
const sources = new Map(
  FOLDERS.map((folder) => [
    folder,
    globSync(`${folder}/**/*.ts`, { cwd: root })
      .filter((file) => !REPLACED.has(file))
      .sort()
      .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') })),
  ]),
);
const coverage = await profile();
const rows: string[] = [];
const missing: Branch[] = [];
for (const [folder, files] of sources) {
  const branches = files.flatMap(({ file, text }) =>
    branchesOf(
      file,
      text,
      coverage.find(({ url }) => url.endsWith(`/${file}`)),
    ),
  );
  const reached = branches.filter(({ isReached }) => isReached).length;
  rows.push(
    `| ${folder} | ${reached} | ${branches.length} | ${((100 * reached) / branches.length).toFixed(1)} % |`,
  );
  missing.push(...branches.filter(({ isReached }) => !isReached));
}
console.log(
  `| ${values.days} days | reached | branches | share |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`,
);
for (const [file, branches] of Map.groupBy(missing, (branch) => branch.file)) {
  console.log(`${file}\n${branches.map(({ line, text }) => `  ${line}: ${text}`).join('\n')}`);
}
