import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { errorCodeOf, reasonOf, type Meaning } from '../../src/kafka/error-code.ts';

/**
 * The errors that may answer a produce request, with the codes of Errors.java. Sources in Kafka 4:
 * ProduceResponse.java, and the cases in `handleError` of Java's Sender.
 */
const answers: readonly (readonly [code: number, name: string, meaning: Meaning])[] = [
  [0, 'NONE', 'written'],
  [46, 'DUPLICATE_SEQUENCE_NUMBER', 'written'],

  [2, 'CORRUPT_MESSAGE', 'retry'],
  [3, 'UNKNOWN_TOPIC_OR_PARTITION', 'unknown'],
  [5, 'LEADER_NOT_AVAILABLE', 'retry'],
  [6, 'NOT_LEADER_OR_FOLLOWER', 'unknown'],
  [8, 'BROKER_NOT_AVAILABLE', 'retry'],
  [9, 'REPLICA_NOT_AVAILABLE', 'retry'],
  [19, 'NOT_ENOUGH_REPLICAS', 'retry'],
  [29, 'TOPIC_AUTHORIZATION_FAILED', 'retry'],
  [31, 'CLUSTER_AUTHORIZATION_FAILED', 'retry'],
  [34, 'ILLEGAL_SASL_STATE', 'retry'],
  [56, 'KAFKA_STORAGE_ERROR', 'unknown'],
  [58, 'SASL_AUTHENTICATION_FAILED', 'retry'],
  [72, 'LISTENER_NOT_FOUND', 'retry'],
  [74, 'FENCED_LEADER_EPOCH', 'retry'],
  [75, 'UNKNOWN_LEADER_EPOCH', 'retry'],
  [89, 'THROTTLING_QUOTA_EXCEEDED', 'retry'],
  [100, 'UNKNOWN_TOPIC_ID', 'retry'],

  [-1, 'UNKNOWN_SERVER_ERROR', 'unknown'],
  [7, 'REQUEST_TIMED_OUT', 'unknown'],
  [13, 'NETWORK_EXCEPTION', 'unknown'],
  [20, 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'unknown'],

  [10, 'MESSAGE_TOO_LARGE', 'too-large'],
  [18, 'RECORD_LIST_TOO_LARGE', 'too-large'],
  [32, 'INVALID_TIMESTAMP', 'timestamp'],
  [45, 'OUT_OF_ORDER_SEQUENCE_NUMBER', 'producer-lost'],
  [47, 'INVALID_PRODUCER_EPOCH', 'producer-lost'],
  [59, 'UNKNOWN_PRODUCER_ID', 'producer-lost'],

  [17, 'INVALID_TOPIC_EXCEPTION', 'never'],
  [21, 'INVALID_REQUIRED_ACKS', 'never'],
  [43, 'UNSUPPORTED_FOR_MESSAGE_FORMAT', 'compression'],
  [44, 'POLICY_VIOLATION', 'never'],
  [76, 'UNSUPPORTED_COMPRESSION_TYPE', 'compression'],
  [87, 'INVALID_RECORD', 'never'],
];

suite('the answer of a broker', () => {
  for (const [code, name, meaning] of answers) {
    test(`${code} is ${name} and means ${meaning}`, () =>
      assert.deepEqual(errorCodeOf(code), { name, meaning }));
  }

  test('with an unknown code is named by its code and not retried for ever', () => {
    assert.deepEqual(errorCodeOf(9999), { name: 'ERROR_9999', meaning: 'never' });
  });

  test('means "written" only if the broker says that it has the batch', () => {
    const written = Array.from({ length: 1000 }, (_, code) => code - 10).filter(
      (code) => errorCodeOf(code).meaning === 'written',
    );
    assert.deepEqual(written, [0, 46]);
  });

  test('has a case here if it means anything but "never"', () => {
    const known = new Set(answers.map(([code]) => code));
    for (let code = -1; code < 1000; code++) {
      if (errorCodeOf(code).meaning !== 'never') assert.ok(known.has(code), String(code));
    }
  });
});

suite('the reason why a broker cannot be reached', () => {
  test('is the innermost cause', () => {
    const refused = new Error('connect ECONNREFUSED 127.0.0.1:1');
    const wrapped = new Error('outer', { cause: new AggregateError([new Error('first'), refused], 'many') });
    assert.equal(reasonOf(wrapped), 'connect ECONNREFUSED 127.0.0.1:1');
  });

  test('is the message if there is no cause', () => {
    assert.equal(reasonOf(new Error('plain')), 'plain');
    assert.equal(reasonOf(new AggregateError([], 'nothing inside')), 'nothing inside');
    assert.equal(reasonOf('text'), 'text');
  });

  test("is Kafka's name if a broker gave one", () => {
    assert.equal(
      reasonOf(Object.assign(new Error('long words'), { apiId: 'UNSUPPORTED_VERSION' })),
      'UNSUPPORTED_VERSION',
    );
  });
});
