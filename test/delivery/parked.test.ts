/** Events that not even the dead-letter topic takes: they hold up nothing, and they are retried. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Decided } from '../../src/delivery/port.ts';
import { decodeParked } from '../../src/delivery/parked/parked-record.ts';
import { Mark } from '../../src/spool/marks.ts';
import type { SpooledEvent } from '../../src/spool/log-reader.ts';
import { DEAD_LETTERS, DeliveryStage, heldOf, kindOf, TOPIC, type StageSettings } from './delivery-stage.ts';

const LIMIT = 500;
const LARGE = 900;
const MINUTE_MS = 60_000;

/** Both topics take small events only. These numbers of large and small events went through an outage of Kafka. */
async function withParked(large: number, settings: StageSettings = {}): Promise<DeliveryStage> {
  const stage = await DeliveryStage.open(settings);
  stage.producer.set(TOPIC, 'unavailable');
  for (let n = 0; n < large; n++) {
    await stage.post(n, { size: LARGE });
    await stage.post(1000 + n);
  }
  limited(stage);
  stage.producer.set(TOPIC, 'up');
  await stage.time.until(() => parked(stage) === large);
  await stage.time.advance(200);
  return stage;
}

function limited({ producer }: DeliveryStage): void {
  for (const topic of [TOPIC, DEAD_LETTERS]) producer.limit(topic, LIMIT);
}

function unlimited({ producer }: DeliveryStage, topics = [TOPIC, DEAD_LETTERS]): void {
  for (const topic of topics) producer.limit(topic, Number.POSITIVE_INFINITY);
}

function parked({ delivery }: DeliveryStage): number {
  return delivery.parked.reduce((sum, { events }) => sum + events, 0);
}

function onDisk(stage: DeliveryStage): Promise<SpooledEvent[]> {
  const read = async () => {
    const events: SpooledEvent[] = [];
    for await (const event of stage.spool.parked(TOPIC).scan()) events.push(event);
    return events;
  };
  return stage.finished(read());
}

/** The ids that the log tells. */
function ids(stage: DeliveryStage): string[] {
  return stage
    .lines('it is parked on disk')
    .flatMap(({ ids: told }) => (Array.isArray(told) ? told.map(String) : []));
}

function tell(found: Decided[], one: Decided): Promise<boolean> {
  found.push(one);
  return Promise.resolve(true);
}

async function decided(stage: DeliveryStage, what: 'retry' | 'drop', wanted: readonly string[]) {
  const found: Decided[] = [];
  await stage.passUntil(stage.delivery.parkedControl[what](wanted, (one) => tell(found, one)));
  return found;
}

suite('parked events', () => {
  test('refuse nothing in the next outage, however old they are, also after a restart', async () => {
    const stage = await withParked(1, { spoolMaxAgeMs: MINUTE_MS });
    await stage.time.advance(2 * MINUTE_MS);
    for (const n of [1, 2]) {
      stage.producer.set(TOPIC, 'unavailable');
      assert.equal(kindOf(await stage.post(n)), 'spooled');
      assert.deepEqual(
        [stage.delivery.statusOf(TOPIC).problem, stage.delivery.statusOf(TOPIC).spooledEvents],
        [undefined, 1],
      );
      stage.producer.set(TOPIC, 'up');
      await stage.time.until(() => stage.state() === 'straight');
      if (n === 1) await stage.restart();
      limited(stage);
      await stage.time.advance(2 * MINUTE_MS);
    }
    assert.equal(parked(stage), 1);
  });

  test('take no memory, and no space of the events beside them', async () => {
    const stage = await withParked(20);
    assert.deepEqual([await stage.sample('queueBytes'), await stage.sample('queueEvents')], [0, 0]);
    assert.equal(stage.delivery.spooledEvents, 0);
    assert.deepEqual(
      [...stage.disk.contents().keys()].filter((path) => path.startsWith('/spool/topics/')),
      [],
    );
    assert.deepEqual(
      stage.written(),
      Array.from({ length: 20 }, (_, n) => 1000 + n),
    );
    const [status] = stage.delivery.parked;
    assert.ok(status);
    assert.deepEqual([stage.delivery.spooledBytes, status.bytes], [0, stage.spool.bytes]);
    assert.ok(status.bytes < 20 * (LARGE + 400), `${status.bytes} bytes`);
  });

  test('hold the memory of one event while they are tried again, and no timer when the proxy stops', async () => {
    const stage = await withParked(30);
    unlimited(stage, [DEAD_LETTERS]);
    stage.producer.set(DEAD_LETTERS, 'silent');
    await stage.time.until(() => stage.producer.handedOver.get(DEAD_LETTERS) !== undefined);
    await stage.time.advance(2 * MINUTE_MS);
    const bytes = await stage.sample('queueBytes');
    assert.ok(bytes > 0 && bytes <= 2 * heldOf(LARGE), `${bytes} bytes`);
    stage.producer.set(DEAD_LETTERS, 'up');
    await stage.time.until(() => parked(stage) === 0);
    limited(stage);
    stage.producer.set(TOPIC, 'unavailable');
    await stage.post(0, { size: LARGE });
    let isAsked = false;
    stage.producer.refresh = () => {
      isAsked = true;
      return new Promise(() => undefined);
    };
    stage.producer.set(TOPIC, 'up');
    await stage.time.until(() => isAsked);
    await stage.stop();
    assert.equal(stage.time.timers, 0);
  });

  test('are not read at the start, and not sent before a minute has passed', async () => {
    const stage = await withParked(20);
    await stage.restart();
    limited(stage);
    assert.equal(stage.lines('events are parked on disk').length, 1);
    assert.equal(kindOf(await stage.post(1)), 'none');
    await stage.time.advance(MINUTE_MS - 100);
    assert.deepEqual(
      [stage.producer.handedOver.get(DEAD_LETTERS), await stage.sample('queueBytes')],
      [undefined, 0],
    );
    assert.deepEqual([stage.written(), parked(stage)], [[1], 20]);
    unlimited(stage, [DEAD_LETTERS]);
    await stage.time.advance(MINUTE_MS);
    await stage.emptied();
    assert.deepEqual(
      stage.written(DEAD_LETTERS),
      Array.from({ length: 20 }, (_, n) => n),
    );
  });

  test('are parked although the spool is full', async () => {
    const stage = await DeliveryStage.open({ spoolBytes: 3000 });
    for (const topic of [TOPIC, DEAD_LETTERS]) stage.producer.set(topic, 'unavailable');
    let n = 0;
    while (kindOf(await stage.post(n, { size: LARGE })) === 'spooled') n += 1;
    assert.ok(n > 1);
    stage.producer.limit(TOPIC, LIMIT);
    stage.producer.set(TOPIC, 'up');
    await stage.time.advance(5000);
    assert.equal(kindOf(await stage.post(100)), 'none');
    await stage.time.advance(100);
    assert.deepEqual([stage.written(), stage.state()], [[100], 'straight']);
    stage.producer.set(DEAD_LETTERS, 'up');
    await stage.time.advance(2 * MINUTE_MS);
    await stage.emptied();
    assert.deepEqual(
      stage.written(DEAD_LETTERS).sort(),
      Array.from({ length: n }, (_, one) => one),
    );
  });

  test('wait while the dead-letter topic is unavailable, and are retried when it is back', async () => {
    const stage = await withParked(3);
    stage.producer.set(DEAD_LETTERS, 'unavailable');
    await stage.post(1, { topic: DEAD_LETTERS });
    const tries = stage.producer.handedOver.get(DEAD_LETTERS)?.length;
    unlimited(stage, [DEAD_LETTERS]);
    await stage.time.advance(10 * MINUTE_MS);
    assert.deepEqual([stage.producer.handedOver.get(DEAD_LETTERS)?.length, parked(stage)], [tries, 3]);
    stage.producer.set(DEAD_LETTERS, 'up');
    await stage.time.advance(2 * MINUTE_MS);
    assert.deepEqual(stage.written(DEAD_LETTERS), [1, 0, 1, 2]);
    await stage.emptied();
  });

  test('are all tried in turn, with a limit for each minute', async () => {
    const stage = await withParked(1100);
    // The first pauses are shorter.
    await stage.time.advance(2 * MINUTE_MS);
    const before = stage.producer.handedOver.get(DEAD_LETTERS)?.length ?? 0;
    await stage.time.advance(4 * MINUTE_MS);
    const tries = (stage.producer.handedOver.get(DEAD_LETTERS)?.length ?? 0) - before;
    assert.ok(tries > 2000 && tries < 2300, `${tries} tries`);
    unlimited(stage, [DEAD_LETTERS]);
    await stage.time.advance(2 * MINUTE_MS);
    assert.equal(parked(stage), 0);
    await stage.emptied();
  });

  test('are found again when a crash has cut off the retry, and the duplicate is counted', async () => {
    const stage = await withParked(1);
    stage.producer.set(DEAD_LETTERS, 'silent');
    const tries = stage.producer.handedOver.get(DEAD_LETTERS)?.length ?? 0;
    await stage.time.until(() => (stage.producer.handedOver.get(DEAD_LETTERS)?.length ?? 0) > tries);
    for (const { place } of await onDisk(stage)) {
      assert.equal(place.segment.marks.get(place.ordinal), Mark.sent);
    }
    await stage.start();
    assert.deepEqual([parked(stage), await stage.sample('duplicatesPossible')], [1, 1]);
  });

  test('are told of in one line a minute', async () => {
    const stage = await withParked(30);
    await stage.time.advance(2 * MINUTE_MS);
    const lines = stage.lines('it is parked on disk');
    assert.deepEqual(
      lines.map(({ events }) => events),
      [undefined, 29],
    );
  });
});

suite('an operator', () => {
  test('has parked events retried: they go to their own topic, else to the dead-letter topic', async () => {
    const stage = await withParked(1);
    const [id = ''] = ids(stage);
    assert.match(id, /^[0-9a-f]{16}$/);
    const reason = /^too-large: needs \d+ bytes even compressed, where the topic takes 500$/;
    const [kept] = await decided(stage, 'retry', [id]);
    assert.deepEqual([kept?.id, kept?.topic, kept?.outcome], [id, TOPIC, 'parked']);
    assert.match(kept?.reason ?? '', reason);
    unlimited(stage, [DEAD_LETTERS]);
    const before = stage.producer.refreshes;
    assert.deepEqual(await decided(stage, 'retry', [id]), [{ id, topic: TOPIC, outcome: 'dead-letter' }]);
    assert.equal(stage.producer.refreshes, before + 1);
    assert.deepEqual(await decided(stage, 'retry', [id]), [{ id, topic: undefined, outcome: 'unknown' }]);
    assert.deepEqual(stage.written(DEAD_LETTERS), [0]);
    await stage.emptied();
  });

  test('has an event retried in its own topic, also while Kafka is unavailable', async () => {
    const stage = await withParked(2);
    const found: Decided[] = [];
    const [one = '', two = ''] = (await onDisk(stage)).map(
      ({ payload, arrivedAt }) => decodeParked(TOPIC, payload, arrivedAt).id,
    );
    unlimited(stage);
    found.push(...(await decided(stage, 'retry', [one])));
    stage.producer.set(TOPIC, 'unavailable');
    found.push(...(await decided(stage, 'retry', [two])));
    assert.deepEqual(
      found.map(({ outcome }) => outcome),
      ['kafka', 'spool'],
    );
    assert.equal(stage.delivery.statusOf(TOPIC).spooledEvents, 1);
    stage.producer.set(TOPIC, 'up');
    await stage.emptied();
    assert.deepEqual(stage.written(), [1000, 1001, 0, 1]);
  });

  test('drops parked events: the log names them, and nothing remains', async () => {
    const stage = await withParked(1);
    const [id = ''] = ids(stage);
    assert.deepEqual(await decided(stage, 'drop', ['0'.repeat(16), id]), [
      { id, topic: TOPIC, outcome: 'dropped' },
      { id: '0'.repeat(16), topic: undefined, outcome: 'unknown' },
    ]);
    assert.deepEqual(
      stage.lines('an operator has dropped').map(({ ids: dropped, events }) => [dropped, events]),
      [[[id], 1]],
    );
    unlimited(stage);
    await stage.time.advance(5 * MINUTE_MS);
    await stage.emptied();
    assert.deepEqual(stage.written(DEAD_LETTERS), []);
    await stage.restart();
    assert.equal(parked(stage), 0);
  });

  test('is served before a round of retries goes on', async () => {
    const stage = await withParked(50);
    const handed = () => stage.producer.handedOver.get(DEAD_LETTERS)?.length ?? 0;
    const before = handed();
    await stage.time.until(() => handed() === before + 5, 2 * MINUTE_MS);
    assert.deepEqual(
      (await decided(stage, 'drop', ['?'])).map(({ outcome }) => outcome),
      ['unknown'],
    );
    assert.ok(handed() <= before + 6, `${handed() - before} tries`);
    await stage.time.advance(2 * MINUTE_MS);
    assert.ok(handed() >= before + 50, 'the next round goes on');
  });
});
