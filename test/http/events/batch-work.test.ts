/** What batches cost the event loop, the log and the answer, without HTTP and without a broker. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Refusal } from '../../../src/errors.ts';
import { takeBatch } from '../../../src/http/events/batch.ts';
import type { KafkaRecord } from '../../../src/kafka/record.ts';
import { createLogger } from '../../../src/log.ts';
import { createMetrics } from '../../../src/metrics/metrics.ts';
import type { Arrival } from '../../../src/pipeline/arrival.ts';
import { Ingest, type IngestSettings } from '../../../src/pipeline/ingest.ts';
import { Observer } from '../../../src/pipeline/observer.ts';
import { ClientGone, Turns } from '../../../src/support/turns.ts';
import { runEvent } from '../../openlineage/events.ts';
import { isObject, parsed } from '../../stage/posting.ts';
import { SimulatedTime } from '../../support/simulated-time.ts';

const MAX = 50_000;

/** Counts what happens in each turn of simulated time. */
class Stage {
  readonly time = new SimulatedTime();
  readonly lines: string[] = [];
  readonly records: KafkaRecord[] = [];
  readonly #metrics = createMetrics();
  readonly #observer: Observer;
  readonly #turns: Turns;
  readonly #ingest: Ingest;
  /** Elements that were examined in this turn, and the most of any turn. */
  #elements = 0;
  most = 0;
  turns = 0;

  constructor(settings: Partial<IngestSettings> = {}) {
    const log = createLogger({ enabled: true, level: 'info', preset: 'json' }, '0', {
      write: (line) => void this.lines.push(line),
    });
    this.#observer = new Observer(this.#metrics, log, undefined, this.time);
    const setImmediate = (callback: () => void) => {
      this.time.setImmediate(() => {
        this.turns += 1;
        this.#elements = 0;
        callback();
      });
    };
    this.#turns = new Turns({ setImmediate });
    const plain = {
      mainTopic: 'main',
      malformedTopic: 'malformed',
      checkLevel: 'core',
      invalid: 'reject',
      timestamp: 'event-time',
    } as const;
    const deliver = (record: KafkaRecord) => {
      this.records.push(record);
      return Promise.resolve({ kind: 'acknowledged', partition: 0, offset: 0 } as const);
    };
    const { wall } = this.time;
    const delivery = { deliver, deliverToAll: () => assert.fail('no event has several topics') };
    this.#ingest = new Ingest({ ...plain, ...settings }, delivery, this.#observer, wall, this.#turns);
    const examine = this.#ingest.examine.bind(this.#ingest);
    this.#ingest.examine = (arrival, bytes, event) => {
      this.#elements += 1;
      this.most = Math.max(this.most, this.#elements);
      return examine(arrival, bytes, event);
    };
  }

  /** Posts bodies at once. `isGone` tells whether their client has gone. */
  async post(
    bodies: readonly string[],
    isGone = () => false,
  ): Promise<PromiseSettledResult<string | Refusal>[]> {
    const taking = bodies.map((body, i) => {
      const origin = () => ({ client: '192.0.2.1:1', address: '192.0.2.1' });
      const arrival: Arrival = { requestId: `id-${i}`, traceparent: undefined, origin, isGone };
      return takeBatch(Buffer.from(body), arrival, this.#ingest, this.#observer, this.#turns);
    });
    const all = Promise.allSettled(taking);
    await this.time.settle();
    return all;
  }

  async postOne(body: string): Promise<string> {
    const [result] = await this.post([body]);
    assert.ok(result?.status === 'fulfilled' && typeof result.value === 'string');
    return result.value;
  }

  /** The lines that the log has left out, as it says itself. */
  get omitted(): number {
    return this.lines.reduce((sum, line) => sum + Number(parsed(line)['omitted'] ?? 0), 0);
  }
}

function failuresOf(answer: string): { index: unknown; reason: string }[] {
  const { failed_events: failures } = parsed(answer);
  assert.ok(Array.isArray(failures));
  return failures.map((failure: unknown) => {
    assert.ok(isObject(failure) && failure['retriable'] === false && typeof failure['reason'] === 'string');
    return { index: failure['index'], reason: failure['reason'] };
  });
}

const zeros = `[${Array(MAX).fill('0').join()}]`;
const good = JSON.stringify(runEvent());

suite('a batch of very many elements', () => {
  for (const [what, body] of [
    ['numbers', zeros],
    ['empty objects', `[${Array(MAX).fill('{}').join()}]`],
    ['events of no job', `[${Array(5000).fill('{"eventTime":"2026-01-01T00:00:00Z"}').join()}]`],
    ['good events', `[${Array(5000).fill(good).join()}]`],
  ] as const) {
    test(`lets others have their turn after at most 128 of its ${what}, also beside other batches`, async () => {
      const stage = new Stage();
      await stage.post([body, body, body]);
      assert.ok(stage.most > 1 && stage.most <= 128, `${stage.most} elements in a turn`);
      assert.ok(stage.turns >= (3 * (body.split(',').length / 10)) / 128, `${stage.turns} turns`);
    });
  }

  test('of large elements lets others have their turn sooner', async () => {
    const stage = new Stage();
    const element = `{"a":[${Array(10_000).fill('{}').join()}]}`;
    await stage.post([`[${Array(20).fill(element).join()}]`]);
    assert.ok(stage.most <= 2, `${stage.most} elements in a turn`);
  });

  test('names each failed index in an answer whose reasons are bounded', async () => {
    const answer = await new Stage().postOne(zeros);
    const failures = failuresOf(answer);
    assert.deepEqual(
      failures.map(({ index }) => index),
      Array.from({ length: MAX }, (_, i) => i),
    );
    assert.equal(failures[0]?.reason, 'Invalid request: body: Input should be a valid object');
    assert.equal(failures.at(-1)?.reason, 'invalid_request');
    assert.ok(answer.length < 64 * MAX, `${answer.length} bytes`);
  });

  test('has shorter reasons where there are many', async () => {
    const key = '\\ud83d\\ude00'.repeat(100);
    const facets = Array.from({ length: 20 }, (_, i) => `"${key}${i}":1`).join();
    const element = good.replace('"run":{', `"run":{"facets":{${facets}},`);
    for (const count of [1, 60, 300, 3000]) {
      const failures = failuresOf(await new Stage().postOne(`[${Array(count).fill(element).join()}]`));
      assert.equal(failures.length, count);
      const characters = failures.reduce((sum, { reason }) => sum + reason.length, 0);
      assert.ok(characters < 64 * 1024 + 50 * 1000 + count * 20, `${characters} characters`);
      for (const { reason } of failures) assert.ok(reason.length <= 1000 && reason.isWellFormed());
    }
  });

  test('writes a few lines, which say how many were left out', async () => {
    const stage = new Stage();
    await stage.post([zeros, zeros, zeros]);
    await stage.time.advance(20_000);
    const written = stage.lines.filter((line) => line.includes('event refused')).length;
    assert.ok(written <= 10, `${written} lines`);
    assert.ok(stage.lines.length <= 11);
    assert.equal(stage.omitted + written, 3 * MAX);
    for (const line of stage.lines) assert.ok(line.length < 2000);
  });

  test('is given up once its client has gone', async () => {
    const stage = new Stage();
    const [result] = await stage.post(
      [`[${Array(5000).fill(good).join()}]`],
      () => stage.records.length > 1000,
    );
    assert.ok(result?.status === 'rejected' && result.reason instanceof ClientGone);
    assert.ok(stage.records.length < 1200, `${stage.records.length} records`);
  });

  test('keeps the order of its events, also if some of them must wait for their check', async () => {
    const stage = new Stage();
    const events = Array.from({ length: 300 }, (_, n) => {
      const event = JSON.stringify({ ...runEvent(), n, filler: n % 7 === 0 ? 'x'.repeat(20_000) : '' });
      return n % 3 === 0 ? event.replace('"producer"', '"\\u0070roducer"') : event;
    });
    await stage.postOne(`[${events.join()}]`);
    assert.deepEqual(
      stage.records.map(({ value }) => value.toString()),
      events,
    );
  });

  test('tells how many elements it has if these are too many, in any form', async () => {
    for (const element of ['0', '"\\ud800"', '[{}]']) {
      const [result] = await new Stage().post([`[${Array(60_000).fill(element).join()}]`]);
      assert.ok(result?.status === 'fulfilled' && typeof result.value === 'object');
      assert.deepEqual(result.value.details, { size: 60_000, limit: MAX });
    }
  });
});
