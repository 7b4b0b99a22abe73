/**
 * Fails when a folder of src/ holds more source files than a reader takes in at once; folders inside it do not count.
 * `make imports` runs it.
 */
import { readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** Files of one folder. */
const MOST = 14;

const root = join(import.meta.dirname, '..');

/** The folders with too many files, by their paths from the root of the repository, and how many each has. */
export function crowdedFolders(folder: string, most: number): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const parent = relative(root, join(folder, dirname(file)));
    counts.set(parent, (counts.get(parent) ?? 0) + 1);
  }
  return new Map([...counts].filter(([, count]) => count > most));
}

if (import.meta.main) {
  for (const [folder, count] of crowdedFolders(join(root, 'src'), MOST)) {
    console.error(`${folder} holds ${count} files; at most ${MOST} are allowed. Group them in folders.`);
    process.exitCode = 1;
  }
}
