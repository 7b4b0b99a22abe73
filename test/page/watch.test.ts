import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { suite, test } from 'node:test';
import { pino } from 'pino';
import { refusal } from '../../src/errors.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { checkEvent, jobOf } from '../../src/openlineage/check.ts';
import { scanArray } from '../../src/openlineage/scanner.ts';
import type { CheckedEvent } from '../../src/openlineage/verdict.ts';
import { MAX_GROUPS } from '../../src/page/refusal-groups.ts';
import { MAX_OF_SENDER, MAX_SOURCES } from '../../src/page/quality-table.ts';
import { RING_SIZE } from '../../src/page/outcome-ring.ts';
import { filterFrom, fits } from '../../src/page/outcome-row.ts';
import { Watch } from '../../src/page/watch.ts';
import type { Arrival } from '../../src/pipeline/arrival.ts';
import { Observer } from '../../src/pipeline/observer.ts';
import { datasetEvent, jobEvent, runEvent } from '../openlineage/events.ts';
import { SimulatedTime } from '../support/simulated-time.ts';

const WRITTEN = { kind: 'acknowledged', partition: 3, offset: 70 } as const;
const RUN = '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c';

class Scene {
  readonly time = new SimulatedTime();
  readonly watch = new Watch(this.time);

  arrival(sender?: string, members: Partial<Arrival> = {}): Arrival {
    const limits = { limited: false, mayWriteTo: () => true, quota: undefined };
    return {
      requestId: 'request',
      traceparent: undefined,
      known: sender === undefined ? undefined : { sender: { way: 'api-key', name: sender }, limits },
      // As that of a request, it needs its object.
      origin(this: Arrival) {
        assert.ok(this.requestId);
        return { method: 'POST', path: '/api/v1/lineage', client: '192.0.2.7:1', address: '192.0.2.7' };
      },
      ...members,
    };
  }

  keep(event: object, sender?: string, topic = 'input.runs'): void {
    const { bytes, checked } = checkedOf(event);
    this.watch.kept(this.arrival(sender), checked, bytes, WRITTEN, topic);
  }
}

function checkedOf(event: object): { bytes: Buffer; checked: CheckedEvent } {
  const bytes = Buffer.from(JSON.stringify(event));
  const verdict = checkEvent(bytes, 'core');
  assert.ok(verdict.event);
  return { bytes, checked: verdict.event };
}

suite('the outcomes that the page remembers', () => {
  test('have what people look for, and nothing of the body', () => {
    const scene = new Scene();
    const { bytes, checked } = checkedOf(runEvent({ schemaURL: undefined }));
    const arrival = scene.arrival('trino', { startedAt: scene.time.monotonic.now() - 12.25 });
    scene.watch.kept(arrival, checked, bytes, WRITTEN, 'input.runs');
    const [row] = scene.watch.rowsAfter(0);
    assert.deepEqual(row, {
      sequence: 1,
      time: scene.time.wall.now(),
      outcome: 'kafka',
      kind: 'run',
      type: 'START',
      namespace: 'jobs',
      job: 'own',
      run: RUN,
      sender: 'trino',
      way: 'api-key',
      bytes: bytes.length,
      topic: 'input.runs',
      partition: 3,
      offset: 70,
      took_ms: 12.3,
      deviations: ['schema_url_missing'],
      request_id: 'request',
      reason: undefined,
    });
  });

  test('have the same texts, whichever way of the check has read the event', () => {
    const scene = new Scene();
    const names = ['plain', 'with "quotes" and \\', 'זה שם', '🚀 rocket', 'x'.repeat(2000), '\u202egnp'];
    const events = names.flatMap((name) => [
      runEvent({ job: { namespace: 'jobs', name } }),
      jobEvent({ job: { namespace: 'jobs', name } }),
      datasetEvent({ dataset: { namespace: 'jobs', name } }),
    ]);
    for (const event of events) {
      scene.keep(event);
      // A member that comes twice is read by the full check only.
      const bytes = Buffer.from(JSON.stringify(event).replace('{', '{"producer":"x:y",'));
      const verdict = checkEvent(bytes, 'core');
      assert.ok(verdict.event?.texts);
      scene.watch.kept(scene.arrival(), verdict.event, bytes, WRITTEN, 'input.runs');
    }
    const rows = scene.watch.rowsAfter(0);
    assert.equal(rows.length, 2 * events.length);
    for (let i = 0; i < rows.length; i += 2) {
      const [fast, full] = [rows[i], rows[i + 1]];
      assert.deepEqual([fast?.job, fast?.run, fast?.type], [full?.job, full?.run, full?.type]);
      const name = names[Math.floor(i / 6)] ?? '';
      if (name.length < 200) assert.equal(fast?.job, name.replace('\u202e', '\ufffd'));
      else assert.ok(fast?.job?.endsWith('…') && fast.job.length <= 257);
    }
  });

  test('have the texts of an element of a batch', () => {
    const scene = new Scene();
    const elements = [runEvent(), runEvent({ job: { namespace: 'jobs', name: 'second' } })];
    const body = Buffer.from(JSON.stringify(elements));
    const array = scanArray(body);
    const event = array?.eventAt(1);
    assert.ok(array && event);
    const bytes = body.subarray(array.elements[2], array.elements[3]);
    scene.watch.kept(scene.arrival(), event, bytes, WRITTEN, 'input.runs');
    assert.deepEqual(
      scene.watch.rowsAfter(0).map(({ job, run }) => [job, run]),
      [['second', RUN]],
    );
  });

  test('are the last thousand; refusals do not take the place of what is taken', () => {
    const scene = new Scene();
    scene.keep(runEvent());
    const refused = refusal('unavailable');
    for (let i = 0; i < 2 * RING_SIZE; i++)
      scene.watch.refused(scene.arrival(`s${i}`), 'run', refused, () => ({}), undefined);
    const rows = scene.watch.rowsAfter(0);
    assert.equal(rows.length, RING_SIZE + 1);
    assert.equal(rows[0]?.outcome, 'kafka');
    assert.equal(rows.at(-1)?.sequence, 2 * RING_SIZE + 1);
    assert.deepEqual(scene.watch.rowsAfter(2 * RING_SIZE), rows.slice(-1));
    assert.equal(scene.watch.refusals.groups.length, MAX_GROUPS);
  });

  test('can be filtered', () => {
    const scene = new Scene();
    scene.keep(runEvent({ job: { namespace: 'Prod', name: 'Daily' } }), 'trino');
    const [row] = scene.watch.rowsAfter(0);
    assert.ok(row);
    const found = (values: Record<string, string>) =>
      fits(
        row,
        filterFrom((name) => values[name]),
      );
    assert.ok(found({}) && found({ job: 'dail', namespace: 'prod', sender: 'TRINO', outcome: 'kafka' }));
    assert.ok(found({ outcome: 'taken' }) && found({ text: RUN.slice(0, 8) }));
    for (const other of [{ job: 'x' }, { outcome: 'refused' }, { text: 'nowhere' }, { sender: 'spark' }])
      assert.ok(!found(other), JSON.stringify(other));
  });

  test('cost no object for an event that is kept', () => {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    assert.ok(isCollector(collect));
    const scene = new Scene();
    const { bytes, checked } = checkedOf(runEvent());
    const arrival = scene.arrival('trino', { startedAt: 0 });
    // A few rounds: the first ones are interpreted, and numbers that are not small have objects there.
    const round = () => {
      for (let i = 0; i < 20_000; i++) scene.watch.kept(arrival, checked, bytes, WRITTEN, 'input.runs');
    };
    let perEvent = Infinity;
    for (let i = 0; i < 10; i++) {
      collect();
      const before = process.memoryUsage().heapUsed;
      round();
      perEvent = Math.min(perEvent, (process.memoryUsage().heapUsed - before) / 20_000);
    }
    // One object of the smallest size has 16 bytes or more. The time has some: two numbers that are not small.
    assert.ok(perEvent < 64, `${perEvent} bytes for an event`);
  });
});

suite('what is refused', () => {
  test('is grouped by sender and cause, with an example', async () => {
    const scene = new Scene();
    const { watch } = scene;
    const bad = Buffer.from(JSON.stringify(runEvent({ run: { runId: 'no' }, eventTime: 'SECRET' })));
    const verdict = checkEvent(bad, 'core');
    assert.ok(verdict.errors);
    const invalid = refusal('invalid_request', undefined, verdict.errors);
    for (let i = 0; i < 3; i++) {
      watch.refused(scene.arrival('dbt'), 'run', invalid, () => verdict.job, undefined);
      await scene.time.advance(1000);
    }
    const expired = refusal('unauthorized', 'Invalid token', 'Token is expired');
    watch.notRecognised(scene.arrival(), { reason: 'expired', refusal: expired });
    const origin = () => ({
      method: 'POST',
      path: '/wrong',
      client: '[2001:db8::1]:5',
      address: '2001:db8::1',
    });
    watch.requestRefused({ requestId: 'r', origin }, refusal('not_found'));
    watch.requestRefused(
      { requestId: 'r', origin: () => ({ method: 'GET', path: '/favicon.ico' }) },
      refusal('not_found'),
    );
    const groups = watch.refusals.groups;
    assert.deepEqual(
      groups.map(({ code, reason, sender, client, count }) => [code, reason, sender, client, count]).sort(),
      [
        ['invalid_request', '', 'dbt', undefined, 3],
        ['not_found', '', undefined, '2001:db8::', 1],
        ['unauthorized', 'expired', undefined, '192.0.2.7', 1],
      ],
    );
    const group = groups.find(({ code }) => code === 'invalid_request');
    assert.equal(group?.lastAt, group && group.firstAt + 2000);
    assert.deepEqual(
      group?.example.errors.map(({ location }) => location),
      ['body.eventTime', 'body.run.runId'],
    );
    assert.ok(!JSON.stringify([groups, watch.rowsAfter(0)]).includes('SECRET'));
    assert.equal(groups.find(({ code }) => code === 'not_found')?.example.path, '/wrong');
  });

  test('has the job of a valid event', () => {
    const scene = new Scene();
    const { bytes, checked } = checkedOf(runEvent());
    const refused = refusal('forbidden', 'Your namespaces do not include "jobs"');
    const job = () => jobOf(bytes, checked);
    scene.watch.refused(scene.arrival('dbt'), 'run', refused, job, { event: checked, bytes });
    assert.equal(scene.watch.refusals.groups[0]?.example.job, 'own');
    assert.equal(scene.watch.rowsAfter(0)[0]?.job, 'own');
  });
});

suite('the runs that the page remembers', () => {
  const event = (eventType: string, number: number) => {
    const digits = Math.imul(number + 1, 0x9e3779b1) >>> 0;
    const runId = `01990c5e-5d3b-7a4e-8c1f-${digits.toString(16).padStart(12, '0')}`;
    return runEvent({ eventType, run: { runId }, job: { namespace: 'jobs', name: `job ${number}` } });
  };

  test('are those that began and have not ended, and those that failed', async () => {
    const scene = new Scene();
    scene.keep(event('START', 1), 'trino');
    await scene.time.advance(5000);
    scene.keep(event('START', 2));
    scene.keep(event('RUNNING', 1));
    scene.keep(event('START', 3));
    scene.keep(event('COMPLETE', 2));
    scene.keep(event('FAIL', 3));
    scene.keep(event('ABORT', 4));
    const { open, failed } = scene.watch.runs;
    assert.deepEqual(
      open.map(({ job, sender, lastAt, beganAt }) => [job, sender, lastAt - beganAt]),
      [['job 1', 'trino', 5000]],
    );
    assert.deepEqual(failed.map(({ job, failed: how }) => [job, how]).sort(), [
      ['job 3', 'FAIL'],
      ['job 4', 'ABORT'],
    ]);
  });

  test('are bounded', () => {
    const scene = new Scene();
    for (let i = 0; i < 10_000; i++) scene.keep(event('START', i));
    const { open, forgotten } = scene.watch.runs;
    assert.ok(open.length <= 2048 && open.length > 1900, String(open.length));
    assert.equal(open.length + forgotten, 10_000);
    for (let i = 0; i < 10_000; i++) scene.keep(event('FAIL', i));
    assert.deepEqual([scene.watch.runs.open.length, scene.watch.runs.failed.length], [0, 200]);
  });
});

suite('the quality that the page remembers', () => {
  test('is counted by sender and producer', () => {
    const scene = new Scene();
    for (let i = 0; i < 3; i++) scene.keep(runEvent({ schemaURL: undefined }), 'trino');
    scene.keep(runEvent({ producer: 'https://other.example' }), 'trino');
    const { bytes, checked } = checkedOf(runEvent());
    const source = scene.watch.kept(scene.arrival('dbt'), checked, bytes, { kind: 'spooled' }, 'input.runs');
    source.foreseen({
      consumers: ['data-rentgen'],
      drops: [{ consumer: 'data-rentgen', reason: 'run_id' }],
      forLevels: false,
      refusing: [],
      naming: new Set(),
    });
    const rows = scene.watch.quality.all;
    assert.deepEqual(
      rows.map(({ sender, producer, events, deviations }) => [sender, producer, events, deviations]),
      [
        ['trino', 'https://example.com/producer', 3, [['schema_url_missing', 3]]],
        ['trino', 'https://other.example', 1, []],
        ['dbt', 'https://example.com/producer', 1, []],
      ],
    );
    assert.deepEqual(rows[2]?.drops, [['data-rentgen', 'run_id', 1]]);
  });

  test('is bounded with 10,000 senders', () => {
    const scene = new Scene();
    for (let i = 0; i < 10_000; i++) scene.keep(runEvent(), `sender ${i}`);
    const rows = scene.watch.quality.all;
    assert.equal(rows.length, MAX_SOURCES + 1);
    assert.deepEqual([rows[0]?.sender, rows[0]?.events], ['others', 10_000 - MAX_SOURCES]);
  });
});

suite('the quality of one sender', () => {
  test('leaves room for others, and says what it does not know', () => {
    const scene = new Scene();
    const ofProducer = (number: number) => runEvent({ producer: `https://example.com/${number}` });
    for (let i = 0; i < MAX_SOURCES + MAX_OF_SENDER; i++) scene.keep(ofProducer(i), 'flood');
    scene.keep(runEvent(), 'dbt');
    const rows = scene.watch.quality.all;
    assert.deepEqual(
      [rows.length, rows[0]?.producer, rows[0]?.events],
      [MAX_OF_SENDER + 2, 'further producers', MAX_SOURCES],
    );
    assert.ok(rows.some(({ sender }) => sender === 'dbt'));
    assert.ok(scene.watch.quality.isWhole);
    for (let i = 0; i < MAX_SOURCES; i++) scene.keep(runEvent(), `sender ${i}`);
    assert.ok(!scene.watch.quality.isWhole);
  });
});

suite('a defect of what people read', () => {
  test('reaches no event', () => {
    const lines: string[] = [];
    const { watch, arrival } = { watch: new Watch(new SimulatedTime()), arrival: new Scene().arrival() };
    watch.kept = () => {
      throw new Error('defect');
    };
    const log = pino({ base: null }, { write: (line) => lines.push(line) });
    const observer = new Observer(createMetrics(), log, undefined, undefined, watch);
    const { bytes, checked } = checkedOf(runEvent());
    assert.equal(observer.kept(arrival, checked, bytes, WRITTEN, 'input.runs'), undefined);
    assert.match(lines.join(''), /internal error/);
  });
});

function isCollector(value: unknown): value is () => void {
  return typeof value === 'function';
}
