/**
 * Finds files that a later version of the program has written. A proxy that ignored them would say that it is ready
 * while acknowledged events stay undelivered, so it does not start with them.
 */
import { join } from 'node:path';
import { errorCode } from '../support/error-text.ts';
import { readAll, type Disk } from './disk.ts';
import { OWNER_FILE, OWNER_VERSION, ownerVersion } from './owner.ts';
import {
  decodeFrame,
  decodeHeader,
  decodeMarksVersion,
  FRAME_HEADER_SIZE,
  HEADER_SIZE,
  MARKS_HEADER_SIZE,
  MARKS_VERSION,
  PARKED_FOLDER,
  parseName,
  payloadSize,
  TOPICS_FOLDER,
  VERSION,
  type SegmentName,
} from './segment-format.ts';

/** Most bytes of the file `owner` that are read: it has some hundred. */
const OWNER_BYTES = 64 * 1024;

/** A file has a version that this program does not know. */
export class NewerFormat extends Error {
  constructor(path: string, version: number, known: number) {
    super(
      `${path} has format version ${version}, and this version of http2kafka knows versions up to ${known}. Start the version that wrote it`,
    );
  }
}

/**
 * The first file with a newer version in a spool; undefined if there is none. The first byte of each payload is the
 * version of its layout: `payloadVersion` is the newest known one. A segment is written by one process, so its first
 * event tells the layout of all. A file that cannot be read is skipped: the code that needs it reports that.
 */
export async function findNewerFormat(
  disk: Disk,
  path: string,
  payloadVersion: number,
): Promise<NewerFormat | undefined> {
  const owner = await skipUnreadable(inOwner(disk, join(path, OWNER_FILE)));
  if (owner) return owner;
  // A parked event of another layout stays parked, and its reason says so.
  const kinds = [
    [TOPICS_FOLDER, payloadVersion] as const,
    [PARKED_FOLDER, Number.POSITIVE_INFINITY] as const,
  ];
  for (const [kind, newestPayload] of kinds) {
    const found = await inFolder(disk, join(path, kind), newestPayload);
    if (found) return found;
  }
  return undefined;
}

/** In the folder of each topic. */
async function inFolder(disk: Disk, kind: string, payloadVersion: number): Promise<NewerFormat | undefined> {
  for (const topic of await listed(disk, kind)) {
    const folder = join(kind, topic);
    for (const file of await listed(disk, folder)) {
      const name = parseName(file);
      if (!name) continue;
      const log = join(folder, file);
      const found =
        (await skipUnreadable(inSegment(disk, log, name, payloadVersion))) ??
        (await skipUnreadable(inMarks(disk, log.replace(/\.log$/, '.marks'), name)));
      if (found) return found;
    }
  }
  return undefined;
}

async function listed(disk: Disk, folder: string): Promise<string[]> {
  return (await disk.list(folder).catch(() => [])).sort();
}

async function skipUnreadable<Result>(work: Promise<Result>): Promise<Result | undefined> {
  try {
    return await work;
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return undefined;
  }
}

async function inSegment(
  disk: Disk,
  path: string,
  { seed }: SegmentName,
  payloadVersion: number,
): Promise<NewerFormat | undefined> {
  const begin = await readFrom(disk, path, HEADER_SIZE + FRAME_HEADER_SIZE + 1);
  const version = decodeHeader(begin)?.version ?? 0;
  if (version > VERSION) return new NewerFormat(path, version, VERSION);
  const layout = begin[HEADER_SIZE + FRAME_HEADER_SIZE] ?? 0;
  if (layout <= payloadVersion) return undefined;
  // A wrong byte on disk must not look like a version: only a frame with a right checksum tells one.
  const frame = begin.subarray(HEADER_SIZE);
  const whole = await readFrom(disk, path, HEADER_SIZE + FRAME_HEADER_SIZE + payloadSize(frame));
  const first = decodeFrame(whole, HEADER_SIZE, seed);
  return first && !first.isReference ? new NewerFormat(path, layout, payloadVersion) : undefined;
}

async function inOwner(disk: Disk, path: string): Promise<NewerFormat | undefined> {
  const version = ownerVersion((await readFrom(disk, path, OWNER_BYTES)).toString()) ?? 0;
  return version > OWNER_VERSION ? new NewerFormat(path, version, OWNER_VERSION) : undefined;
}

async function inMarks(disk: Disk, path: string, { seed }: SegmentName): Promise<NewerFormat | undefined> {
  const version = decodeMarksVersion(seed, await readFrom(disk, path, MARKS_HEADER_SIZE));
  return version > MARKS_VERSION ? new NewerFormat(path, version, MARKS_VERSION) : undefined;
}

/** The first bytes of a file, `size` at most. */
async function readFrom(disk: Disk, path: string, size: number): Promise<Buffer> {
  const file = await disk.open(path);
  try {
    const buffer = Buffer.alloc(Math.min(size, await disk.size(path)));
    return buffer.subarray(0, await readAll(file, buffer, 0));
  } finally {
    await file.close();
  }
}
