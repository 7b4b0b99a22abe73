/** Defects that the core once had, brought back one at a time. */
import {
  errorCodes,
  mutation,
  partition,
  producer,
  queue,
  segment,
  watch,
  type Mutation,
} from './mutation.ts';

const deadLetters = 'src/delivery/dead-letters.ts';
const codecTrial = 'this.#codecTrial.refused(batch, reason)';

export const formerDefects: readonly Mutation[] = [
  mutation(
    'keep an event that no topic takes in the spool of its topic',
    deadLetters,
    'else if (!this.#stopping) this.#park(record, refusal, parkedReason(delivered), safe, failed);',
    'else if (!this.#stopping) failed();',
    'letters-parked',
  ),
  mutation(
    'do not try a refused dead letter of the spool again',
    deadLetters,
    "this.#retried((failed) => this.#park(record, '', neverTakenReason(outcome), safe, failed));",
    '',
    'letters-parked',
  ),
  mutation(
    'do not try parked events again',
    'src/delivery/parked/parked-retries.ts',
    'if (this.#stopping || this.#topics.length === 0) return;',
    'if (this.#pauseMs > 0) return;',
    'letters-parked',
  ),
  {
    name: 'take the age of the spool by the wall clock',
    edits: [
      { file: segment, find: 'this.#clock = time.monotonic;', replace: 'this.#clock = time.wall;' },
      {
        file: segment,
        find: 'this.#openedAt = time.monotonic.now();',
        replace: 'this.#openedAt = time.wall.now();',
      },
    ],
    needs: 'clock-steps-in-outage',
  },
  {
    name: 'ask for the cluster by the wall clock',
    edits: [
      {
        file: watch,
        find: 'if (this.#time.monotonic.now() + delayMs < this.#dueAt)',
        replace: 'if (this.#time.wall.now() + delayMs < this.#dueAt)',
      },
      {
        file: watch,
        find: 'this.#dueAt = this.#time.monotonic.now() + delayMs;',
        replace: 'this.#dueAt = this.#time.wall.now() + delayMs;',
      },
    ],
    needs: 'clock-steps',
  },
  mutation(
    'measure the pause before a retry by the wall clock',
    producer,
    'if (queue.retryAt > this.#time.monotonic.now()) {',
    'if (queue.retryAt > this.#time.wall.now() - 1767323044000) {',
  ),
  {
    name: 'refuse a record as old as the outage',
    edits: [
      { file: errorCodes, find: "INVALID_TIMESTAMP: 'timestamp'", replace: "INVALID_TIMESTAMP: 'never'" },
      {
        file: 'src/kafka/producer/record-times.ts',
        find: '} else if (firstSource <= TimeSource.arrival && arrivedAt >= earliest && arrivedAt <= latest) {',
        replace: '} else if (firstSource <= TimeSource.arrival) {',
      },
    ],
    needs: 'times-limited',
  },
  {
    name: 'refuse every record whose compression the topic refuses',
    edits: [
      {
        file: errorCodes,
        find: "UNSUPPORTED_COMPRESSION_TYPE: 'compression'",
        replace: "UNSUPPORTED_COMPRESSION_TYPE: 'never'",
      },
      { file: partition, find: codecTrial, replace: 'Number.isNaN(0)' },
    ],
    needs: 'codec-refused',
  },
  mutation(
    'offer a full spool all waiting events again with each new one',
    queue,
    '      this.#refusals += 1;\n',
    '',
    'all-down',
  ),
  mutation(
    'use the sequence of a batch again that was given up and may be written',
    partition,
    'if (batch?.mayBeWritten) {\n      this.#leaveIdentity();',
    'if (batch?.mayBeWritten) {',
    'limit-lowered-in-flight',
  ),
  mutation(
    'begin the sequence of a partition again that a broker did not name for a moment',
    'src/kafka/producer/topic-partitions.ts',
    'this.#gone.get(partition) ?? new PartitionQueue',
    'new PartitionQueue',
    'broker-behind',
  ),
  mutation(
    'do not ask for the limit of a topic while records are too large for it',
    producer,
    "if (outcome.kind === 'too-large') this.#watch.soon(LIMIT_POLL_MS);",
    '',
    'limit-lowered',
  ),
  mutation(
    'say that a topic can be written to while it refuses every record',
    'src/kafka/cluster/topic-refusals.ts',
    'const ROW = 3;',
    'const ROW = 1e9;',
    'letters-refused',
  ),
  mutation(
    "do not sync the names above a topic's folder that an earlier process left",
    'src/spool/spool.ts',
    'if (isMissing || !this.#synced.has(folder)) {',
    'if (isMissing) {',
    'kill-at-folder',
  ),
  mutation(
    'place records of a topic with fewer partitions while earlier ones wait for those that stay',
    'src/kafka/producer/topic-partitions.ts',
    'return !staying.some(({ busy, hasWork }) => busy || hasWork) && !going.some(({ busy }) => busy);',
    'return !(this.#wanted > this.queues.length && staying.some(({ busy, hasWork }) => busy || hasWork)) && !going.some(({ busy }) => busy);',
    'topic-remade',
  ),
  mutation(
    'count no duplicates where a batch dissolves',
    partition,
    '      this.#sharing.perhapsTwice(batch.records.length);\n',
    '',
    'limit-lowered-in-flight',
  ),
];
