/** Puts events into a real spool and takes them out again. Tests check or change the disk in between. */
import assert from 'node:assert/strict';

import { Mark } from '../../src/spool/marks.ts';
import { Spool } from '../../src/spool/spool.ts';
import type { Place } from '../../src/spool/group-writer.ts';
import type { DamageReport, TopicLog } from '../../src/spool/topic-log.ts';
import { time } from './simulation/clock.ts';
import { SimulatedDisk } from './simulation/simulated-disk.ts';

/** More reads than any test needs. */
const READS = 100;

/** An event, and the bytes of a segment that two such events fill. */
export const EVENT = Buffer.alloc(100, 'event');
export const SEGMENT = 300;

export const TOPIC = 'events';
export const FOLDER = `/spool/topics/${TOPIC}`;

export interface Opened {
  readonly spool: Spool;
  readonly log: TopicLog;
  readonly reports: DamageReport[];
}

export async function openSpool(
  disk: SimulatedDisk,
  segmentBytes = 8 * 1024 * 1024,
  maxBytes = Infinity,
): Promise<Opened> {
  const reports: DamageReport[] = [];
  const settings = { path: '/spool', maxBytes, segmentBytes };
  const spool = await Spool.open(settings, (report) => void reports.push(report), { disk, time });
  return { spool, log: spool.log(TOPIC), reports };
}

/** Appends an event. Resolves when the event survives a power cut. */
export function append(log: TopicLog, payload: Buffer, arrivedAt: number): Promise<Place> {
  return new Promise((kept, failed) => {
    const item = { parts: [payload], arrivedAt, mark: Mark.kept, kept };
    log.append({ ...item, failed: (reason) => failed(new Error(reason)) });
  });
}

/** Reads all events, marks them as delivered, and returns them. */
export async function drain(log: TopicLog): Promise<Buffer[]> {
  const payloads: Buffer[] = [];
  for (let reads = 0; log.hasUnread; reads++) {
    assert.ok(reads < READS, 'there is said to be more, and it does not come out');
    for (const { payload, place } of await log.read()) {
      payloads.push(Buffer.from(payload));
      log.mark(place, Mark.delivered);
    }
  }
  await log.settled();
  return payloads;
}

/** A disk with these events. A process wrote them, and was then killed or closed its spool. */
export async function diskWith(
  payloads: readonly Buffer[],
  ending: 'kill' | 'close',
  segmentBytes?: number,
): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const { spool, log } = await openSpool(disk, segmentBytes);
  for (const [index, payload] of payloads.entries()) await append(log, payload, index);
  if (ending === 'kill') return disk.afterCrash('kill');
  await spool.close();
  return disk;
}

/** The paths of the segments, in order. */
export function segmentsOn(disk: SimulatedDisk): string[] {
  return [...disk.contents().keys()].filter((path) => path.endsWith('.log'));
}

/** Changes the bytes of a file as a failing disk would. */
export function damage(disk: SimulatedDisk, path: string, change: (bytes: Buffer) => unknown): void {
  const bytes = disk.contents().get(path);
  if (!bytes) throw new Error(`no ${path}`);
  const changed = change(bytes);
  disk.place(path, Buffer.isBuffer(changed) ? changed : bytes);
}
