/** What a broker's error code for one partition of a produce request means for its batch. */
import { protocolErrorsCodesById } from '@platformatic/kafka';

/**
 * - `written`: the batch is in the topic.
 * - `retry`: the batch is not in the topic, for a reason that may pass. Send it again unchanged.
 * - `unknown`: the batch may be in the topic. Send it again unchanged; the broker recognises it by its sequence
 *   numbers.
 * - `too-large`: the batch is larger than the topic allows.
 * - `timestamp`: a record's time differs more from the broker's clock than the topic allows.
 * - `compression`: the broker does not take the codec of the batch.
 * - `producer-lost`: the broker does not know or no longer accepts the producer id or the sequence number.
 * - `never`: the broker will not take the batch, however often it is sent.
 */
export type Meaning =
  'written' | 'retry' | 'unknown' | 'too-large' | 'timestamp' | 'compression' | 'producer-lost' | 'never';

const MEANINGS: Readonly<Record<string, Meaning>> = {
  NONE: 'written',
  // The broker already has a batch with this sequence number: its acknowledgement was lost.
  DUPLICATE_SEQUENCE_NUMBER: 'written',

  CORRUPT_MESSAGE: 'retry',
  LEADER_NOT_AVAILABLE: 'retry',
  BROKER_NOT_AVAILABLE: 'retry',
  REPLICA_NOT_AVAILABLE: 'retry',
  NOT_ENOUGH_REPLICAS: 'retry',
  TOPIC_AUTHORIZATION_FAILED: 'retry',
  CLUSTER_AUTHORIZATION_FAILED: 'retry',
  // A re-authentication was late or was refused. The broker takes nothing before it succeeds (KIP-368).
  ILLEGAL_SASL_STATE: 'retry',
  SASL_AUTHENTICATION_FAILED: 'retry',
  LISTENER_NOT_FOUND: 'retry',
  FENCED_LEADER_EPOCH: 'retry',
  UNKNOWN_LEADER_EPOCH: 'retry',
  THROTTLING_QUOTA_EXCEEDED: 'retry',
  UNKNOWN_TOPIC_ID: 'retry',

  // A broker also answers so when it loses the leadership while it waits for the replicas. The batch is then in its
  // log, and perhaps in the next leader's log.
  NOT_LEADER_OR_FOLLOWER: 'unknown',
  UNKNOWN_TOPIC_OR_PARTITION: 'unknown',
  KAFKA_STORAGE_ERROR: 'unknown',
  REQUEST_TIMED_OUT: 'unknown',
  NETWORK_EXCEPTION: 'unknown',
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 'unknown',
  UNKNOWN_SERVER_ERROR: 'unknown',

  MESSAGE_TOO_LARGE: 'too-large',
  RECORD_LIST_TOO_LARGE: 'too-large',
  INVALID_TIMESTAMP: 'timestamp',
  UNSUPPORTED_COMPRESSION_TYPE: 'compression',
  // Azure Event Hubs answers so to a codec that it does not know.
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 'compression',
  OUT_OF_ORDER_SEQUENCE_NUMBER: 'producer-lost',
  UNKNOWN_PRODUCER_ID: 'producer-lost',
  INVALID_PRODUCER_EPOCH: 'producer-lost',
};

/** Kafka's names of the errors after which a batch is sent again: the known values of a metric's label. */
export const RETRY_REASONS: readonly string[] = Object.entries(MEANINGS)
  .filter(([, meaning]) => meaning === 'retry' || meaning === 'unknown')
  .map(([name]) => name);

/** What an operator can do about an error, where its name alone does not say it. */
const ADVICE: Readonly<Record<string, string>> = {
  TOPIC_AUTHORIZATION_FAILED:
    'the proxy is not allowed to write to it; it needs the ACLs DESCRIBE and WRITE for the topic (CREATE, too, where there is none yet)',
  CLUSTER_AUTHORIZATION_FAILED:
    'the proxy is not allowed to write idempotently; it needs the ACL WRITE for the topic, or IDEMPOTENT_WRITE for the cluster',
  GROUP_AUTHORIZATION_FAILED:
    'the user is not allowed to use the consumer group; it needs the ACL READ for it',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    'the user is not allowed to write in transactions; it needs the ACL WRITE for the transactional id',
  UNKNOWN_MEMBER_ID: 'a consumer uses the group; name another one',
  OFFSET_METADATA_TOO_LARGE:
    'the brokers keep fewer bytes beside an offset than http2kafka needs; raise offset.metadata.max.bytes to 4096',
  INVALID_TIMESTAMP:
    'the broker takes no time, not even its own; compare the clocks of proxy and broker, and check message.timestamp.before.max.ms and message.timestamp.after.max.ms (before Kafka 3.6: message.timestamp.difference.max.ms)',
  UNSUPPORTED_FOR_MESSAGE_FORMAT:
    'the broker takes no batch of the present format, compressed or not; check message.format.version of the topic',
  UNSUPPORTED_COMPRESSION_TYPE: 'the broker takes no batch, compressed or not',
};

/** Kafka's name for an error, with advice for the operator if there is any. */
export function explained(name: string): string {
  const advice = ADVICE[name];
  return advice === undefined ? name : `${name}: ${advice}`;
}

/**
 * Milliseconds for which the producer believes what it has learned from a refusal: a codec, a size, a time. Then it tries
 * again: the broker, its limits or the clocks may have changed.
 */
export const RETRIAL_MS = 10 * 60_000;

export interface ErrorCode {
  /** Kafka's own name, e.g. `NOT_ENOUGH_REPLICAS`. */
  readonly name: string;
  readonly meaning: Meaning;
}

/** Kafka's name for an error code, and what it means for the batch. An unknown code means `never`. */
export function errorCodeOf(code: number): ErrorCode {
  const names: Readonly<Record<string, string>> = protocolErrorsCodesById;
  const name = names[String(code)] ?? `ERROR_${code}`;
  return { name, meaning: MEANINGS[name] ?? 'never' };
}

/**
 * One line that says why a broker cannot be reached. It comes from the innermost cause of the library's nested
 * errors.
 */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors.at(-1));
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return reasonOf(error.cause);
  if ('apiId' in error && typeof error.apiId === 'string') {
    const said = 'serverErrorMessage' in error ? error.serverErrorMessage : undefined;
    return typeof said === 'string' && said !== '' ? `${error.apiId}: ${said}` : error.apiId;
  }
  return error.message.trim();
}
