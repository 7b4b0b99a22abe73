/** The lanes of one topic, one a partition, and the records that wait to learn which is theirs. */
import { PartitionLane } from './partition-lane.ts';
import type { Partitioner } from './partitioner.ts';
import { PendingQueue, type PendingRecord } from './pending-record.ts';

export class TopicLanes {
  readonly topic: string;
  readonly lanes: PartitionLane[] = [];
  /** Records whose partition cannot be chosen before the topic is known. */
  readonly #unplaced = new PendingQueue();
  readonly #choosePartition: Partitioner;

  constructor(topic: string, choosePartition: Partitioner) {
    this.topic = topic;
    this.#choosePartition = choosePartition;
  }

  /** Does somebody wait for the topic to be known? */
  get waiting(): boolean {
    return this.#unplaced.peek() !== undefined;
  }

  /** Puts a record into the lane of its key. */
  place(pending: PendingRecord): void {
    const { key } = pending.record;
    const count = this.lanes.length;
    // Java's and librdkafka's clients, too, are free where there is no key.
    const partition = key === null ? Math.floor(Math.random() * count) : this.#choosePartition(key, count);
    (this.lanes[partition]?.queue ?? this.#unplaced).push(pending);
  }

  /** Has the topic as many lanes as it has partitions, and gives the records that have none their place. */
  lay(partitions: number): void {
    for (let partition = this.lanes.length; partition < partitions; partition++) {
      this.lanes.push(new PartitionLane(this.topic, partition));
    }
    // Fewer partitions than before: the topic was deleted and made anew.
    const homeless = this.lanes.splice(partitions).flatMap((lane) => lane.queue.drain());
    for (const pending of [...homeless, ...this.#unplaced.drain()]) this.place(pending);
  }

  /** Settles all that is left as closed. */
  close(): void {
    for (const record of this.#unplaced.drain()) record.settle({ kind: 'closed', mayBeWritten: false });
    for (const { batch, queue } of this.lanes) {
      for (const record of batch?.records ?? []) record.settle({ kind: 'closed', mayBeWritten: true });
      for (const record of queue.drain()) record.settle({ kind: 'closed', mayBeWritten: false });
    }
  }
}
