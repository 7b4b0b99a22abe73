/** Kafka's error codes, by name. */
import { protocolErrorsCodesById } from '@platformatic/kafka';

export const BROKER_CODES = {
  NONE: 0,
  UNKNOWN_SERVER_ERROR: -1,
  CORRUPT_MESSAGE: 2,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  NOT_LEADER_OR_FOLLOWER: 6,
  REQUEST_TIMED_OUT: 7,
  MESSAGE_TOO_LARGE: 10,
  NOT_ENOUGH_REPLICAS: 19,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 20,
  TOPIC_AUTHORIZATION_FAILED: 29,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  INVALID_TIMESTAMP: 32,
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 43,
  OUT_OF_ORDER_SEQUENCE_NUMBER: 45,
  INVALID_PRODUCER_EPOCH: 47,
  KAFKA_STORAGE_ERROR: 56,
  UNKNOWN_PRODUCER_ID: 59,
  UNSUPPORTED_COMPRESSION_TYPE: 76,
  INVALID_RECORD: 87,
  THROTTLING_QUOTA_EXCEEDED: 89,
} as const;

/** Codes that a leader may answer although the batch is in its log. */
export const UNCERTAIN_CODES: readonly number[] = [
  BROKER_CODES.REQUEST_TIMED_OUT,
  BROKER_CODES.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  BROKER_CODES.UNKNOWN_SERVER_ERROR,
  BROKER_CODES.NOT_LEADER_OR_FOLLOWER,
  BROKER_CODES.KAFKA_STORAGE_ERROR,
];

/** All codes that the protocol has, and one that it does not have yet. */
export const ALL_CODES: readonly number[] = [
  ...Object.keys(protocolErrorsCodesById).map(Number),
  Math.max(...Object.keys(protocolErrorsCodesById).map(Number)) + 1,
];
