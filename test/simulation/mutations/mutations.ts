/** Ways to break the core, each a mistake that someone could make. The simulation has to find each of them. */

export interface Mutation {
  readonly name: string;
  readonly file: string;
  /** Text of the file, found once. */
  readonly find: string;
  readonly replace: string;
}

const queue = 'src/delivery/topic-queue.ts';
const partition = 'src/kafka/producer/partition-queue.ts';
const segment = 'src/spool/segment.ts';
const requests = 'src/kafka/producer/leader-requests.ts';

export const mutations: readonly Mutation[] = [
  {
    name: 'swap two records of a batch',
    file: partition,
    find: '      size += next.size;\n    }\n    return records;',
    replace: '      size += next.size;\n    }\n    return records.reverse();',
  },
  {
    name: 'forget the mark of a delivered event',
    file: queue,
    find: 'if (entry.place) this.#context.log.mark(entry.place, Mark.delivered);',
    replace: '',
  },
  {
    name: 'answer before the sync of the events',
    file: segment,
    find: '    await this.#writeAll(buffers, this.size);\n    await this.#file?.sync();',
    replace: '    await this.#writeAll(buffers, this.size);',
  },
  {
    name: 'do not sync the folder of a new segment',
    file: segment,
    find: '      await segment.#file.sync();\n      await disk.syncFolder(folder);',
    replace: '      await segment.#file.sync();',
  },
  {
    name: 'do not sync the folders above a topic',
    file: 'src/spool/spool.ts',
    find: 'for (const changed of [dirname(folder), path, dirname(path)]) await disk.syncFolder(changed);',
    replace: '',
  },
  {
    name: 'make another batch of records that may be written',
    file: partition,
    find: 'if (!this.batch.mayBeWritten) this.dissolve();',
    replace: 'if (this.batch) this.dissolve();',
  },
  {
    name: 'do not give back the memory of an event',
    file: queue,
    find: '    this.#windowBytes -= entry.held;\n    this.#context.claim(-entry.held);',
    replace: '    this.#windowBytes -= entry.held;',
  },
  {
    name: 'leave a timer behind at the stop',
    file: 'src/kafka/cluster/cluster-watch.ts',
    find: '    this.#closed = true;\n    this.#timer?.[Symbol.dispose]();',
    replace: '    this.#closed = true;',
  },
  {
    name: 'place records of a key while earlier ones wait, when partitions are added',
    file: 'src/kafka/producer/topic-partitions.ts',
    find: 'return !this.queues.some(({ busy, hasWork }) => busy || hasWork);',
    replace: 'return true;',
  },
  {
    name: "take the answer of another topic's partition",
    file: requests,
    find: 'answer.partition === partition && answer.topic === topic',
    replace: 'answer.partition === partition',
  },
  {
    name: 'take NOT_LEADER_OR_FOLLOWER for a certain refusal',
    file: 'src/kafka/error-code.ts',
    find: "NOT_LEADER_OR_FOLLOWER: 'unknown'",
    replace: "NOT_LEADER_OR_FOLLOWER: 'retry'",
  },
  {
    name: 'take REQUEST_TIMED_OUT for written',
    file: 'src/kafka/error-code.ts',
    find: "REQUEST_TIMED_OUT: 'unknown'",
    replace: "REQUEST_TIMED_OUT: 'written'",
  },
  {
    name: 'take a lost request for one that certainly did not arrive',
    file: requests,
    find: 'explained(name), detail, mayBeWritten);\n    if (meaning',
    replace: 'explained(name), detail, false);\n    if (meaning',
  },
  {
    name: 'keep the sequence under a new producer id',
    file: partition,
    find: '    this.#identity = identity;\n    this.#nextSequence = 0;',
    replace: '    this.#identity = identity;',
  },
  {
    name: 'let a new event overtake those that go to the disk',
    file: queue,
    find: 'if (this.#reader.isReading || this.#behind.size > 0 || this.#context.log.hasUnread) return true;',
    replace: 'if (this.#reader.isReading || this.#context.log.hasUnread) return true;',
  },
  {
    name: 'let a new event overtake those on disk',
    file: queue,
    find: 'if (this.#reader.isReading || this.#behind.size > 0 || this.#context.log.hasUnread) return true;',
    replace: 'if (this.#behind.size > 0) return true;',
  },
  {
    name: 'stop without an answer to the senders that wait',
    file: 'src/delivery/delivery.ts',
    find: '    while (queues.some((queue) => queue.hasUnanswered)) await sleep(this.#time, STOP_POLL_MS);',
    replace: '    await sleep(this.#time, STOP_POLL_MS);',
  },
  {
    name: 'do not spool what is late',
    file: queue,
    find: 'if (this.#isUnavailable() || this.#stopping) this.#spoolUnsafe();',
    replace: 'if (this.#stopping) this.#spoolUnsafe();',
  },
  {
    name: 'count no duplicates when a batch is made anew',
    file: partition,
    find: '      this.#sharing.perhapsTwice(batch.records.length);\n',
    replace: '',
  },
  {
    name: 'measure the pause before a retry by the wall clock',
    file: 'src/kafka/producer/producer.ts',
    find: 'if (queue.retryAt > this.#time.monotonic.now()) {',
    replace: 'if (queue.retryAt > this.#time.wall.now() - 1767323044000) {',
  },
  {
    name: 'refuse every record whose time the topic refuses',
    file: 'src/kafka/error-code.ts',
    find: "INVALID_TIMESTAMP: 'timestamp'",
    replace: "INVALID_TIMESTAMP: 'never'",
  },
  {
    name: 'refuse every record whose compression the topic refuses',
    file: partition,
    find: "if (meaning === 'compression') return this.#codecRefused(name);",
    replace:
      "if (meaning === 'compression' && this.batch?.codec) return this.#recordsRefused([...this.batch.records.keys()], name);",
  },
  {
    name: 'tell the sender of a spooled event before the group is written',
    file: 'src/spool/group-writer.ts',
    find: '    await segment.write(group);',
    replace: '    void segment.write(group).catch(() => undefined);',
  },
];
