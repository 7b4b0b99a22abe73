/**
 * Fails when a folder of src/ holds too many source files. Files in folders inside it do not count.
 * `make imports` runs it.
 */
import { readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** Limit for the files of one folder. A longer list is hard to read. */
const MOST = 14;

const root = join(import.meta.dirname, '..');

/** Folders with more than `most` files, and their numbers of files. Paths are relative to the root of the repository. */
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
