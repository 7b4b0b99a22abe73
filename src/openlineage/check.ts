/**
 * The check: reads the bytes of a body, and returns either what the record needs, or the list of validation errors.
 *
 * This file is the fast path: the scanner of `assembly/`, compiled to WebAssembly. It accepts events that are certainly
 * valid, in a fraction of the time that `JSON.parse` and the schema need. Everything else goes to the full check, which
 * takes turns with other requests when an event costs much.
 */
import { WORK_A_TURN, type Client, type Turns } from '../support/turns.ts';
import type { SchemaLevel } from './event-schema.ts';
import {
  checkFully,
  checkInSlices,
  checkTextFully,
  checkTextInSlices,
  jobNamesOf,
  SLICE_BYTES,
} from './full-check.ts';
import { judge, judgeInSlices } from './levels/level-check.ts';
import { demandOf, schemaLevelOf, type CheckLevel, type Demand } from './levels/level.ts';
import { countMembers, jobNameOf, scanArray, scanEvent } from './scanner.ts';
import type { CheckedEvent, JobNames, TextVerdict, Verdict } from './verdict.ts';

/** Checks one event at once. Never throws: the verdict has the event or its errors, whatever the bytes are. */
export function checkEvent(bytes: Buffer, level: CheckLevel): Verdict {
  // An event that is valid at level `core` is valid at `routing`, which demands less, with the same result.
  const event = scanEvent(bytes);
  const verdict: Verdict = event ? { path: 'fast_path', event } : checkFully(bytes, schemaLevelOf(level));
  const demand = demandOf(level);
  return demand && verdict.event ? judge(verdict.event, bytes, demand) : verdict;
}

/** An event of more bytes is read only in a turn with room for it. Nearly all events are smaller. */
const MAX_SYNC_BYTES = 64 * 1024;

/** True if an event is read only in a turn with room for it. */
export function isLarge(bytes: Buffer): boolean {
  return bytes.length > MAX_SYNC_BYTES;
}

/**
 * The fast path reads this many bytes in the time in which the full check reads one, at worst: 6 ns a byte, for an array
 * of digits. Usual events take less than 1 ns a byte.
 */
const BYTES_A_SCAN_WORK = 20;

/** What the full check of the smallest event costs. */
const CHECK_WORK = 128;

/** What it costs to scan a text, for `Turns`. */
export function scanWork(bytes: Buffer): number {
  return Math.min(bytes.length / BYTES_A_SCAN_WORK, WORK_A_TURN);
}

/**
 * Checks one event, and takes turns with other requests when that costs much. A promise only if it must wait. The
 * promise rejects with `ClientGone` if the client goes meanwhile. `known` is the event, if the check of a whole batch has
 * found already that it is valid at level `core`.
 */
export function checkInTurns(
  bytes: Buffer,
  level: CheckLevel,
  turns: Turns,
  client: Client,
  known?: CheckedEvent,
): Verdict | Promise<Verdict> {
  const verdict: Verdict | Promise<Verdict> = known
    ? { path: 'fast_path', event: known }
    : checkSchemaInTurns(bytes, schemaLevelOf(level), turns, client);
  const demand = demandOf(level);
  if (!demand) return verdict;
  if (verdict instanceof Promise) return verdict.then((one) => judgeInTurns(one, bytes, demand, turns));
  return judgeInTurns(verdict, bytes, demand, turns);
}

/** The search for what a level demands beyond its schema costs, at most, this many times the full check. */
const SEARCH_FACTOR = 2;

/** It goes on when the client has gone: the event fits the schema, so it is kept if the level takes it. */
function judgeInTurns(
  verdict: Verdict,
  bytes: Buffer,
  demand: Demand,
  turns: Turns,
): Verdict | Promise<Verdict> {
  const { event } = verdict;
  if (!event) return verdict;
  const work = CHECK_WORK + bytes.length * SEARCH_FACTOR;
  if (work > SLICE_BYTES) return judgeInSlices(event, bytes, demand, () => turns.wait(SLICE_BYTES));
  if (turns.take(work)) return judge(event, bytes, demand);
  return turns.wait(work).then(() => judge(event, bytes, demand));
}

function checkSchemaInTurns(
  bytes: Buffer,
  level: SchemaLevel,
  turns: Turns,
  client: Client,
): Verdict | Promise<Verdict> {
  if (bytes.length > MAX_SYNC_BYTES) {
    const work = scanWork(bytes);
    // A valid event is kept although its client has gone: most clients do not send it again. So `wait` has no client.
    if (!turns.take(work)) return turns.wait(work).then(() => checkLarge(bytes, level, turns, client));
    return checkLarge(bytes, level, turns, client);
  }
  const event = scanEvent(bytes);
  if (event) return { path: 'fast_path', event };
  const work = CHECK_WORK + bytes.length;
  if (work > SLICE_BYTES) return checkInSlices(bytes, level, () => turns.wait(SLICE_BYTES, client));
  if (turns.take(work)) return checkFully(bytes, level);
  return turns.wait(work, client).then(() => checkFully(bytes, level));
}

/**
 * A large text with more members and elements goes to the full check, which reads it in slices. Reading so many takes
 * the scanner some milliseconds. An event of 5 MB as Spark sends it has a quarter of a million.
 */
const MAX_SCANNED_MEMBERS = 300_000;

/** Checks a large event in a turn that has room for its scan. */
function checkLarge(
  bytes: Buffer,
  level: SchemaLevel,
  turns: Turns,
  client: Client,
): Verdict | Promise<Verdict> {
  const event = hasManyMembers(bytes) ? undefined : scanEvent(bytes);
  if (event) return { path: 'fast_path', event };
  const pause = () => turns.wait(SLICE_BYTES, client);
  return pause().then(() => checkInSlices(bytes, level, pause));
}

/** Checks the body of a batch as JSON text only: UTF-8, no byte order mark, the grammar, the limits of `json.ts`. */
export function checkText(bytes: Buffer): TextVerdict {
  return scanArray(bytes) ?? checkTextFully(bytes);
}

/** The same in turns with other requests. The verdict has the offsets of at most `maxElements` elements. */
export async function checkTextInTurns(
  bytes: Buffer,
  maxElements: number,
  turns: Turns,
  client: Client,
): Promise<TextVerdict> {
  const work = scanWork(bytes);
  if (!turns.take(work)) await turns.wait(work, client);
  const scan = hasManyMembers(bytes) ? undefined : scanArray(bytes);
  return scan ?? checkTextInSlices(bytes, maxElements, () => turns.wait(SLICE_BYTES, client));
}

function hasManyMembers(bytes: Buffer): boolean {
  // Smaller texts have not so many.
  return bytes.length > MAX_SCANNED_MEMBERS && (countMembers(bytes) ?? 0) > MAX_SCANNED_MEMBERS;
}

/** A larger event is not scanned for the names of its job: a log line needs them, and no more. */
const MAX_NAMED_BYTES = 1024 * 1024;

/** The names of the job of a valid event, for a log line. `namespace` is what the check has found. */
export function jobOf(bytes: Buffer, { kind, namespace }: CheckedEvent): JobNames {
  if (kind === 'dataset') return {};
  const name = bytes.length <= MAX_NAMED_BYTES ? jobNameOf(bytes) : undefined;
  if (name !== undefined) return { namespace, name };
  return bytes.length > MAX_SYNC_BYTES ? { namespace } : jobNamesOf(JSON.parse(bytes.toString('utf8')));
}
