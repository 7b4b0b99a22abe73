import { setTimeout as sleep } from 'node:timers/promises';
import { readRecords } from '../../tools/kafka/records.ts';
import { beginningOffsets, endOffsets, isUnknownTopic } from '../../tools/kafka/topics.ts';
import { sequenceOf, type EventBodies } from './event-bodies.ts';
import type { Judgement } from './judgement.ts';

// About 100 MB at 5 KB an event: a topic of gigabytes must not be in memory at once.
const PIECE = 20_000;
const POLL_MS = 500;

/** Reads a topic piece by piece and tells the judgement the place of each event. */
export class TopicReader {
  readonly #servers: string;
  readonly #topic: string;
  readonly #bodies: EventBodies;
  readonly #judgement: Judgement;
  readonly #next = new Map<number, bigint>();
  /** Records that do not come from the load. */
  foreign = 0;

  constructor(servers: string, topic: string, bodies: EventBodies, judgement: Judgement) {
    this.#servers = servers;
    this.#topic = topic;
    this.#bodies = bodies;
    this.#judgement = judgement;
  }

  /**
   * Reads until every kept event has arrived and no record, such as a duplicate, follows for `quietMs`. Gives up when no
   * record has arrived for `patienceMs`.
   */
  async readAll(patienceMs: number, quietMs: number): Promise<void> {
    let lastAt = performance.now();
    for (;;) {
      const records = await this.#readOn();
      const now = performance.now();
      if (records > 0) lastAt = now;
      if (now - lastAt > (this.#judgement.complete ? quietMs : patienceMs)) return;
      if (records === 0) await sleep(POLL_MS);
    }
  }

  /** Reads at most one piece of the new records. Gives the number of records. */
  async #readOn(): Promise<number> {
    let ends: Map<number, bigint>;
    try {
      ends = await endOffsets(this.#servers, this.#topic);
      if ([...ends.keys()].some((partition) => !this.#next.has(partition))) {
        const beginnings = await beginningOffsets(this.#servers, this.#topic);
        for (const [partition, offset] of beginnings) {
          if (!this.#next.has(partition)) this.#next.set(partition, offset);
        }
      }
    } catch (error) {
      if (isUnknownTopic(error)) return 0;
      throw error;
    }
    let remaining = 0;
    for (const [partition, end] of ends) remaining += Number(end - (this.#next.get(partition) ?? 0n));
    if (remaining === 0) return 0;
    const records = await readRecords(this.#servers, this.#topic, {
      from: new Map(this.#next),
      until: Math.min(PIECE, remaining),
      timeoutMs: 60_000,
    });
    for (const { partition, offset, value } of records) {
      this.#next.set(partition, offset + 1n);
      const sequence = value === null ? undefined : sequenceOf(value);
      if (value === null || sequence === undefined) this.foreign += 1;
      else {
        const intact = this.#bodies.bodyOf(sequence).equals(value);
        this.#judgement.arrived({ sequence, partition, offset, intact });
      }
    }
    return records.length;
  }
}
