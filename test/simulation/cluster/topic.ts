/** A topic of the cluster, and which batches its leaders refuse before they append anything. */
import type { PartitionAnswer } from '../../../src/kafka/cluster/brokers.ts';
import type { BatchContent } from './batch-content.ts';
import { BROKER_CODES } from './broker-codes.ts';
import type { Partition } from './partition.ts';

export interface SimulatedTopic {
  readonly name: string;
  /** Counts the topics of the cluster, from 1. */
  readonly incarnation: number;
  readonly partitions: Partition[];
  readonly configs: Map<string, string>;
  /** May the proxy write to it? */
  isAllowed: boolean;
  /** Codecs that its brokers refuse, and the code of the refusal. */
  refusedCodecs: ReadonlyMap<number, number>;
  /** Is the record of this request one that the topic refuses? */
  refuses: (requestId: string) => boolean;
}

/** The answer for one batch. */
export type BatchAnswer = Pick<PartitionAnswer, 'errorCode' | 'baseOffset' | 'culprits' | 'message'>;

const UNLIMITED = `${Number.MAX_SAFE_INTEGER}`;

/** The limit in both directions before Kafka 3.6 (KIP-937), and the two that came then. */
export const EITHER_TIME = 'message.timestamp.difference.max.ms';
export const EARLIEST_TIME = 'message.timestamp.before.max.ms';
export const LATEST_TIME = 'message.timestamp.after.max.ms';

/** What a topic without settings of its own has. */
export const DEFAULT_CONFIGS: ReadonlyMap<string, string> = new Map([
  ['max.message.bytes', '1048588'],
  [EITHER_TIME, UNLIMITED],
  [EARLIEST_TIME, UNLIMITED],
  [LATEST_TIME, '3600000'],
]);

/** The settings that a broker of this version has and tells. */
export function configsOf({ configs }: SimulatedTopic, isOld: boolean): ReadonlyMap<string, string> {
  const unknown = isOld ? [EARLIEST_TIME, LATEST_TIME] : [EITHER_TIME];
  return new Map([...configs].filter(([key]) => !unknown.includes(key)));
}

export function answerOf(errorCode: number): BatchAnswer {
  return { errorCode, baseOffset: -1, culprits: [], message: null };
}

/** Why the topic does not take the batch; undefined if it does. `now` is the broker's clock. */
export function refusalOf(
  topic: SimulatedTopic,
  batch: BatchContent,
  isOld: boolean,
  now: number,
): BatchAnswer | undefined {
  if (batch.size > limitOf(topic, 'max.message.bytes')) return answerOf(BROKER_CODES.MESSAGE_TOO_LARGE);
  const codec = topic.refusedCodecs.get(batch.codec);
  if (codec !== undefined) return answerOf(codec);
  return recordsRefusal(topic, batch, isOld) ?? timesRefusal(topic, batch, isOld, now);
}

/** Newer brokers name the refused records (KIP-467). */
function recordsRefusal(topic: SimulatedTopic, batch: BatchContent, isOld: boolean): BatchAnswer | undefined {
  const culprits = batch.records.flatMap(({ requestId }, at) => (topic.refuses(requestId) ? [at] : []));
  if (culprits.length === 0) return undefined;
  const errorCode = BROKER_CODES.INVALID_RECORD;
  return isOld
    ? answerOf(errorCode)
    : { errorCode, baseOffset: -1, culprits, message: 'One or more records are refused' };
}

/** Newer brokers name the refused records and the times that they take; a time of -1 passes. */
function timesRefusal(
  topic: SimulatedTopic,
  batch: BatchContent,
  isOld: boolean,
  now: number,
): BatchAnswer | undefined {
  const before = limitOf(topic, isOld ? EITHER_TIME : EARLIEST_TIME);
  const after = limitOf(topic, isOld ? EITHER_TIME : LATEST_TIME);
  const isOut = (timestamp: number) =>
    timestamp !== -1 && (timestamp - now > after || now - timestamp > before);
  const culprits = batch.records.flatMap(({ timestamp }, index) => (isOut(timestamp) ? [index] : []));
  if (culprits.length === 0) return undefined;
  const errorCode = BROKER_CODES.INVALID_TIMESTAMP;
  if (isOld) return answerOf(errorCode);
  const range = `[${now - before}, ${now + after}]`;
  return { errorCode, baseOffset: -1, culprits, message: `The timestamp should be within ${range}` };
}

function limitOf({ configs }: SimulatedTopic, key: string): number {
  return Number(configs.get(key) ?? DEFAULT_CONFIGS.get(key));
}
