/** How much work the proxy does: it must grow with the events, and not with their square. */
import type { ProxyProcess } from '../proxy-process.ts';
import type { Post } from '../sender.ts';
import type { World } from '../world.ts';

/**
 * Reads of the clock at one moment, at most: for each event without an answer or that an operator sends again, for each on
 * disk, and in any case.
 */
const READS_PER_EVENT = 8;
const READS_PER_SPOOLED = 4;
const READS = 500;

/** Bytes read from the disk for each byte that was written to it, at most, and in any case. */
const READ_SHARE = 2;
const READ_BYTES = 200_000;

/** Parked events are tried again after 1, 2, 4, … seconds, then each minute, and are on disk only: so often in a day. */
const PARKED_READ_SHARE = 12;

/** In addition, an operator's list reads them, and so does the decision. */
const READS_PER_ACT = 2;

/** The folders of the spool that have events. */
export const SPOOL_FOLDERS = ['topics', 'parked'] as const;
export type SpoolFolder = (typeof SPOOL_FOLDERS)[number];

/** Each event that is handled, offered to the disk or checked needs the time. */
export function judgeReads(world: World, { number, time }: ProxyProcess, posts: readonly Post[]): void {
  const open = mostAtATime(posts.filter((post) => post.process === number));
  const spooled = posts.filter(({ outcome }) => outcome === 'spooled').length;
  const most = READS + READS_PER_EVENT * (open + world.decisions.length) + READS_PER_SPOOLED * spooled;
  if (time.mostReads > most)
    world.remark(`process ${number} reads the clock ${time.mostReads} times at one moment`);
}

/** Most posts that were open at the same time. */
function mostAtATime(posts: readonly Post[]): number {
  const steps = posts.flatMap(({ postedAt, answeredAt = postedAt }) => [
    { at: postedAt, by: 1 },
    { at: answeredAt + 1, by: -1 },
  ]);
  let [open, most] = [0, 0];
  for (const { by } of steps.sort((a, b) => a.at - b.at)) {
    open += by;
    most = Math.max(most, open);
  }
  return most;
}

/**
 * An event is read from the disk about once, and a parked one each time that it is tried again. A process that finds events
 * reads them twice.
 */
export function judgeDisk(world: World): void {
  const { bytesRead, bytesWritten } = world.disk.operations;
  const shares = { topics: READ_SHARE, parked: PARKED_READ_SHARE + READS_PER_ACT * world.operatorActs };
  for (const folder of SPOOL_FOLDERS) {
    const read = bytesIn(folder, bytesRead);
    const written = bytesIn(folder, bytesWritten);
    const found = (world.bytesFound.get(folder) ?? 0) * world.processes.length;
    if (read > READ_BYTES + shares[folder] * (written + found))
      world.remark(`the proxy reads ${read} bytes from the disk (${folder}), and has written ${written}`);
  }
}

/** The bytes of the files in this folder of the spool. */
export function bytesIn(
  folder: SpoolFolder,
  bytes: Iterable<readonly [path: string, bytes: number]>,
): number {
  let sum = 0;
  for (const [path, own] of bytes) if (path.startsWith(`/spool/${folder}/`)) sum += own;
  return sum;
}
