import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

export interface Sample {
  readonly name: string;
  readonly bytes: Buffer;
}

/** The events of examples/, exactly as real clients sent them. */
export const examples: readonly Sample[] = readAll('examples', 'examples/*/*.json');

/** Further recorded events, where this machine has them. */
export const recordings: readonly Sample[] = existsSync(join(root, '..', 'shared', 'events'))
  ? readAll('recordings', '../shared/events/**/*.json')
  : [];

export const batchExample: Buffer = readFileSync(join(root, 'examples', 'batch.json'));

function readAll(what: string, pattern: string): Sample[] {
  const names = globSync(pattern, { cwd: root }).sort();
  if (names.length === 0) throw new Error(`there are no ${what} at ${pattern}`);
  return names.map((name) => ({ name, bytes: readFileSync(join(root, name)) }));
}
