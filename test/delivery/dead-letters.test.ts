/** Acknowledged events that Kafka never takes. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { deadLetterRecord } from '../../src/delivery/dead-letter-record.ts';
import { recordHeader, type KafkaRecord } from '../../src/kafka/record.ts';
import { DEAD_LETTERS, DeliveryStage, kindOf, sizeOf, TOPIC } from './delivery-stage.ts';

const LIMIT = 500;
const LARGE = 900;
const PARKED = 'the dead-letter topic does not take an event: it is parked on disk';

function headersOf({ headers }: KafkaRecord): [string, string][] {
  return headers.map(({ name, value }) => [name.toString(), value.toString()]);
}

/** The topics with parked events, and the number of events of each. */
function parkedOf({ delivery }: DeliveryStage): [string, number][] {
  return delivery.parked.map(({ topic, events }) => [topic, events]);
}

/** The seconds between these times, in milliseconds, rounded. */
function pausesOf(times: readonly number[]): number[] {
  return times.slice(1).map((time, index) => Math.round((time - (times[index] ?? 0)) / 1000));
}

/** A stage with a large event spooled between two small ones, before the topic has a limit. */
async function withLargeEvent(): Promise<DeliveryStage> {
  const stage = await DeliveryStage.open();
  stage.producer.set(TOPIC, 'unavailable');
  stage.producer.limit(TOPIC, LIMIT);
  for (const [n, size] of [100, LARGE, 100].entries())
    assert.equal(kindOf(await stage.post(n, { size })), 'spooled');
  return stage;
}

suite('an acknowledged event that Kafka never takes', () => {
  test('goes to the dead-letter topic with its bytes, key and headers, and the reason', async () => {
    const stage = await withLargeEvent();
    stage.producer.set(TOPIC, 'up');
    await stage.emptied();
    assert.deepEqual([stage.written(), stage.written(DEAD_LETTERS)], [[0, 2], [1]]);
    const letter = stage.producer.written.find(({ topic }) => topic === DEAD_LETTERS);
    const { record } = stage.sent[1] ?? assert.fail();
    assert.ok(letter);
    assert.deepEqual(
      [letter.value, letter.key, letter.timestamp],
      [record.value, record.key, record.arrivedAt],
    );
    const reason = `needs ${sizeOf(LARGE)} bytes even compressed, where the topic takes ${LIMIT}`;
    assert.deepEqual(headersOf(letter), [
      ['content-type', 'application/json'],
      ['dead-letter-topic', TOPIC],
      ['dead-letter-reason', `topic ${TOPIC} does not take it: ${reason}`],
    ]);
    const told = stage.lines('Kafka does not take an acknowledged event');
    assert.deepEqual(
      told.map(({ topic, dead_letter_topic }) => [topic, dead_letter_topic]),
      [[TOPIC, DEAD_LETTERS]],
    );
    const { values } = await stage.metrics.deadLetters.get();
    assert.deepEqual(
      values.map(({ labels, value }) => [labels.reason, value]),
      [['too-large', 1]],
    );
    stage.producer.set(TOPIC, 'unavailable');
    await stage.post(3);
    stage.producer.set(TOPIC, 'up');
    assert.equal(stage.state(), 'draining');
    await stage.emptied();
  });

  test('leaves the spool only after the spool of the dead-letter topic has it', async () => {
    const stage = await withLargeEvent();
    stage.producer.set(DEAD_LETTERS, 'unavailable');
    stage.producer.set(TOPIC, 'up');
    await stage.time.advance(500);
    const counts = stage.delivery.topics.map(({ topic, spooledEvents, state }) => [
      topic,
      spooledEvents,
      state,
    ]);
    assert.deepEqual(counts, [
      [TOPIC, 0, 'straight'],
      [DEAD_LETTERS, 1, 'spooling'],
    ]);
    stage.producer.set(DEAD_LETTERS, 'up');
    await stage.emptied();
    assert.deepEqual(stage.written(DEAD_LETTERS), [1]);
  });

  test('is parked when the dead-letter topic refuses it, too, and is retried each minute', async () => {
    const stage = await withLargeEvent();
    stage.producer.refuse(DEAD_LETTERS, 'INVALID_RECORD');
    stage.producer.set(TOPIC, 'up');
    await stage.time.advance(600_000);
    assert.deepEqual([stage.written(), stage.delivery.spooledEvents, stage.state()], [[0, 2], 0, 'straight']);
    assert.deepEqual(parkedOf(stage), [[TOPIC, 1]]);
    const next = stage.send(3);
    await stage.time.advance(100);
    assert.equal(kindOf(next), 'acknowledged');
    const times = stage.producer.handedOver.get(DEAD_LETTERS) ?? [];
    assert.deepEqual(pausesOf(times), [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60, 60, 60]);
    assert.equal(await stage.sample('undeliverable'), 1);
    assert.deepEqual(
      stage.lines(PARKED).map(({ topic, reason }) => [topic, reason]),
      [[TOPIC, 'refused: INVALID_RECORD']],
    );

    stage.producer.refuse(DEAD_LETTERS, undefined);
    await stage.time.advance(60_100);
    assert.deepEqual(stage.written(DEAD_LETTERS), [1]);
    await stage.emptied();
  });

  test('is retried when the dead letter cannot be kept now, and is not reported as lost', async () => {
    const stage = await withLargeEvent();
    stage.producer.set(DEAD_LETTERS, 'unavailable');
    stage.disk.operations.faults = { create: 1000 };
    stage.producer.set(TOPIC, 'up');
    await stage.time.advance(5000);
    assert.equal(stage.delivery.statusOf(TOPIC).spooledEvents, 1);
    assert.equal(await stage.sample('undeliverable'), 0);
    stage.disk.operations.faults = {};
    await stage.time.advance(60_000);
    assert.equal(stage.delivery.statusOf(DEAD_LETTERS).spooledEvents, 1);
    stage.producer.set(DEAD_LETTERS, 'up');
    await stage.emptied();
    assert.deepEqual(stage.written(DEAD_LETTERS), [1]);
  });

  test('is parked and retried each minute if it is itself a dead letter', async () => {
    const stage = await DeliveryStage.open();
    stage.producer.set(DEAD_LETTERS, 'unavailable');
    await stage.post(1, { topic: DEAD_LETTERS });
    stage.producer.refuse(DEAD_LETTERS, 'INVALID_RECORD');
    stage.producer.set(DEAD_LETTERS, 'up');
    await stage.time.advance(300_000);
    assert.equal(stage.delivery.statusOf(DEAD_LETTERS).spooledEvents, 0);
    assert.deepEqual(parkedOf(stage), [[DEAD_LETTERS, 1]]);
    assert.deepEqual([await stage.sample('undeliverable'), stage.lines(PARKED).length], [1, 1]);
    const pauses = pausesOf(stage.producer.handedOver.get(DEAD_LETTERS) ?? []);
    // The first time it was handed over, Kafka was unavailable.
    assert.deepEqual(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    stage.producer.refuse(DEAD_LETTERS, undefined);
    await stage.time.advance(60_100);
    assert.deepEqual(stage.written(DEAD_LETTERS), [1]);
    await stage.emptied();
  });

  test('is retried by the next process, and not while the delivery stops', async () => {
    const stage = await withLargeEvent();
    stage.producer.refuse(DEAD_LETTERS, 'INVALID_RECORD');
    stage.producer.set(TOPIC, 'up');
    await stage.time.advance(10_000);
    const { producer } = stage;
    const tries = producer.handedOver.get(DEAD_LETTERS)?.length;
    await stage.passUntil(stage.delivery.stop());
    await stage.time.advance(300_000);
    assert.equal(producer.handedOver.get(DEAD_LETTERS)?.length, tries);
    await stage.restart();
    await stage.time.advance(60_100);
    await stage.emptied();
    assert.deepEqual(stage.written(DEAD_LETTERS), [1]);
  });
});

test('the dead letter of an event that the check refuses has the reasons after the headers, and no key', () => {
  const value = Buffer.from('{"bad":1}');
  const headers = [recordHeader('content-type', 'application/json')];
  const reason = { summary: 'a: b', details: '[{"location":["a"]}]' };
  const letter = deadLetterRecord('dead', value, headers, reason, 5);
  assert.deepEqual([letter.topic, letter.key, letter.timestamp, letter.arrivedAt], ['dead', null, 5, 5]);
  assert.equal(letter.value, value);
  assert.deepEqual(headersOf(letter), [
    ['content-type', 'application/json'],
    ['dead-letter-reason', 'a: b'],
    ['dead-letter-details', '[{"location":["a"]}]'],
  ]);
});
