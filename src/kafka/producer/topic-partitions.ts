/** The partition queues of one topic, and the records that wait to learn which partition is theirs. */
import { PartitionQueue } from './partition-queue.ts';
import type { Partitioner } from './partitioner.ts';
import { PendingQueue, type PendingRecord } from './pending-record.ts';

export class TopicPartitions {
  readonly topic: string;
  readonly queues: PartitionQueue[] = [];
  /** Records whose partition cannot be chosen before the topic is known. */
  readonly #unplaced = new PendingQueue();
  /** Partitions of the topic, as far as is known. */
  #wanted = 0;
  readonly #choosePartition: Partitioner;
  readonly #random: () => number;

  /** `random` returns numbers from 0 up to 1: they place records without a key. */
  constructor(topic: string, choosePartition: Partitioner, random: () => number) {
    this.topic = topic;
    this.#choosePartition = choosePartition;
    this.#random = random;
  }

  /** Does a record wait for the topic to be known? */
  get isAwaited(): boolean {
    return this.#wanted === 0 && this.#unplaced.peek() !== undefined;
  }

  /** Has the last attempt of any queue failed? */
  get isFailing(): boolean {
    return this.queues.some(({ failures }) => failures > 0);
  }

  /** Puts a record into the queue of its key. */
  place(pending: PendingRecord): void {
    const { key } = pending.record;
    const count = this.queues.length;
    // Java's and librdkafka's clients, too, are free where there is no key.
    const partition = key === null ? Math.floor(this.#random() * count) : this.#choosePartition(key, count);
    const queue = this.#isChanging() ? undefined : this.queues[partition];
    (queue?.waiting ?? this.#unplaced).push(pending);
  }

  /** The topic has so many partitions. */
  resize(partitions: number): void {
    this.#wanted = partitions;
    this.adjust();
  }

  /**
   * Makes as many queues as the topic has partitions, as soon as that is possible, and then places the records that have
   * none. With another number of partitions a key has another place. So that no record overtakes an earlier one of its key,
   * those behind wait until all that came before are written.
   */
  adjust(): void {
    // Before the topic is known no record has a place.
    if (this.#wanted === 0) return;
    if (this.#isChanging() && !this.#canChange()) return;
    // Fewer partitions than before: the topic was deleted and made again.
    const homeless = this.queues.splice(this.#wanted).flatMap((queue) => queue.empty());
    for (let partition = this.queues.length; partition < this.#wanted; partition++) {
      this.queues.push(new PartitionQueue(this.topic, partition));
    }
    for (const pending of [...homeless, ...this.#unplaced.drain()]) this.place(pending);
  }

  // No getter: V8 is slow with private ones.
  #isChanging(): boolean {
    return this.#wanted !== this.queues.length;
  }

  #canChange(): boolean {
    if (this.#wanted > this.queues.length) return !this.queues.some(({ busy, hasWork }) => busy || hasWork);
    return !this.queues.slice(this.#wanted).some(({ busy }) => busy);
  }

  /** Settles all that is left as closed. */
  close(): void {
    for (const record of this.#unplaced.drain()) record.settle({ kind: 'closed', mayBeWritten: false });
    for (const queue of this.queues) queue.close();
  }
}
