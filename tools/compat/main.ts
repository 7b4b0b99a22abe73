/**
 * Tries consumers, clients, load balancers, schemathesis and Data.Rentgen's consumer with a real proxy and a real Kafka, and writes
 * docs/compatibility.md. `make compat`
 *
 * Each is installed into .run/compat/<name> once. `--only python,go` tries these alone; a name may be a group, e.g. `clients`. A thing that
 * cannot be had is written to the page, and is no failure. One that does not work as documented is: then the exit code is 1.
 */
import { parseArgs } from 'node:util';
import { useGoCheckout } from './clients/go-client.ts';
import { writePage } from './page.ts';
import { readRows, withRow, writeRows, type Missing, type Row } from './results.ts';
import { trials } from './table.ts';
import { Stage } from './stage.ts';
import { NotHere, type Trial } from './trial.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    events: { type: 'string' },
    'go-client': { type: 'string' },
    page: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});

if (values.help === true) {
  console.log(`node tools/compat/main.ts [--only NAME,…] [--events FOLDER] [--go-client FOLDER] [--page]
  --only        names: ${trials.map(({ name }) => name).join(', ')};
                or groups: ${[...new Set(trials.map(({ group }) => group))].join(', ')}
  --events      more events for Data.Rentgen's consumer: JSON files, one event a file
  --go-client   the folder client/go of a checkout of OpenLineage
  --page        only write the page from the stored results`);
} else {
  useGoCheckout(values['go-client']);
  const wanted = values.page === true ? [] : chosen(values.only?.split(','));
  const names = trials.map(({ name }) => name);
  const stage = new Stage(values.events);
  try {
    for (const trial of wanted) {
      const row = await tried(trial, stage);
      writeRows(withRow(readRows(), trial.name, row), names);
    }
  } finally {
    await stage.stop();
  }
  await writePage(readRows());
}

function chosen(names: readonly string[] | undefined): readonly Trial[] {
  if (names === undefined) return trials;
  const unknown = names.find((one) => !trials.some(({ name, group }) => name === one || group === one));
  if (unknown !== undefined) throw new Error(`nothing is named ${unknown}; see --help`);
  return trials.filter(({ name, group }) => names.includes(name) || names.includes(group));
}

/** In one line. */
function missing(version: string, reason: string): Missing {
  return { version, date: today(), reason: reason.replaceAll(/\s+/g, ' ').slice(0, 200) };
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}

async function tried(trial: Trial, stage: Stage): Promise<Row> {
  const { name, group, label } = trial;
  const common = { group, label, date: today() };
  let version = '';
  try {
    version = await trial.version();
    await trial.install();
    const { ok, cells, problems } = await trial.run(stage);
    const state = ok ? 'as documented' : 'not as documented';
    console.log(`${name} ${version}: ${state} ${JSON.stringify(cells)}`);
    for (const problem of problems) console.log(`  ${problem}`);
    if (!ok) process.exitCode = 1;
    return { ...common, version, state, cells };
  } catch (error) {
    if (error instanceof NotHere) {
      console.log(`${name} ${version}: not tried here: ${error.message}`);
      return { ...common, version, state: 'not tried', cells: {}, missing: missing(version, error.message) };
    }
    // The others are tried all the same.
    console.error(error);
    process.exitCode = 1;
    const state = 'not as documented';
    return { ...common, version, state, cells: {}, missing: missing(version, String(error)) };
  }
}
