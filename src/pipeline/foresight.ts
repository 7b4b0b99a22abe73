/**
 * Examines events that are taken, and finds which consumers will drop them, and which levels of the check would refuse
 * them. Nothing depends on it but metrics: the event goes on at once, and large events are examined in turns.
 *
 * Each event is examined for the consumers that the settings name. For the other levels, a share of the time is used: at
 * a high rate, some events are not examined, and a metric tells how many were.
 */
import type { Consumer } from '../openlineage/consumers/consumer.ts';
import { checkFully, checkInSlices, SLICE_BYTES } from '../openlineage/full-check.ts';
import { parseEvent } from '../openlineage/levels/event-value.ts';
import { searchAtOnce, searchInSlices, valueInSlices } from '../openlineage/levels/level-check.ts';
import { demandOf, levelsBeyond, type CheckLevel } from '../openlineage/levels/level.ts';
import type { Search } from '../openlineage/levels/search.ts';
import { NamingSearch, type NamingDeviation } from '../openlineage/naming/naming-search.ts';
import { blockOf } from '../support/memory/byte-pool.ts';
import type { Clock } from '../support/time.ts';
import type { Turns } from '../support/turns.ts';
import { TimeShare } from './time-share.ts';

export interface ForesightSettings {
  /** The level in force. */
  readonly checkLevel: CheckLevel;
  /** The consumers for which each event is examined. */
  readonly consumers: readonly Consumer[];
}

/** What is found of one event. */
export interface Foreseen {
  readonly consumers: readonly Consumer[];
  /** The consumers that will drop the event, each with its first reason. */
  readonly drops: readonly { readonly consumer: Consumer; readonly reason: string }[];
  /** True if the event was examined for the other levels. */
  readonly forLevels: boolean;
  /** The levels that would refuse the event. */
  readonly refusing: readonly CheckLevel[];
  /** How its datasets deviate from the naming rules, if the event was examined for the other levels. */
  readonly naming: ReadonlySet<NamingDeviation>;
}

/**
 * The share of one core for the other levels. An examination takes 57 µs, so some 40 events a second are examined. At 700
 * events a second that is a twentieth of what they cost, and at higher rates less.
 */
const SHARE = 1 / 400;
/** What they may take at once, after a pause: more than a thousand events. */
const MOST_MS = 100;

/** Larger events wait for their turns. */
const MAX_SYNC_BYTES = SLICE_BYTES;
/** Datasets whose names are looked at before others have their turn. */
const DATASETS_A_SLICE = 4096;

/** More bytes are not kept in memory for this alone. Events beyond are not examined. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;

export class Foresight {
  readonly #consumers: readonly Consumer[];
  readonly #checkLevel: CheckLevel;
  readonly #levels: readonly CheckLevel[];
  readonly #turns: Turns;
  readonly #clock: Clock;
  readonly #share: TimeShare;
  #waitingBytes = 0;

  /** `clock` is monotonic. */
  constructor({ checkLevel, consumers: named }: ForesightSettings, turns: Turns, clock: Clock) {
    this.#consumers = [...new Set(named)];
    this.#checkLevel = checkLevel;
    this.#levels = levelsBeyond(checkLevel);
    this.#turns = turns;
    this.#clock = clock;
    this.#share = new TimeShare(SHARE, MOST_MS, clock);
  }

  /** What is foreseen of a valid event. Undefined if it is not examined. A promise for a large one. */
  examine(bytes: Buffer): Foreseen | Promise<Foreseen> | undefined {
    const forLevels = this.#share.hasTime();
    if (!forLevels && this.#consumers.length === 0) return undefined;
    if (bytes.length > MAX_SYNC_BYTES) return this.#examineLater(bytes, forLevels);
    const startedAt = this.#clock.now();
    const value = parseEvent(bytes);
    const found = new Map<CheckLevel, string>();
    for (const level of this.#subjects(forLevels)) {
      const demand = demandOf(level);
      if (demand) note(found, level, searchAtOnce(demand.search(value, bytes)));
      else if (checkFully(bytes, 'core').errors) found.set(level, level);
    }
    const naming = new NamingSearch(forLevels ? value : undefined);
    while (!naming.advance(DATASETS_A_SLICE));
    if (forLevels) this.#share.spend(this.#clock.now() - startedAt);
    return this.#foreseen(found, forLevels, new Set(naming.found.keys()));
  }

  #examineLater(bytes: Buffer, forLevels: boolean): Promise<Foreseen> | undefined {
    if (this.#waitingBytes + bytes.length > MAX_WAITING_BYTES) return undefined;
    this.#waitingBytes += bytes.length;
    // The delivery may give the memory of the event back before.
    const block = blockOf(bytes);
    block?.pin();
    return this.#examineInSlices(bytes, forLevels).finally(() => {
      block?.unpin();
      this.#waitingBytes -= bytes.length;
    });
  }

  async #examineInSlices(bytes: Buffer, forLevels: boolean): Promise<Foreseen> {
    let workedMs = 0;
    let startedAt = 0;
    const pause = async () => {
      workedMs += this.#clock.now() - startedAt;
      await this.#turns.wait(SLICE_BYTES);
      startedAt = this.#clock.now();
    };
    await this.#turns.wait(SLICE_BYTES);
    startedAt = this.#clock.now();
    const value = await valueInSlices(bytes, pause);
    const found = new Map<CheckLevel, string>();
    for (const level of this.#subjects(forLevels)) {
      const demand = demandOf(level);
      await pause();
      if (demand) note(found, level, await searchInSlices(demand.search(value, bytes), pause));
      else if ((await checkInSlices(bytes, 'core', pause)).errors) found.set(level, level);
    }
    const naming = new NamingSearch(forLevels ? value : undefined);
    while (!naming.advance(DATASETS_A_SLICE)) await pause();
    if (forLevels) this.#share.spend(workedMs + this.#clock.now() - startedAt);
    return this.#foreseen(found, forLevels, new Set(naming.found.keys()));
  }

  #subjects(forLevels: boolean): ReadonlySet<CheckLevel> {
    const subjects = new Set([...this.#consumers, ...(forLevels ? this.#levels : [])]);
    // The level in force lets nothing pass that it refuses.
    subjects.delete(this.#checkLevel);
    return subjects;
  }

  #foreseen(
    found: ReadonlyMap<CheckLevel, string>,
    forLevels: boolean,
    naming: ReadonlySet<NamingDeviation>,
  ): Foreseen {
    const drops = this.#consumers.flatMap((consumer) => {
      const reason = found.get(consumer);
      return reason === undefined ? [] : [{ consumer, reason }];
    });
    // Each level demands what `core` does.
    const refusesAll = found.has('core');
    const refusing = forLevels ? this.#levels.filter((level) => refusesAll || found.has(level)) : [];
    return { consumers: this.#consumers, drops, forLevels, refusing, naming };
  }
}

function note(found: Map<CheckLevel, string>, level: CheckLevel, { objections }: Search): void {
  const [first] = objections;
  if (first) found.set(level, first.reason);
}
