/**
 * Writes records in Kafka transactions, each together with offsets of a consumer group (KIP-98). So a reader of committed data
 * sees the records if, and only if, the group has the offsets.
 *
 * Each transaction has an epoch of its own, so its sequence numbers begin at 0, and whatever an earlier one has left is
 * aborted. A writer names its last epoch (KIP-360): if another writer has taken over the transactional id, it hears so.
 */
import { NumericMap, ProduceAcks, type MessageRecord } from '@platformatic/kafka';
import { BrokerError } from '../broker-error.ts';
import { mayPass, refuse, RefusedError, type ClusterAccess } from '../cluster/cluster-access.ts';
import { answerWith, orInError } from '../cluster/refused-answer.ts';
import type { ProducerIdAnswer } from '../cluster/request-versions.ts';
import {
  ADD_OFFSETS_TO_TXN,
  ADD_PARTITIONS_TO_TXN,
  END_TXN,
  TXN_OFFSET_COMMIT,
  TXN_PRODUCE,
  TXN_PRODUCER_ID,
  type EndAnswer,
  type OffsetsAddedAnswer,
  type OffsetsCommittedAnswer,
  type PartitionsAddedAnswer,
  type WrittenAnswer,
} from '../cluster/transaction-requests.ts';
import { errorCodeOf } from '../error-code.ts';
import { partitioners, type PartitionerName } from '../producer/partitioner.ts';
import type { KafkaRecord } from '../record.ts';
import type { CompressionName } from '../wire/compression.ts';
import type { GroupPosition } from './group-offsets.ts';

export interface WriterSettings {
  readonly transactionalId: string;
  readonly group: string;
  /** The topic of the offsets. */
  readonly topic: string;
  readonly partitioner: PartitionerName;
  readonly compression: CompressionName;
  /** Most milliseconds that a broker waits for the replicas. */
  readonly timeoutMs: number;
}

/** Another writer has taken over the transactional id. */
export class FencedError extends BrokerError {}

/** The transaction has failed for a reason that may pass. It is not known whether it was committed. */
export class LostTransactionError extends Error {}

/** A topic does not take one of the records. The transaction is not committed. */
export class RecordsRefusedError extends Error {
  readonly kind: 'too-large' | 'timestamp' | 'refused';
  readonly topic: string;

  constructor(kind: RecordsRefusedError['kind'], topic: string, code: string) {
    super(`topic ${topic} does not take it: ${code}`);
    this.kind = kind;
    this.topic = topic;
  }
}

/** Milliseconds after which Kafka aborts a transaction whose writer is gone. The default of Java's producer. */
const TRANSACTION_MS = 60_000;

/** Records of more bytes in one transaction are compressed by gzip, whatever the settings say: so the largest event fits. */
const PLAIN_BYTES = 768 * 1024;

/** Codes that say that this is no longer the writer's transaction: another writer, or a time-out, has ended it. */
const LOST: ReadonlySet<string> = new Set([
  'INVALID_PRODUCER_EPOCH',
  'PRODUCER_FENCED',
  'INVALID_TXN_STATE',
  'INVALID_PRODUCER_ID_MAPPING',
  'UNKNOWN_PRODUCER_ID',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'TRANSACTION_ABORTABLE',
  'TRANSACTION_COORDINATOR_FENCED',
]);

const FENCED: ReadonlySet<string> = new Set(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED']);

/** Of partitions that share a request with one that is refused. */
const NOT_ATTEMPTED = 'OPERATION_NOT_ATTEMPTED';

/** No member of the group: the offsets are written by a writer that consumes by itself. */
const NO_GENERATION = -1;
const NO_EPOCH = -1;

interface Identity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

export class TransactionalWriter {
  readonly #access: ClusterAccess;
  readonly #settings: WriterSettings;
  #identity: Identity | undefined;

  constructor(access: ClusterAccess, settings: WriterSettings) {
    this.#access = access;
    this.#settings = settings;
  }

  /**
   * Begins a transaction. Aborts the last one if it has not ended: the writer's own, or at the first call that of any writer with
   * this transactional id, which can write no more.
   * @throws {FencedError} if another writer has taken over since the last call.
   */
  async begin(): Promise<void> {
    const { transactionalId } = this.#settings;
    const last = this.#identity;
    this.#identity = await this.#access.askCoordinator(
      'transaction',
      transactionalId,
      async (connection, versions) => {
        const answer = await orInError(
          isProducerId,
          versions
            .of(TXN_PRODUCER_ID)
            .async(
              connection,
              transactionalId,
              TRANSACTION_MS,
              last?.producerId ?? -1n,
              last?.producerEpoch ?? NO_EPOCH,
            ),
        );
        const { name } = errorCodeOf(answer.errorCode);
        if (last && FENCED.has(name)) {
          const problem = `transactional id ${transactionalId}: ${name}`;
          throw new FencedError(problem, problem);
        }
        refuse(answer.errorCode, `transactional id ${transactionalId}`);
        return { producerId: answer.producerId, producerEpoch: answer.producerEpoch };
      },
    );
  }

  /**
   * Writes the records and the positions by partition, and commits. `begin` comes before each call.
   * @throws {LostTransactionError} if it may be committed or not: after the next `begin` the group's offsets say so.
   * @throws {RecordsRefusedError} if a topic does not take a record. {RefusedError} for a reason that stays.
   */
  async commit(
    records: readonly KafkaRecord[],
    positions: ReadonlyMap<number, GroupPosition>,
  ): Promise<void> {
    const identity = this.#identity;
    if (!identity) throw new Error('no transaction has begun');
    try {
      if (records.length > 0) await this.#write(await this.#messagesOf(records), identity);
      await this.#commitOffsets(positions, identity);
      await this.#end(identity);
    } catch (error) {
      const isLost = error instanceof RefusedError && LOST.has(error.code);
      if (isLost || mayPass(error)) {
        this.#access.forget();
        throw new LostTransactionError(error instanceof Error ? error.message : String(error), {
          cause: error,
        });
      }
      throw error;
    }
  }

  async #messagesOf(records: readonly KafkaRecord[]): Promise<readonly Message[]> {
    const messages: Message[] = [];
    for (const { topic, key, value, headers, timestamp } of records) {
      const partitions = await this.#access.partitionsOf(topic);
      if (partitions === undefined) throw new RefusedError('UNKNOWN_TOPIC_OR_PARTITION', topic);
      // The key of a map is the object, not its bytes: headers of one name stay, and so does their order.
      const headerMap = new Map(headers.map(({ name, value: content }) => [Buffer.from(name), content]));
      messages.push({
        ...{ topic, value, headers: headerMap, timestamp: BigInt(timestamp) },
        ...(key && { key }),
        partition: key ? partitioners[this.#settings.partitioner](key, partitions) : 0,
      });
    }
    return messages;
  }

  async #write(messages: readonly Message[], identity: Identity): Promise<void> {
    const { transactionalId } = this.#settings;
    await this.#addPartitions(messages, identity);
    const byLeader = new Map<string, Message[]>();
    for (const message of messages) {
      const leader = await this.#access.leaderOf(message.topic, message.partition);
      const share = byLeader.get(leader);
      if (share) share.push(message);
      else byLeader.set(leader, [message]);
    }
    const bytes = messages.reduce((sum, { value }) => sum + value.length, 0);
    const options = {
      transactionalId,
      ...identity,
      compression: bytes > PLAIN_BYTES ? 'gzip' : this.#settings.compression,
    } as const;
    for (const [leader, share] of byLeader) {
      const answer = await this.#access.ask(leader, (connection, versions) =>
        orInError(
          isWritten,
          versions.of(TXN_PRODUCE).async(connection, ProduceAcks.ALL, this.#settings.timeoutMs, share, {
            ...options,
            sequences: new NumericMap(),
          }),
        ),
      );
      checkWritten(answer);
    }
  }

  #addPartitions(messages: readonly Message[], { producerId, producerEpoch }: Identity): Promise<void> {
    const { transactionalId } = this.#settings;
    const topics = [...Map.groupBy(messages, ({ topic }) => topic)].map(([name, all]) => ({
      name,
      partitions: [...new Set(all.map(({ partition }) => partition))],
    }));
    const transaction = { transactionalId, producerId, producerEpoch, verifyOnly: false, topics };
    return this.#access.askCoordinator('transaction', transactionalId, async (connection, versions) => {
      const answer = await orInError(
        isPartitionsAdded,
        versions.of(ADD_PARTITIONS_TO_TXN).async(connection, [transaction]),
      );
      refuse(answer.errorCode, `transactional id ${transactionalId}`);
      const results = answer.resultsByTransaction.flatMap(({ topicResults }) => topicResults);
      const failed = results.flatMap(({ name, resultsByPartition }) =>
        resultsByPartition
          .filter(({ partitionErrorCode: code }) => code !== 0)
          .map(({ partitionErrorCode: code }) => ({ name, code })),
      );
      const [first] = failed.filter(({ code }) => errorCodeOf(code).name !== NOT_ATTEMPTED);
      const reason = first ?? failed[0];
      if (reason) refuse(reason.code, reason.name);
    });
  }

  async #commitOffsets(positions: ReadonlyMap<number, GroupPosition>, identity: Identity): Promise<void> {
    const { transactionalId, group, topic } = this.#settings;
    const { producerId, producerEpoch } = identity;
    await this.#access.askCoordinator('transaction', transactionalId, async (connection, versions) => {
      const answer = await orInError(
        isOffsetsAdded,
        versions.of(ADD_OFFSETS_TO_TXN).async(connection, transactionalId, producerId, producerEpoch, group),
      );
      refuse(answer.errorCode, `group ${group}`);
    });
    const partitions = [...positions].map(([partitionIndex, { offset, metadata }]) => ({
      partitionIndex,
      committedOffset: BigInt(offset),
      committedLeaderEpoch: NO_EPOCH,
      committedMetadata: metadata,
    }));
    await this.#access.askCoordinator('group', group, async (connection, versions) => {
      const answer = await orInError(
        isOffsetsCommitted,
        versions
          .of(TXN_OFFSET_COMMIT)
          .async(connection, transactionalId, group, producerId, producerEpoch, NO_GENERATION, '', null, [
            { name: topic, partitions },
          ]),
      );
      for (const { errorCode } of answer.topics.flatMap((one) => one.partitions)) {
        refuse(errorCode, `group ${group}`);
      }
    });
  }

  #end({ producerId, producerEpoch }: Identity): Promise<void> {
    const { transactionalId } = this.#settings;
    return this.#access.askCoordinator('transaction', transactionalId, async (connection, versions) => {
      const answer = await orInError(
        isEnd,
        versions.of(END_TXN).async(connection, transactionalId, producerId, producerEpoch, true),
      );
      refuse(answer.errorCode, `transactional id ${transactionalId}`);
    });
  }
}

interface Message extends MessageRecord {
  readonly partition: number;
}

type Written = Exclude<WrittenAnswer, boolean>;

function checkWritten(answer: WrittenAnswer): void {
  if (typeof answer === 'boolean') return;
  for (const { name: topic, partitionResponses } of answer.responses) {
    for (const { errorCode } of partitionResponses) {
      const { name, meaning } = errorCodeOf(errorCode);
      if (meaning === 'too-large' || meaning === 'timestamp')
        throw new RecordsRefusedError(meaning, topic, name);
      if (meaning === 'never' && !LOST.has(name)) throw new RecordsRefusedError('refused', topic, name);
      if (meaning !== 'written') refuse(errorCode, topic);
    }
  }
}

const isProducerId = answerWith<ProducerIdAnswer>('producerId');
const isPartitionsAdded = answerWith<PartitionsAddedAnswer>('resultsByTransaction');
const isOffsetsAdded = answerWith<OffsetsAddedAnswer>('errorCode');
const isOffsetsCommitted = answerWith<OffsetsCommittedAnswer>('topics');
const isEnd = answerWith<EndAnswer>('errorCode');
const isWritten = (value: unknown): value is Written => answerWith<Written>('responses')(value);
