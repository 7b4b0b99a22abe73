/** The lanes of one topic, one a partition, and the records that wait to learn which is theirs. */
import { PartitionQueue } from './partition-queue.ts';
import type { Partitioner } from './partitioner.ts';
import { PendingQueue, type PendingRecord } from './pending-record.ts';

export class TopicPartitions {
  readonly topic: string;
  readonly lanes: PartitionQueue[] = [];
  /** Records whose partition cannot be chosen before the topic is known. */
  readonly #unplaced = new PendingQueue();
  /** Partitions of the topic, as far as is known. */
  #wanted = 0;
  readonly #choosePartition: Partitioner;

  constructor(topic: string, choosePartition: Partitioner) {
    this.topic = topic;
    this.#choosePartition = choosePartition;
  }

  /** Does somebody wait for the topic to be known? */
  get waiting(): boolean {
    return this.#wanted === 0 && this.#unplaced.peek() !== undefined;
  }

  /** Puts a record into the lane of its key. */
  place(pending: PendingRecord): void {
    const { key } = pending.record;
    const count = this.lanes.length;
    // Java's and librdkafka's clients, too, are free where there is no key.
    const partition = key === null ? Math.floor(Math.random() * count) : this.#choosePartition(key, count);
    const lane = this.#isChanging() ? undefined : this.lanes[partition];
    (lane?.queue ?? this.#unplaced).push(pending);
  }

  /** The topic has so many partitions. */
  lay(partitions: number): void {
    this.#wanted = partitions;
    this.adjust();
  }

  /**
   * Has the topic as many lanes as it has partitions, as soon as that is possible, and then gives the records that have
   * none their place. With another number of partitions a key has another place: so that none overtakes an earlier one of
   * its key, those behind wait until all that came before are written.
   */
  adjust(): void {
    if (this.#isChanging() && !this.#canChange()) return;
    // Fewer partitions than before: the topic was deleted and made anew.
    const homeless = this.lanes.splice(this.#wanted).flatMap((lane) => lane.empty());
    for (let partition = this.lanes.length; partition < this.#wanted; partition++) {
      this.lanes.push(new PartitionQueue(this.topic, partition));
    }
    for (const pending of [...homeless, ...this.#unplaced.drain()]) this.place(pending);
  }

  // No getter: V8 is slow with private ones.
  #isChanging(): boolean {
    return this.#wanted !== this.lanes.length;
  }

  #canChange(): boolean {
    if (this.#wanted > this.lanes.length) return !this.lanes.some(({ busy, waiting }) => busy || waiting);
    return !this.lanes.slice(this.#wanted).some(({ busy }) => busy);
  }

  /** Settles all that is left as closed. */
  close(): void {
    for (const record of this.#unplaced.drain()) record.settle({ kind: 'closed', mayBeWritten: false });
    for (const lane of this.lanes) {
      const mayBeWritten = lane.busy || lane.batch?.mayBeWritten === true;
      for (const record of lane.batch?.records ?? []) record.settle({ kind: 'closed', mayBeWritten });
      for (const record of lane.queue.drain()) record.settle({ kind: 'closed', mayBeWritten: false });
    }
  }
}
