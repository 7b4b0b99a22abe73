/**
 * `make faults`: injects every failure under load, and counts what has become of each event.
 *
 *     node test/faults/main.ts [--only NAME,…] [--rate 400] [--posters 16] [--bytes 5000] [--outage 20] [--spooled 500000]
 *
 * Exits with 1 when an event was lost or reordered, or refused where no refusal is allowed.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runLine, type Row } from './line.ts';
import { lines } from './lines/all.ts';
import { lineOf, pageOf } from './report.ts';
import type { Pace } from './scene.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rate: { type: 'string', default: '400' },
    posters: { type: 'string', default: '16' },
    bytes: { type: 'string', default: '5000' },
    outage: { type: 'string', default: '20' },
    spooled: { type: 'string', default: '500000' },
  },
});
const pace: Pace = {
  perSecond: Number(values.rate),
  posters: Number(values.posters),
  bytes: Number(values.bytes),
  outageMs: Number(values.outage) * 1000,
  flowMs: 5000,
  quietMs: 3000,
  spooled: Number(values.spooled),
};
const only = values.only?.split(',');
const unknown = only?.filter((name) => !lines.some((line) => line.name === name)) ?? [];
if (unknown.length > 0) {
  console.error(
    `There is no line ${unknown.join(', ')}; there are ${lines.map(({ name }) => name).join(', ')}.`,
  );
  process.exit(2);
}

const root = join(import.meta.dirname, '..', '..');
const logs = join(root, '.run', 'faults');
mkdirSync(logs, { recursive: true });
const rows: Row[] = [];
for (const line of lines.filter(({ name }) => only?.includes(name) ?? true)) {
  console.log(`${line.name}: ${line.what}`);
  const row = await runLine(line, pace);
  rows.push(row);
  console.log(lineOf(row));
  writeFileSync(join(logs, `${line.name}.log`), row.proxyLog);
  // All failures in full, and the file with the proxy's log.
  for (const failure of row.failures)
    console.log(`  FAILED: ${failure} (the proxy's log: .run/faults/${line.name}.log)`);
}

const page = pageOf(rows, ['make faults', ...process.argv.slice(2)].join(' '));
const results = join(root, 'benchmark', 'results');
mkdirSync(results, { recursive: true });
writeFileSync(join(results, 'faults.md'), page);
console.log(`\n${page}`);
process.exit(rows.some(({ failures }) => failures.length > 0) ? 1 : 0);
