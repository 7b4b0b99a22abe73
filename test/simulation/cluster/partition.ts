/**
 * One partition, as its brokers keep it: the log with its committed and its open end, the replicas that have it, and
 * the producers that the leader remembers. It judges a batch as Kafka's `ProducerAppendInfo` and `UnifiedLog` do.
 */
import { BROKER_CODES } from './broker-codes.ts';
import type { BatchContent } from './batch-content.ts';

/** A batch in the log. */
export interface Entry {
  readonly batch: BatchContent;
  /** The followers in the set of in-sync replicas that do not have it yet. */
  readonly missingOn: Set<number>;
  /** Counts all commits of the cluster, from 1; undefined while the batch is not committed. */
  commit: number | undefined;
  /** Called once: `committed`, or `truncated` when a new leader does not have the batch. */
  readonly ends: ((end: 'committed' | 'truncated') => void)[];
}

/** Batches that a leader remembers of each producer (`ProducerStateEntry.NUM_BATCHES_TO_RETAIN`). */
const REMEMBERED_BATCHES = 5;

/** `producer.id.expiration.ms`, Kafka's default. */
const PRODUCER_EXPIRES_MS = 24 * 60 * 60 * 1000;

interface ProducerState {
  epoch: number;
  /** The newest is the last. */
  batches: { from: number; count: number; entry: Entry }[];
  /** Milliseconds since the epoch, of the leader's clock; after an election that of the newest record. */
  lastAt: number;
}

export type Appended = { readonly entry: Entry } | { readonly errorCode: number };

export class Partition {
  readonly number: number;
  readonly replicas: readonly number[];
  /** In-sync replicas. */
  readonly inSync: Set<number>;
  /** -1 without a leader. */
  leader: number;
  readonly entries: Entry[] = [];
  readonly #producers = new Map<bigint, ProducerState>();
  /** Older brokers refuse an unknown producer that does not begin at 0 (before KIP-360). */
  readonly #refusesUnknown: (leader: number) => boolean;
  readonly #nextCommit: () => number;

  constructor(
    number: number,
    replicas: readonly number[],
    refusesUnknown: (leader: number) => boolean,
    nextCommit: () => number,
  ) {
    this.number = number;
    this.replicas = replicas;
    this.inSync = new Set(replicas);
    this.leader = replicas[0] ?? -1;
    this.#refusesUnknown = refusesUnknown;
    this.#nextCommit = nextCommit;
  }

  /** The committed batches, in the order of the log. */
  get committed(): Entry[] {
    return this.entries.filter(({ commit }) => commit !== undefined);
  }

  /** Appends a batch to the leader's log if its sequence is right. A known batch is the one in the log. */
  append(batch: BatchContent, now: number): Appended {
    this.#expire(now);
    const state = this.#producers.get(batch.producerId);
    const count = batch.records.length;
    const known = state?.batches.find((one) => one.from === batch.firstSequence && one.count === count);
    if (known && state?.epoch === batch.epoch) return { entry: known.entry };
    if (state && batch.epoch < state.epoch) return { errorCode: BROKER_CODES.INVALID_PRODUCER_EPOCH };
    const isNew = !state || batch.epoch > state.epoch;
    const expected = isNew ? 0 : nextSequence(state);
    if (batch.firstSequence !== expected && !(isNew && !state && !this.#refusesUnknown(this.leader))) {
      const errorCode = state ? BROKER_CODES.OUT_OF_ORDER_SEQUENCE_NUMBER : BROKER_CODES.UNKNOWN_PRODUCER_ID;
      return { errorCode };
    }
    const missingOn = new Set([...this.inSync].filter((node) => node !== this.leader));
    const entry: Entry = { batch, missingOn, commit: undefined, ends: [] };
    this.entries.push(entry);
    this.#remember(entry, now);
    this.advance();
    return { entry };
  }

  /** Commits what all in-sync replicas have, in the order of the log. */
  advance(): void {
    for (const entry of this.entries) {
      if (entry.commit !== undefined) continue;
      if (entry.missingOn.size > 0) return;
      entry.commit = this.#nextCommit();
      for (const end of entry.ends.splice(0)) end('committed');
    }
  }

  /** A follower has fetched everything. */
  fetched(node: number): void {
    for (const { missingOn } of this.entries) missingOn.delete(node);
    this.advance();
  }

  /** A replica is too far behind: the others go on without it. */
  shrink(node: number): void {
    if (this.inSync.size <= 1) return;
    this.inSync.delete(node);
    this.fetched(node);
  }

  /**
   * Makes an in-sync replica the leader. What it does not have of the open end is gone: nobody had an acknowledgement
   * for it. `now` is its clock.
   */
  elect(node: number): void {
    const first = this.entries.findIndex(({ missingOn }) => missingOn.has(node));
    const gone = first === -1 ? [] : this.entries.splice(first);
    this.leader = node;
    for (const { missingOn, commit } of this.entries) {
      missingOn.delete(node);
      if (commit === undefined) for (const other of this.inSync) if (other !== node) missingOn.add(other);
    }
    this.#rebuild();
    for (const { ends } of gone) for (const end of ends.splice(0)) end('truncated');
    this.advance();
  }

  /** The leader starts again, or has been told to: it counts from the times of the records (KIP-854). */
  restarted(): void {
    this.#rebuild();
  }

  /** Forgets every producer, as if all had expired. */
  forgetProducers(): void {
    this.#producers.clear();
  }

  #rebuild(): void {
    this.#producers.clear();
    for (const entry of this.entries) this.#remember(entry, entry.batch.maxTimestamp);
  }

  #remember(entry: Entry, at: number): void {
    const { producerId, epoch, firstSequence: from, records } = entry.batch;
    const known = this.#producers.get(producerId);
    const state = known && known.epoch === epoch ? known : { epoch, batches: [], lastAt: at };
    state.batches = [...state.batches, { from, count: records.length, entry }].slice(-REMEMBERED_BATCHES);
    state.lastAt = at;
    this.#producers.set(producerId, state);
  }

  #expire(now: number): void {
    for (const [id, { lastAt }] of this.#producers) {
      if (now - lastAt >= PRODUCER_EXPIRES_MS) this.#producers.delete(id);
    }
  }
}

function nextSequence({ batches }: ProducerState): number {
  const last = batches.at(-1);
  return last ? (last.from + last.count) % 2 ** 31 : 0;
}
