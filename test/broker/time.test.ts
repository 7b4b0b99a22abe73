import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { setTopicConfig } from '../../tools/kafka/topics.ts';
import { runEvent } from '../openlineage/events.ts';
import { created } from '../stage/posting.ts';
import { useStage } from '../stage/stage.ts';
import type { StagedProxy } from '../stage/staged-proxy.ts';
import { until } from '../stage/until.ts';

const HOUR = 3_600_000;
const AHEAD = 'message.timestamp.after.max.ms';
const BEHIND = 'message.timestamp.before.max.ms';

const ahead = (milliseconds: number) => new Date(Date.now() + milliseconds).toISOString();

/** Posts an event of that time. Gives the time of its record, or `arrival` when it is the time of arrival. */
async function timeOf(proxy: StagedProxy, eventTime: string): Promise<number | 'arrival'> {
  const start = Date.now();
  created(await proxy.post(JSON.stringify(runEvent({ eventTime }))));
  const time = Number((await proxy.lastRecord()).timestamp);
  return time >= start && time <= Date.now() ? 'arrival' : time;
}

suite('the time of a record', { timeout: 60_000 }, () => {
  const stage = useStage();
  let aware: StagedProxy;
  let unaware: StagedProxy;
  let arrival: StagedProxy;
  before(async () => {
    [aware, unaware, arrival] = await Promise.all([
      stage.proxyWithTopic({ name: 'aware', partitions: 1 }, { KAFKA__METADATA_MAX_AGE_MS: '200' }),
      // Reads the limits of the topic once, at the start.
      stage.proxyWithTopic({ name: 'unaware', partitions: 1 }),
      stage.proxyWithTopic({ name: 'arrival', partitions: 1 }, { PRODUCER__TIMESTAMP: 'arrival' }),
    ]);
  });

  for (const [eventTime, time] of [
    ['2025-11-22T10:15:30.123456Z', 1_763_806_530_123],
    ['2025-11-22T10:15:30.999', 1_763_806_530_999],
    ['2025-11-22T12:15:30+02:00', 1_763_806_530_000],
    ['1980-02-29T00:00:00Z', 320_630_400_000],
    ['1970-01-01T00:00:00Z', 0],
  ] as const) {
    test(`is that of the event in milliseconds: ${eventTime}`, async () => {
      assert.equal(await timeOf(unaware, eventTime), time);
    });
  }

  test('is that of the event half an hour ahead', async () => {
    const soon = ahead(HOUR / 2);
    assert.equal(await timeOf(unaware, soon), Date.parse(soon));
  });

  for (const [what, eventTime] of [
    ['two hours ahead', ahead(2 * HOUR)],
    ['in the year 9999', '9999-12-31T23:59:59Z'],
    ['in the year 1', '0001-01-01T00:00:00Z'],
    ['a millisecond before 1970', '1969-12-31T23:59:59.999Z'],
  ] as const) {
    test(`is that of the arrival for an event ${what}`, async () => {
      assert.equal(await timeOf(unaware, eventTime), 'arrival');
    });
  }

  test('is that of the arrival with producer.timestamp: arrival', async () => {
    assert.equal(await timeOf(arrival, '2020-01-01T00:00:00Z'), 'arrival');
  });

  test("is bound by the topic's own limits", async () => {
    const limits = { [AHEAD]: String(3 * HOUR), [BEHIND]: String(HOUR) };
    await setTopicConfig(stage.broker.bootstrapServers, aware.topic, limits);
    const near = ahead(2 * HOUR);
    // First the broker, then the proxy learns of the limits, a moment later.
    await until(
      () => timeOf(aware, near),
      (time) => time === Date.parse(near),
    );
    assert.equal(await timeOf(aware, ahead(4 * HOUR)), 'arrival');
    assert.equal(await timeOf(aware, ahead(-2 * HOUR)), 'arrival');
  });

  test('is that of the arrival for the refused events only, when the broker refuses a batch', async () => {
    await setTopicConfig(stage.broker.bootstrapServers, unaware.topic, { [AHEAD]: String(HOUR / 60) });
    await until(
      () => timeOf(unaware, ahead(HOUR / 2)),
      (time) => time === 'arrival',
    );

    const old = '2020-01-01T00:00:00.000Z';
    const times = Array.from({ length: 60 }, (_, i) => (i % 20 === 7 ? ahead(HOUR / 2) : old));
    const events = times.map((eventTime, i) =>
      JSON.stringify(runEvent({ eventTime, producer: `test:${i}` })),
    );
    const start = Date.now();
    for (const answer of await unaware.postAll(events, events.length)) created(answer);
    const records = await unaware.records();
    for (const [i, event] of events.entries()) {
      const [record, ...others] = records.filter(({ value }) => value?.toString() === event);
      assert.equal(others.length, 0);
      const time = Number(record?.timestamp);
      if (times[i] === old) assert.equal(time, Date.parse(old));
      else assert.ok(time >= start && time <= Date.now(), String(time));
    }
    const batches = await unaware.batches();
    assert.ok(
      batches.some((batch) => batch.records > 2),
      'some events shared a batch',
    );
  });
});
