/** What the simulated brokers take for a broken rule of an idempotent producer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BROKER_CODES } from '../cluster/broker-codes.ts';
import { ProducerRules } from './producer-rules.ts';
import type { Sending } from './sendings.ts';

const NOT_LEADER = BROKER_CODES.NOT_LEADER_OR_FOLLOWER;
const TOO_LARGE = BROKER_CODES.MESSAGE_TOO_LARGE;

/** Sends these records as this sequence. `errorCode` is what the process hears of it; undefined for no answer. */
function sent(
  rules: ProducerRules,
  sequence: number,
  requestIds: string[],
  errorCode?: number,
): string | undefined {
  const sending: Sending = {
    ...{ topic: 'events', partition: 0, producerId: 7n, epoch: 0, sequence, at: 0, bytes: 100 },
    ...{ requestIds, isOld: false, heardAt: undefined, errorCode: undefined, culprits: [] },
  };
  const broken = rules.sent(sending);
  sending.heardAt = 1;
  sending.errorCode = errorCode;
  rules.heard(sending);
  return broken;
}

test('a batch comes again until it is acknowledged, and the next one follows', () => {
  const rules = new ProducerRules();
  assert.equal(sent(rules, 0, ['a', 'b'], NOT_LEADER), undefined);
  assert.equal(sent(rules, 0, ['a', 'b']), undefined);
  assert.equal(sent(rules, 0, ['a', 'b'], 0), undefined);
  assert.equal(sent(rules, 2, ['c'], 0), undefined);
});

test('a batch that is refused may become another one', () => {
  const rules = new ProducerRules();
  assert.equal(sent(rules, 0, ['a', 'b'], TOO_LARGE), undefined);
  assert.equal(sent(rules, 0, ['a'], 0), undefined);
});

for (const errorCode of [undefined, NOT_LEADER]) {
  test(`a batch that may be written never becomes another one: ${errorCode ?? 'no answer'}`, () => {
    const rules = new ProducerRules();
    sent(rules, 0, ['a', 'b'], errorCode);
    sent(rules, 0, ['a', 'b'], TOO_LARGE);
    assert.match(sent(rules, 0, ['a', 'b', 'c'], 0) ?? '', /may be written/);
  });
}

test('no sequence is left out, and none is used twice', () => {
  const rules = new ProducerRules();
  sent(rules, 0, ['a', 'b'], NOT_LEADER);
  assert.match(sent(rules, 2, ['c'], 0) ?? '', /sends 2 after 0/);
  const others = new ProducerRules();
  sent(others, 0, ['a', 'b'], 0);
  assert.match(sent(others, 0, ['c'], 0) ?? '', /sends 0 after 2/);
});
