import assert from 'node:assert/strict';
import { BrokerFault } from '../../src/kafka/broker-fault.ts';

/** What an attempt fails with; it is no success, and no other error. */
export function faultOf(attempt: Promise<unknown>): Promise<BrokerFault> {
  return attempt.then(
    () => assert.fail('it did not fail'),
    (error: unknown) => (error instanceof BrokerFault ? error : assert.fail(String(error))),
  );
}
