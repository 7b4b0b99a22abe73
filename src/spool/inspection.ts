/** Reads a spool without a lock and without a change to it, also while a proxy uses it. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode } from '../support/error-text.ts';
import { localDisk } from './disk.ts';
import { Mark } from './marks.ts';
import { findNewerFormat, type NewerFormat } from './newer-format.ts';
import {
  decodeReference,
  findFrames,
  MARKS_HEADER_SIZE,
  PARKED_FOLDER,
  parseName,
  TOPICS_FOLDER,
} from './segment-format.ts';
import { Bodies } from './shared/bodies.ts';

/** An event in the spool that is not delivered. */
export interface KeptEvent {
  readonly payload: Buffer;
  /** Milliseconds since the epoch. */
  readonly arrivedAt: number;
}

/** A file that was set aside because some of its bytes have changed on disk. */
export interface DamagedFile {
  readonly path: string;
  readonly bytes: number;
}

/** The first file that a later version of the program has written; undefined if there is none. */
export function findNewer(path: string, payloadVersion: number): Promise<NewerFormat | undefined> {
  return findNewerFormat(localDisk, path, payloadVersion);
}

/** The topics with a folder in the spool, which may be empty. Rejects with ENOENT if there is no spool at this path. */
export async function listTopics(path: string): Promise<string[]> {
  return (await readdir(join(path, TOPICS_FOLDER))).sort();
}

/** The topics with a folder of parked events, which may be empty. */
export async function listParkedTopics(path: string): Promise<string[]> {
  try {
    return (await readdir(join(path, PARKED_FOLDER))).sort();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** The events of a topic that are kept and not delivered, in their order. Holds one segment in memory at a time. */
export function readKept(path: string, topic: string): AsyncGenerator<KeptEvent> {
  return readFolder(join(path, TOPICS_FOLDER, topic));
}

/** The parked events of a topic, in the order in which they were parked. Holds one segment in memory at a time. */
export function readParked(path: string, topic: string): AsyncGenerator<KeptEvent> {
  return readFolder(join(path, PARKED_FOLDER, topic));
}

async function* readFolder(folder: string): AsyncGenerator<KeptEvent> {
  const bodies = new Bodies(localDisk, dirname(folder), () => undefined);
  for (const file of (await readdir(folder)).sort()) {
    const name = parseName(file);
    if (!name) continue;
    // A running proxy may have delivered and removed the segment since the folder was listed.
    const bytes = await readIfThere(join(folder, file));
    const marks = await readIfThere(join(folder, file.replace(/\.log$/, '.marks')));
    for (const { ordinal, payload, arrivedAt, isReference } of findFrames(bytes, name.seed)) {
      if (marks[MARKS_HEADER_SIZE + ordinal] === Mark.delivered) continue;
      if (!isReference) {
        yield { payload, arrivedAt };
        continue;
      }
      const [body] = await bodies.read([decodeReference(payload)]);
      if (typeof body === 'object') yield { payload: body.bytes, arrivedAt };
    }
  }
}

/** The files of a topic that were set aside. */
export async function listDamaged(path: string, topic: string): Promise<DamagedFile[]> {
  return damagedIn(join(path, TOPICS_FOLDER, topic));
}

/** The files of a topic's parked events that were set aside. */
export async function listParkedDamaged(path: string, topic: string): Promise<DamagedFile[]> {
  return damagedIn(join(path, PARKED_FOLDER, topic));
}

async function damagedIn(folder: string): Promise<DamagedFile[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.damaged')).sort();
  return Promise.all(
    files.map(async (file) => ({ path: join(folder, file), bytes: (await stat(join(folder, file))).size })),
  );
}

async function readIfThere(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}
