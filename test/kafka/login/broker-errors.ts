import assert from 'node:assert/strict';
import { BrokerError } from '../../../src/kafka/broker-error.ts';

/** The `BrokerError` that an attempt fails with. Any other outcome fails the test. */
export function brokerErrorOf(attempt: Promise<unknown>): Promise<BrokerError> {
  return attempt.then(
    () => assert.fail('it did not fail'),
    (error: unknown) => (error instanceof BrokerError ? error : assert.fail(String(error))),
  );
}
