/** The results of all runs, in benchmark/results/compat.json. A run replaces the rows of what it tried. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Group } from './trial.ts';

const file = join(import.meta.dirname, '..', '..', 'benchmark', 'results', 'compat.json');

export interface Row {
  readonly group: Group;
  readonly label: string;
  readonly version: string;
  /** The day, in UTC. */
  readonly date: string;
  readonly state: 'as documented' | 'not as documented' | 'not tried';
  /** What was seen. Empty when it was not tried, or when the trial ended early. */
  readonly cells: Readonly<Record<string, string>>;
  /** The last time that it could not be tried to its end, and why. */
  readonly missing?: Missing;
}

export interface Missing {
  readonly version: string;
  readonly date: string;
  readonly reason: string;
}

/** Rows by the names of their trials. */
export type Rows = Readonly<Record<string, Row>>;

export function readRows(): Rows {
  // The file is written below, and by nothing else.
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Rows) : {}; // eslint-disable-line @typescript-eslint/no-unsafe-type-assertion
}

/** @param names of all trials, in the order of the page; rows of others are left out */
export function writeRows(rows: Rows, names: readonly string[]): void {
  const known = names.flatMap((name): [string, Row][] =>
    rows[name] === undefined ? [] : [[name, rows[name]]],
  );
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(known), null, 2)}\n`);
}

/**
 * The rows with a new one. When a thing cannot be had on this machine, an older row of it stays, as it was tried once. It then says in
 * `missing` what could not be had.
 */
export function withRow(rows: Rows, name: string, row: Row): Rows {
  const older = rows[name];
  if (
    row.state !== 'not tried' ||
    row.missing === undefined ||
    older === undefined ||
    older.state === 'not tried'
  )
    return { ...rows, [name]: row };
  return { ...rows, [name]: { ...older, missing: row.missing } };
}
