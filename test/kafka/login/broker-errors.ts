import assert from 'node:assert/strict';
import { BrokerError } from '../../../src/kafka/broker-error.ts';

/** What an attempt fails with; it is no success, and no other error. */
export function brokerErrorOf(attempt: Promise<unknown>): Promise<BrokerError> {
  return attempt.then(
    () => assert.fail('it did not fail'),
    (error: unknown) => (error instanceof BrokerError ? error : assert.fail(String(error))),
  );
}
