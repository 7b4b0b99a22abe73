/** The pipeline without HTTP and without a broker: what an event becomes, and what the observer hears of it. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { pino } from 'pino';
import { Senders } from '../../src/auth/senders.ts';
import type { Delivered } from '../../src/delivery/port.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import type { Consumer } from '../../src/openlineage/consumers/consumer.ts';
import type { Arrival } from '../../src/pipeline/arrival.ts';
import { Foresight } from '../../src/pipeline/foresight.ts';
import { Ingest, type IngestSettings } from '../../src/pipeline/ingest.ts';
import { Observer } from '../../src/pipeline/observer.ts';
import { Turns } from '../../src/support/turns.ts';

const NOW = Date.parse('2026-02-03T04:05:06Z');

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

const event = {
  eventTime: '2026-01-02T03:04:05Z',
  producer: 'https://example.org/pipeline',
  schemaURL: 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent',
  job: { namespace: 'own', name: 'job' },
};

const limited = new Senders([{ name: 'trino', namespaces: ['own'], events_per_second: 1 }]);
const sender = { way: 'oidc', name: 'trino' } as const;

class Stage {
  readonly metrics = createMetrics();
  readonly log: Record<string, unknown>[] = [];
  readonly records: KafkaRecord[] = [];
  outcome: Delivered = { kind: 'acknowledged', partition: 0, offset: 0 };
  readonly #ingest: Ingest;

  constructor(
    settings: Partial<IngestSettings> = {},
    consumers: readonly Consumer[] = [],
    now: () => number = () => 0,
  ) {
    const write = (line: string) => {
      const parsed: unknown = JSON.parse(line);
      if (typeof parsed === 'object' && parsed !== null) this.log.push({ ...parsed });
    };
    const observer = new Observer(this.metrics, pino({ base: null }, { write }));
    const delivery = {
      deliver: (record: KafkaRecord) => {
        this.records.push(record);
        return Promise.resolve(this.outcome);
      },
      deliverToAll: () => assert.fail('no event has several topics'),
    };
    const plain = {
      mainTopic: 'main',
      malformedTopic: 'malformed',
      checkLevel: 'core',
      invalid: 'reject',
      timestamp: 'event-time',
    } as const;
    const turns = new Turns({ setImmediate });
    const { checkLevel } = { ...plain, ...settings };
    this.#ingest = new Ingest(
      { ...plain, ...settings },
      delivery,
      observer,
      { now: () => NOW },
      turns,
      undefined,
      new Foresight({ checkLevel, consumers }, turns, { now }),
    );
  }

  take(body: object, arrival: Partial<Arrival> = {}) {
    const origin = () => ({ method: 'POST', path: '/api/v1/lineage', client: '192.0.2.7' });
    const whole = { requestId: 'id', traceparent: undefined, origin };
    return this.#ingest.take({ ...whole, ...arrival }, Buffer.from(JSON.stringify(body)));
  }

  async samples(name: string): Promise<readonly string[]> {
    const text = await this.metrics.registry.metrics();
    return text.split('\n').filter((line) => line.startsWith(`http2kafka_${name}{`));
  }
}

suite('an event in the pipeline', () => {
  test('becomes a record with its own bytes, key, time and headers', async () => {
    const stage = new Stage();
    assert.deepEqual(await stage.take(event, { traceparent: TRACEPARENT }), {
      kind: 'acknowledged',
      partition: 0,
      offset: 0,
    });
    const [record] = stage.records;
    assert.equal(record?.value.toString(), JSON.stringify(event));
    assert.deepEqual([record.topic, record.key?.toString()], ['main', 'job:own/job']);
    assert.deepEqual([record.timestamp, record.arrivedAt], [Date.parse(event.eventTime), NOW]);
    const headers = record.headers.map(({ name, value }) => `${name.toString()}: ${value.toString()}`);
    assert.deepEqual(headers, [
      'content-type: application/json',
      'correlation_id: id',
      `traceparent: ${TRACEPARENT}`,
    ]);
    assert.deepEqual(await stage.samples('events_total'), [
      'http2kafka_events_total{kind="job",outcome="acknowledged"} 1',
    ]);
  });

  test('has the time of arrival where the setting says so, and no traceparent that is none', async () => {
    const stage = new Stage({ timestamp: 'arrival' });
    await stage.take(event, { traceparent: 'something else' });
    assert.equal(stage.records[0]?.timestamp, NOW);
    assert.equal(stage.records[0].headers.length, 2);
  });

  const outcomes: readonly (readonly [Delivered, string, string])[] = [
    [
      { kind: 'retriable', reason: 'the disk is full' },
      'unavailable',
      'The event cannot be kept now: the disk is full',
    ],
    [
      { kind: 'permanent', reason: 'INVALID_RECORD' },
      'unavailable',
      'Kafka refuses the event: INVALID_RECORD',
    ],
    [
      { kind: 'too-large', topic: 'main', size: 20, limit: 10, event: 30 },
      'payload_too_large',
      'Even compressed, the event needs 20 bytes; topic main takes at most 10',
    ],
  ];
  for (const [outcome, code, message] of outcomes) {
    test(`that the delivery does not keep (${outcome.kind}) is refused as ${code}`, async () => {
      const stage = new Stage();
      stage.outcome = outcome;
      const ingested = await stage.take({ ...event, schemaURL: undefined });
      assert.ok(ingested.kind === 'refused');
      assert.deepEqual([ingested.refusal.code, ingested.refusal.message], [code, message]);
      assert.deepEqual(await stage.samples('events_total'), [
        `http2kafka_events_total{kind="job",outcome="${code}"} 1`,
      ]);
      assert.deepEqual(await stage.samples('specification_deviations_total'), [], 'it was not kept');
      assert.equal(stage.log.length, 1);
      assert.deepEqual([stage.log[0]?.['request_id'], stage.log[0]?.['code']], ['id', code]);
    });
  }

  test('that deviates from the specification is counted once it is kept', async () => {
    const stage = new Stage();
    stage.outcome = { kind: 'spooled' };
    assert.deepEqual(await stage.take({ ...event, schemaURL: undefined }), { kind: 'spooled' });
    assert.deepEqual(await stage.samples('specification_deviations_total'), [
      'http2kafka_specification_deviations_total{deviation="schema_url_missing"} 1',
    ]);
  });

  test('of a foreign namespace, or over the quota, goes nowhere', async () => {
    const stage = new Stage();
    const known = { sender, limits: limited.limitsOf(sender) };
    const foreign = await stage.take({ ...event, job: { namespace: 'other', name: 'job' } }, { known });
    assert.ok(foreign.kind === 'refused' && foreign.refusal.code === 'forbidden');
    const over = await stage.take(event, { known });
    assert.ok(over.kind === 'refused' && over.refusal.code === 'too_many_requests');
    assert.deepEqual(stage.records, []);
    assert.deepEqual(await stage.samples('sender_events_total'), [
      'http2kafka_sender_events_total{sender="trino",way="oidc",outcome="forbidden"} 1',
      'http2kafka_sender_events_total{sender="trino",way="oidc",outcome="too_many_requests"} 1',
    ]);
  });

  test('that is not valid is refused, or becomes a dead letter where the setting says so', async () => {
    const bad = { ...event, job: { namespace: 'own' } };
    const rejecting = new Stage();
    const refused = await rejecting.take(bad);
    assert.ok(refused.kind === 'refused' && refused.refusal.code === 'invalid_request');
    assert.deepEqual(rejecting.records, []);
    const keeping = new Stage({ invalid: 'dead-letter' });
    assert.deepEqual(await keeping.take(bad), { kind: 'dead-letter' });
    const [letter] = keeping.records;
    assert.deepEqual([letter?.topic, letter?.key, letter?.timestamp], ['malformed', null, NOW]);
    const headers = new Map(letter?.headers.map(({ name, value }) => [name.toString(), value.toString()]));
    assert.equal(headers.get('dead-letter-reason'), 'body.job.name: Field required');
    assert.deepEqual(await keeping.samples('events_total'), [
      'http2kafka_events_total{kind="job",outcome="dead_letter"} 1',
    ]);
  });
});

suite('what is foreseen in the pipeline', () => {
  const run = { eventType: 'START', run: { runId: '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c' } };

  test('is counted by consumer, reason and sender, for events that are kept', async () => {
    const stage = new Stage({}, ['data-rentgen', 'openmetadata']);
    const known = { sender, limits: new Senders([]).limitsOf(sender) };
    await stage.take(event, { known });
    await stage.take({ ...event, ...run, inputs: [], outputs: [] }, { known });
    stage.outcome = { kind: 'retriable', reason: 'full' };
    await stage.take(event);
    const drops = await stage.samples('events_consumers_drop_total');
    assert.ok(
      drops.includes('http2kafka_events_consumers_drop_total{consumer="data-rentgen",reason="job_event"} 1'),
    );
    const examined = await stage.samples('events_consumers_examined_total');
    assert.deepEqual(examined.toSorted(), [
      'http2kafka_events_consumers_examined_total{consumer="data-rentgen"} 2',
      'http2kafka_events_consumers_examined_total{consumer="openmetadata"} 2',
    ]);
    const bySender = await stage.samples('sender_events_consumers_drop_total');
    assert.deepEqual(bySender.toSorted(), [
      'http2kafka_sender_events_consumers_drop_total{sender="trino",way="oidc",consumer="data-rentgen"} 1',
      'http2kafka_sender_events_consumers_drop_total{sender="trino",way="oidc",consumer="openmetadata"} 1',
    ]);
    const refused = await stage.samples('events_stricter_level_refuses_total');
    assert.ok(refused.includes('http2kafka_events_stricter_level_refuses_total{level="data-rentgen"} 1'));
    assert.match(
      await stage.metrics.registry.metrics(),
      /^http2kafka_events_stricter_level_examined_total 2$/m,
    );
  });

  test('a defect in it is logged, and the event is kept', async () => {
    let isBroken = false;
    const stage = new Stage({}, ['data-rentgen'], () => {
      if (isBroken) throw new Error('a defect');
      return 0;
    });
    isBroken = true;
    assert.deepEqual(await stage.take(event), { kind: 'acknowledged', partition: 0, offset: 0 });
    assert.deepEqual(
      stage.log.map(({ msg }) => msg),
      ['internal error'],
    );
  });

  test('a defect where it is counted is logged, and the event is kept', async (t) => {
    const stage = new Stage({}, ['data-rentgen']);
    t.mock.method(stage.metrics.consumersExamined, 'inc', () => assert.fail('a defect'));
    assert.deepEqual(await stage.take(event), { kind: 'acknowledged', partition: 0, offset: 0 });
    assert.deepEqual(
      stage.log.map(({ msg }) => msg),
      ['internal error'],
    );
  });

  test('a level of a consumer refuses what it drops', async () => {
    const stage = new Stage({ checkLevel: 'data-rentgen' });
    const outcome = await stage.take(event);
    assert.equal(outcome.kind, 'refused');
    assert.deepEqual(stage.records, []);
  });
});
