import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SHOWN_LINES = 20;

const temporaryFolders = new Set<string>();

/** Makes a new folder, which is removed when this process ends, unless it is killed. */
export function temporaryFolder(prefix: string): string {
  if (temporaryFolders.size === 0) {
    process.once('exit', () => {
      for (const folder of temporaryFolders) rmSync(folder, { recursive: true, force: true });
    });
  }
  const folder = mkdtempSync(join(tmpdir(), prefix));
  temporaryFolders.add(folder);
  return folder;
}

/** Removes a folder that temporaryFolder made. */
export async function removeTemporaryFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  temporaryFolders.delete(folder);
}

/** The last lines of a log, for an error message. Empty when there is no log. */
export async function lastLines(file: string): Promise<string> {
  const log = await readFile(file, 'utf8').catch(() => '');
  return log.trimEnd().split('\n').slice(-SHOWN_LINES).join('\n');
}
