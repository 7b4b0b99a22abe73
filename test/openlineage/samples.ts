import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

export interface Sample {
  readonly name: string;
  readonly bytes: Buffer;
}

/** The events of examples/, exactly as real clients sent them. */
export const examples: readonly Sample[] = readAll(root, 'examples/*/*.json');

/** More recorded events, where this machine has them beside the project. */
const beside = join(root, '..', 'shared');
export const recordings: readonly Sample[] = existsSync(join(beside, 'events'))
  ? readAll(beside, 'events/**/*.json')
  : [];

export const batchExample: Buffer = readFileSync(join(root, 'examples', 'batch.json'));

function readAll(folder: string, pattern: string): Sample[] {
  const names = globSync(pattern, { cwd: folder }).sort();
  if (names.length === 0) throw new Error(`there are no events at ${pattern} in ${folder}`);
  return names.map((name) => ({ name, bytes: readFileSync(join(folder, name)) }));
}
