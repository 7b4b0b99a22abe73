/** The partition queues of one topic, and the records that have no partition yet. */
import type { TopicSharing } from './batch.ts';
import { PartitionQueue } from './partition-queue.ts';
import type { Partitioner } from './partitioner.ts';
import { PendingQueue, type PendingRecord } from './pending-record.ts';

export class TopicPartitions {
  readonly topic: string;
  readonly queues: PartitionQueue[] = [];
  /**
   * Queues of partitions that are gone. If one comes back, its sequence goes on: a broker that remembers the producer id
   * would take a batch with an earlier sequence for one that it has, acknowledge it and not write it.
   */
  readonly #gone = new Map<number, PartitionQueue>();
  /** Records without a partition: it cannot be chosen before the topic is known. */
  readonly #unplaced = new PendingQueue();
  /** How many partitions the topic has, as far as known; 0 if unknown. */
  #wanted = 0;
  readonly #choosePartition: Partitioner;
  readonly #random: () => number;
  readonly #sharing: TopicSharing;

  /** `random` returns numbers from 0 up to 1. They place records without a key. */
  constructor(topic: string, choosePartition: Partitioner, random: () => number, sharing: TopicSharing) {
    this.topic = topic;
    this.#sharing = sharing;
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

  /** Puts a record into the queue of its key. Returns the queue; undefined if the record must wait for its partition. */
  place(pending: PendingRecord): PartitionQueue | undefined {
    const { key } = pending.record;
    const count = this.queues.length;
    // The clients of Java and librdkafka also choose any partition for a record without a key.
    const partition = key === null ? Math.floor(this.#random() * count) : this.#choosePartition(key, count);
    const queue = this.#isChanging() ? undefined : this.queues[partition];
    (queue?.waiting ?? this.#unplaced).push(pending);
    return queue;
  }

  /** Tells how many partitions the topic has. */
  resize(partitions: number): void {
    this.#wanted = partitions;
    this.adjust();
  }

  /**
   * Makes as many queues as the topic has partitions, as soon as that is possible. Then places the records that have
   * no partition. With another number of partitions a key may belong to another partition. Later records wait until
   * all earlier ones are written, so that no record overtakes an earlier one of its key.
   */
  adjust(): void {
    // Before the topic is known, no record has a partition.
    if (this.#wanted === 0) return;
    if (this.#isChanging() && !this.#canChange()) return;
    // Fewer partitions than before: the topic was deleted and created again, or a broker does not know the new ones yet.
    const gone = this.queues.splice(this.#wanted);
    const homeless = gone.flatMap((queue) => queue.empty());
    for (const queue of gone) this.#gone.set(queue.partition, queue);
    for (let partition = this.queues.length; partition < this.#wanted; partition++) {
      this.queues.push(this.#gone.get(partition) ?? new PartitionQueue(this.topic, partition, this.#sharing));
      this.#gone.delete(partition);
    }
    for (const pending of [...homeless, ...this.#unplaced.drain()]) this.place(pending);
  }

  // Not a getter: V8 is slow with private getters.
  #isChanging(): boolean {
    return this.#wanted !== this.queues.length;
  }

  /**
   * The queues that stay must be empty: with another number of partitions, a later record of a key may have another queue.
   * Those whose partition is gone cannot get empty. Their records are placed first.
   */
  #canChange(): boolean {
    const staying = this.queues.slice(0, this.#wanted);
    const going = this.queues.slice(this.#wanted);
    return !staying.some(({ busy, hasWork }) => busy || hasWork) && !going.some(({ busy }) => busy);
  }

  /** Settles all remaining records as closed. */
  close(): void {
    for (const record of this.#unplaced.drain()) record.settle({ kind: 'closed', mayBeWritten: false });
    for (const queue of this.queues) queue.close();
  }
}
