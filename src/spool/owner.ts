/**
 * The file `owner` in the folder of a spool shows whether the folder is a copy: a restored backup, or a folder that was
 * moved by copying. A copy sends events again that the original has delivered since.
 *
 * The file contains its own identity on the file system: number and time of birth of its inode. A move within a file
 * system, and a volume that another machine mounts, keep both. A copy changes them. What copies whole blocks, such as the
 * snapshot of a volume, is not seen.
 *
 *     {"version":1,"spool":"<uuid>","generation":3,"host":"…","started":"…","inode":"…","born":"…"}
 *
 * `spool` and `generation`, which grows with each start, let an operator find the original. A copy gets new ones.
 */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

export const OWNER_VERSION = 1;
export const OWNER_FILE = 'owner';

/** What the file says. */
export interface Owner {
  readonly spool: string;
  /** Starts of a proxy with this folder. */
  readonly generation: number;
  readonly host: string;
  /** ISO 8601. */
  readonly started: string;
}

interface Identity {
  readonly inode: string;
  /** Nanoseconds since the epoch; `0` where the file system does not tell it. */
  readonly born: string;
}

/**
 * Takes possession of a folder, and returns the owner of the original if the folder is a copy. Call it with the lock.
 * `now` is in milliseconds since the epoch.
 * @throws as node:fs does. The spool can be used all the same: a full disk must not stop the delivery.
 */
export function takePossession(path: string, now: number): Owner | undefined {
  const file = join(path, OWNER_FILE);
  const last = readOwner(file);
  const isCopy = last !== undefined && !isSame(last, identityOf(statSync(file, { bigint: true })));
  const spool = last && !isCopy ? last.spool : randomUUID();
  const generation = last && !isCopy ? last.generation + 1 : 1;
  const next = `${file}.new`;
  const opened = openSync(next, 'w', 0o600);
  try {
    const identity = identityOf(fstatSync(opened, { bigint: true }));
    const owner = { spool, generation, host: hostname(), started: new Date(now).toISOString() };
    writeFileSync(opened, `${JSON.stringify({ version: OWNER_VERSION, ...owner, ...identity })}\n`);
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
  renameSync(next, file);
  return isCopy ? last : undefined;
}

/** The version of the file with this text; undefined if the text has none. */
export function ownerVersion(text: string): number | undefined {
  const version = parsed(text)?.['version'];
  return typeof version === 'number' ? version : undefined;
}

function readOwner(file: string): (Owner & Identity) | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const { spool, generation, host, started, inode, born } = parsed(text) ?? {};
  if (typeof spool !== 'string' || typeof generation !== 'number') return undefined;
  if (typeof host !== 'string' || typeof started !== 'string') return undefined;
  if (typeof inode !== 'string' || typeof born !== 'string') return undefined;
  return { spool, generation, host, started, inode, born };
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function identityOf({ ino, birthtimeNs }: { ino: bigint; birthtimeNs: bigint }): Identity {
  return { inode: ino.toString(), born: birthtimeNs.toString() };
}

function isSame(written: Identity, found: Identity): boolean {
  if (written.inode !== found.inode) return false;
  return written.born === found.born || written.born === '0' || found.born === '0';
}
