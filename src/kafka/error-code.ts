/** What a broker's error code for one partition of a produce request means for the batch it answers. */
import { protocolErrorsCodesById } from '@platformatic/kafka';

/**
 * - `written`: it is in the topic.
 * - `retry`: it is not, for a reason that may pass. Send it again as it is.
 * - `unknown`: it may be in the topic. Send it again as it is; the broker recognises it by its sequence numbers.
 * - `too-large`: the batch is larger than the topic takes.
 * - `timestamp`: a record's time is further off than the topic allows.
 * - `producer-lost`: the broker does not know, or no longer accepts, the producer id or its place in the sequence.
 * - `never`: it will not be taken, however often it is sent.
 */
export type Meaning = 'written' | 'retry' | 'unknown' | 'too-large' | 'timestamp' | 'producer-lost' | 'never';

const MEANINGS: Readonly<Record<string, Meaning>> = {
  NONE: 'written',
  // The broker has a batch with this very sequence: an acknowledgement of ours was lost.
  DUPLICATE_SEQUENCE_NUMBER: 'written',

  CORRUPT_MESSAGE: 'retry',
  LEADER_NOT_AVAILABLE: 'retry',
  BROKER_NOT_AVAILABLE: 'retry',
  REPLICA_NOT_AVAILABLE: 'retry',
  NOT_ENOUGH_REPLICAS: 'retry',
  TOPIC_AUTHORIZATION_FAILED: 'retry',
  CLUSTER_AUTHORIZATION_FAILED: 'retry',
  // A new login has not been made in time, or was refused: the broker takes nothing before it (KIP-368).
  ILLEGAL_SASL_STATE: 'retry',
  SASL_AUTHENTICATION_FAILED: 'retry',
  LISTENER_NOT_FOUND: 'retry',
  FENCED_LEADER_EPOCH: 'retry',
  UNKNOWN_LEADER_EPOCH: 'retry',
  THROTTLING_QUOTA_EXCEEDED: 'retry',
  UNKNOWN_TOPIC_ID: 'retry',

  // A leader also answers so when it loses its place while it waits for the replicas: the batch is in its log by then,
  // and perhaps in that of the next leader.
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
  OUT_OF_ORDER_SEQUENCE_NUMBER: 'producer-lost',
  UNKNOWN_PRODUCER_ID: 'producer-lost',
  INVALID_PRODUCER_EPOCH: 'producer-lost',
};

/** What an operator can do about an error that the name alone does not tell. */
const ADVICE: Readonly<Record<string, string>> = {
  TOPIC_AUTHORIZATION_FAILED:
    'the proxy is not allowed to write to it; it needs the ACLs DESCRIBE and WRITE for the topic (CREATE, too, where there is none yet)',
  CLUSTER_AUTHORIZATION_FAILED:
    'the proxy is not allowed to write idempotently; it needs the ACL WRITE for the topic, or IDEMPOTENT_WRITE for the cluster',
};

/** Kafka's name for an error, and what can be done about it where that is known. */
export function explained(name: string): string {
  const advice = ADVICE[name];
  return advice === undefined ? name : `${name}: ${advice}`;
}

export interface ErrorCode {
  /** Kafka's own name, e.g. `NOT_ENOUGH_REPLICAS`. */
  readonly name: string;
  readonly meaning: Meaning;
}

/** Kafka's name for an error code, and what follows from it. */
export function errorCodeOf(code: number): ErrorCode {
  const names: Readonly<Record<string, string>> = protocolErrorsCodesById;
  const name = names[String(code)] ?? `ERROR_${code}`;
  return { name, meaning: MEANINGS[name] ?? 'never' };
}

/** One line on why a broker could not be reached, from the innermost cause of the library's nested errors. */
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
