/** Looks into a spool without locking or changing anything, also while a proxy works with it. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Mark } from './marks.ts';
import { findFrames, MARKS_HEADER_SIZE, parseName } from './segment-format.ts';

/** An event that is kept. */
export interface KeptEvent {
  readonly payload: Buffer;
  /** Milliseconds since the epoch. */
  readonly arrivedAt: number;
}

/** A file that was set aside because some of its bytes had changed. */
export interface DamagedFile {
  readonly path: string;
  readonly bytes: number;
}

/** The topics of which there may be events. Rejects with ENOENT when there is no spool at this path. */
export async function listTopics(path: string): Promise<string[]> {
  return (await readdir(join(path, 'topics'))).sort();
}

/** The events of a topic that are kept and not delivered, in their order. Those of one segment are in memory at once. */
export async function* readKept(path: string, topic: string): AsyncGenerator<KeptEvent> {
  const folder = join(path, 'topics', topic);
  for (const file of (await readdir(folder)).sort()) {
    const name = parseName(file);
    if (!name) continue;
    // A running proxy may have delivered it and taken it away since.
    const bytes = await readIfThere(join(folder, file));
    const marks = await readIfThere(join(folder, file.replace(/\.log$/, '.marks')));
    for (const { ordinal, payload, arrivedAt } of findFrames(bytes, name.seed)) {
      if (marks[MARKS_HEADER_SIZE + ordinal] !== Mark.delivered) yield { payload, arrivedAt };
    }
  }
}

/** What was set aside of a topic. */
export async function listDamaged(path: string, topic: string): Promise<DamagedFile[]> {
  const folder = join(path, 'topics', topic);
  const files = (await readdir(folder)).filter((file) => file.endsWith('.damaged')).sort();
  return Promise.all(
    files.map(async (file) => ({ path: join(folder, file), bytes: (await stat(join(folder, file))).size })),
  );
}

async function readIfThere(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}
