/** Ways to break the core, each a mistake that someone could make. The simulation has to find each of them. */
import {
  errorCodes,
  mutation,
  partition,
  queue,
  requests,
  segment,
  watch,
  type Mutation,
} from './mutation.ts';

export const mutations: readonly Mutation[] = [
  mutation(
    'swap two records of a batch',
    'src/kafka/producer/pending-record.ts',
    '    return records;',
    '    return records.reverse();',
  ),
  mutation(
    'forget the mark of a delivered event',
    queue,
    'if (entry.place) this.#context.log.mark(entry.place, Mark.delivered);',
    '',
  ),
  mutation(
    'answer before the sync of the events',
    segment,
    '    await this.#writeAll(buffers, this.size);\n    await this.#file?.sync();',
    '    await this.#writeAll(buffers, this.size);',
  ),
  mutation(
    'do not sync the folder of a new segment',
    segment,
    '      await segment.#file.sync();\n      await disk.syncFolder(folder);',
    '      await segment.#file.sync();',
  ),
  mutation(
    'do not sync the folders above a topic',
    'src/spool/spool.ts',
    'for (const changed of [dirname(folder), path, dirname(path)]) await disk.syncFolder(changed);',
    '',
  ),
  mutation(
    'make another batch of records that may be written',
    partition,
    'if (!this.batch.mayBeWritten) this.dissolve();',
    'if (this.batch) this.dissolve();',
    'answers-lost',
  ),
  mutation(
    'do not give back the memory of an event',
    queue,
    '    this.#windowBytes -= entry.held;\n    this.#context.claim(-entry.held);',
    '    this.#windowBytes -= entry.held;',
  ),
  mutation(
    'leave a timer behind at the stop',
    watch,
    '    this.#closed = true;\n    this.#timer?.[Symbol.dispose]();',
    '    this.#closed = true;',
  ),
  mutation(
    'place records of a key while earlier ones wait, when partitions are added',
    'src/kafka/producer/topic-partitions.ts',
    'return !staying.some(({ busy, hasWork }) => busy || hasWork) && !going.some(({ busy }) => busy);',
    'return true;',
  ),
  mutation(
    "take the answer of another topic's partition",
    requests,
    'answer.partition === partition && answer.topic === topic',
    'answer.partition === partition',
    'answers-incomplete',
  ),
  mutation(
    'take NOT_LEADER_OR_FOLLOWER for a certain refusal',
    errorCodes,
    "NOT_LEADER_OR_FOLLOWER: 'unknown'",
    "NOT_LEADER_OR_FOLLOWER: 'retry'",
    'leaders-move-late',
  ),
  mutation(
    'take REQUEST_TIMED_OUT for written',
    errorCodes,
    "REQUEST_TIMED_OUT: 'unknown'",
    "REQUEST_TIMED_OUT: 'written'",
  ),
  mutation(
    'take a lost request for one that certainly did not arrive',
    requests,
    'explained(name), detail, mayBeWritten);\n    if (meaning',
    'explained(name), detail, false);\n    if (meaning',
  ),
  mutation(
    'keep the sequence under a new producer id',
    partition,
    '    this.#identity = identity;\n    this.#nextSequence = 0;',
    '    this.#identity = identity;',
  ),
  mutation(
    'let a new event overtake those that go to the disk',
    queue,
    'if (this.#reader.isReading || this.#behind.size > 0 || this.#context.log.hasUnread) return true;',
    'if (this.#reader.isReading || this.#context.log.hasUnread) return true;',
  ),
  mutation(
    'let a new event overtake those on disk',
    queue,
    'if (this.#reader.isReading || this.#behind.size > 0 || this.#context.log.hasUnread) return true;',
    'if (this.#behind.size > 0) return true;',
  ),
  // Without the spooling at the stop alone, the next poll does it 50 ms later.
  mutation(
    'take an event for delivered that the closing producer gives back',
    queue,
    'if (entry.place && !outcome.mayBeWritten) this.#context.log.mark(entry.place, Mark.kept);',
    'if (entry.place) this.#context.log.mark(entry.place, Mark.delivered);',
    'restart-in-outage',
  ),
  mutation(
    'do not spool what is late',
    queue,
    'if (this.#isUnavailable() || this.#stopping) this.#spoolUnsafe();',
    'if (this.#stopping) this.#spoolUnsafe();',
  ),
  mutation(
    'refuse every record whose time the topic refuses',
    errorCodes,
    "INVALID_TIMESTAMP: 'timestamp'",
    "INVALID_TIMESTAMP: 'never'",
  ),
  mutation(
    'tell the sender of a spooled event before the group is written',
    'src/spool/group-writer.ts',
    '    await segment.write(group);',
    '    void segment.write(group).catch(() => undefined);',
  ),
  mutation(
    'sync the folder instead of the segment',
    segment,
    '    await this.#writeAll(buffers, this.size);\n    await this.#file?.sync();',
    '    await this.#writeAll(buffers, this.size);\n    await this.#disk.syncFolder(this.#folder);',
  ),
  mutation(
    'take a new sequence for a batch that may be written',
    partition,
    '    if (!this.batch.mayBeWritten) this.dissolve();\n    else if (isOtherCodec) this.#again();',
    `    const { records } = this.batch;
    if (this.batch.mayBeWritten) this.#nextSequence += records.length;
    this.#endBatch();
    this.waiting.putBack(records.filter(({ withdrawn }) => !withdrawn));`,
  ),
  mutation(
    'read a segment from its start each time',
    'src/spool/topic-log.ts',
    'if (segment.number !== this.#readNumber) {',
    'if (segment.number !== Number.NaN) {',
  ),
];
