import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { metricTable } from '../../../src/metrics/metric-table.ts';
import { deviationKinds } from '../../../src/openlineage/deviations.ts';
import type { Proxy } from '../../../tools/proxy.ts';
import { logLines } from '../../stage/log-lines.ts';
import { readMetrics, samplesOf } from '../../stage/metric-reading.ts';
import { created, get, parsed, post, spooled } from '../../stage/posting.ts';
import { RawConnection, rawPost } from '../../stage/raw-connection.ts';
import { inState, readiness } from '../../stage/readiness.ts';
import { datasetEvent, fields, jobEvent, runEvent } from '../../stage/sample-events.ts';
import { useStage } from '../../stage/stage.ts';

const OPENMETRICS = 'application/openmetrics-text; version=1.0.0,text/plain;q=0.5';
const BATCH = { path: '/api/v1/lineage/batch' };
/** A secret that must not be in any log. */
const SECRET = 'tHe-mArKeR-7f3a';

void suite('what an operator sees of a proxy', { timeout: 120_000 }, () => {
  const stage = useStage();
  let proxy: Proxy;
  let lonely: Proxy;

  before(async () => {
    [proxy, lonely] = await Promise.all([
      stage.proxy({ settings: { LOGGING__PRESET: 'json' } }),
      stage.proxyWithoutKafka(),
    ]);
  });

  test('it is alive, and ready while it can keep an event', async () => {
    for (const one of [proxy, lonely])
      assert.deepEqual(parsed((await get(one, '/monitoring/ping')).text), { status: 'ok' });
    const { status, text } = await get(proxy, '/monitoring/ready');
    assert.equal(status, 200);
    assert.deepEqual(parsed(text), {
      status: 'ok',
      state: 'straight',
      kafka: 'ok',
      spool: { events: 0, bytes: 0 },
    });
    assert.equal((await readMetrics(proxy)).get('http2kafka_kafka_up{topic="input.runs"}'), 1);
  });

  test('without Kafka it is ready while the disk has room, and reports its state', async () => {
    await inState(lonely, 'spooling');
    spooled(await post(lonely, runEvent('kept')));
    const report = await readiness(lonely);
    assert.equal(report.problem, undefined);
    assert.deepEqual([report.state, report.kafka, report.spool.events], ['spooling', 'no broker answers', 1]);
    assert.ok(report.spool.bytes > runEvent('kept').length);
    assert.equal((await readMetrics(lonely)).get('http2kafka_kafka_up{topic="input.runs"}'), 0);

    const full = await stage.proxyWithFullSpool();
    assert.equal((await get(full, '/monitoring/ping')).status, 200);
    const refused = await readiness(full);
    assert.equal(refused.problem, 'Events cannot be kept now: Kafka is unavailable and the spool is full');
    assert.deepEqual([refused.state, refused.kafka], ['spooling', 'no broker answers']);
    assert.ok(refused.spool.events > 1 && refused.spool.bytes <= 1_048_576);
    const samples = await readMetrics(full);
    assert.ok(Number(samples.get('http2kafka_spool_failures_total')) > 0);
  });

  test('each metric of the table is there, in Prometheus text and in OpenMetrics', async () => {
    const plain = await get(proxy, '/monitoring/metrics');
    assert.match(String(plain.headers['content-type']), /^text\/plain; version=0\.0\.4/);
    const open = await get(proxy, '/monitoring/metrics', { headers: { accept: OPENMETRICS } });
    assert.match(String(open.headers['content-type']), /^application\/openmetrics-text; version=1\.0\.0/);
    const again = await get(proxy, '/monitoring/metrics', { headers: { accept: '*/*' } });
    for (const { name, type, help } of Object.values(metricTable)) {
      const head = (announced: string) => `# HELP ${announced} ${help}\n# TYPE ${announced} ${type}\n`;
      assert.ok(plain.text.includes(head(name)), name);
      assert.ok(
        again.text.includes(head(name)),
        `${name} is still called that after OpenMetrics was asked for`,
      );
      const family = type === 'counter' ? name.replace(/_total$/, '') : name;
      assert.ok(open.text.includes(head(family)), family);
    }
    assert.ok(plain.text.includes('\nprocess_resident_memory_bytes '));
    assert.doesNotMatch(plain.text, /# EOF/);
    assert.match(open.text, /\n# EOF\n$/);
    assert.doesNotMatch(open.text, /\n\n/);
    const names = (text: string) =>
      [...samplesOf(text).keys()].filter((name) => !name.startsWith('nodejs_')).sort();
    assert.deepEqual(names(open.text), names(again.text), 'samples have the same names in both');
  });

  test('the counters match the requests', async () => {
    const counted = await stage.proxy();
    const good = [runEvent('counted'), runEvent('counted'), jobEvent('counted'), datasetEvent('counted')];
    for (const event of good)
      assert.equal(
        (await post(counted, gzipSync(event), { headers: { 'content-encoding': 'gzip' } })).status,
        201,
      );
    const sloppy = runEvent('counted', { schemaURL: undefined, eventTime: '2026-11-22T10:15:30' });
    created(await post(counted, sloppy, { path: '/v1/openlineage' }));
    const batch = [...good, Buffer.from('{}')];
    assert.equal((await post(counted, `[${batch.join()}]`, BATCH)).status, 200);
    assert.equal((await post(counted, 'no JSON')).status, 422);
    assert.equal(
      (await post(counted, JSON.stringify({ ...fields('counted'), job: 1, run: undefined }))).status,
      422,
    );
    assert.equal((await post(counted, '{}', { headers: { 'content-type': 'text/plain' } })).status, 415);
    for (const path of ['/one', '/two', '/two/three']) assert.equal((await get(counted, path)).status, 404);
    const broken = await RawConnection.open(counted.port);
    await broken.send('garbage\r\n\r\n');
    assert.equal(await broken.closed, 'ended');

    const samples = await readMetrics(counted);
    const sample = (name: string) => samples.get(`http2kafka_${name}`);
    const events = (kind: string, outcome: string) =>
      sample(`events_total{kind="${kind}",outcome="${outcome}"}`);
    assert.deepEqual(
      [events('run', 'acknowledged'), events('job', 'acknowledged'), events('dataset', 'acknowledged')],
      [5, 2, 2],
    );
    assert.deepEqual([events('run', 'invalid_request'), events('job', 'invalid_request')], [0, 1]);
    assert.deepEqual(
      [events('unknown', 'invalid_request'), events('unknown', 'unsupported_media_type')],
      [2, 1],
    );
    assert.deepEqual(
      [sample('checks_total{check="fast_path"}'), sample('checks_total{check="full_check"}')],
      [9, 3],
    );
    const requests = (path: string, method: string, status: number) =>
      sample(`http_requests_total{path="${path}",method="${method}",status="${status}"}`);
    assert.deepEqual(
      [requests('/api/v1/lineage', 'POST', 201), requests('/api/v1/lineage', 'POST', 422)],
      [4, 2],
    );
    assert.deepEqual([requests('/v1/openlineage', 'POST', 201), requests(BATCH.path, 'POST', 200)], [1, 1]);
    assert.deepEqual([requests('other', 'GET', 404), requests('other', '', 400)], [3, 1]);
    const bytes = [...good, ...good, sloppy].reduce((sum, { length }) => sum + length, 0);
    assert.equal(sample('event_bytes_total'), bytes);
    const deviations = [...samples].filter(([name]) =>
      name.startsWith('http2kafka_specification_deviations_total'),
    );
    assert.equal(
      deviations.length,
      Object.keys(deviationKinds).length,
      'every kind is there, at 0 if unseen',
    );
    const seen = ['schema_url_missing', 'event_time_without_zone'];
    for (const [name, count] of deviations)
      assert.equal(count, seen.some((kind) => name.includes(`"${kind}"`)) ? 1 : 0, name);
    assert.equal(sample('kafka_retries_total{reason="network"}'), 0);
    assert.equal(sample('kafka_retries_total{reason="NOT_ENOUGH_REPLICAS"}'), 0);
    assert.equal(requests('/v1/openlineage', 'POST', 503), 0);
    assert.equal(requests('other', 'POST', 404), 0);
    assert.equal(sample('answer_seconds_count{status="201"}'), 5);
    assert.equal(sample('answer_seconds_bucket{le="+Inf",status="201"}'), 5);
    assert.deepEqual(
      [sample('queue_events'), sample('queue_bytes'), sample('queue_oldest_seconds')],
      [0, 0, 0],
    );
    assert.equal(sample('kafka_up{topic="input.runs"}'), 1);
    assert.equal(sample('kafka_batch_records_sum'), 9);
    assert.equal(sample('kafka_batches_total'), sample('kafka_batch_records_count'));
    assert.ok(Number(sample('kafka_acknowledgement_seconds_count')) > 0);
    assert.equal(sample('duplicates_possible_total'), 0);
    assert.equal(sample('delivery_state{topic="input.runs",state="straight"}'), 1);
    assert.deepEqual([sample('spool_events{topic="input.runs"}'), sample('spooled_events_total')], [0, 0]);
  });

  test('the metrics of queue and spool match the waiting events', async () => {
    const waiting = await stage.proxyWithoutKafka();
    await inState(waiting, 'spooling');
    const event = runEvent('waiting');
    for (let count = 0; count < 3; count++) {
      spooled(await post(waiting, event));
    }
    const samples = await readMetrics(waiting);
    const sample = (name: string) => samples.get(`http2kafka_${name}`) ?? Number.NaN;
    assert.equal(sample('queue_events'), 3);
    assert.ok(sample('queue_bytes') > 3 * event.length);
    assert.ok(sample('queue_oldest_seconds') > 0);
    assert.equal(sample('spool_events{topic="input.runs"}'), 3);
    assert.ok(sample('spool_bytes{topic="input.runs"}') > 3 * event.length);
    assert.ok(sample('spool_oldest_seconds{topic="input.runs"}') > 0);
    assert.equal(sample('spooled_events_total'), 3);
    assert.equal(sample('events_total{kind="run",outcome="spooled"}'), 3);
    assert.equal(sample('http_requests_total{path="/api/v1/lineage",method="POST",status="201"}'), 3);
    assert.equal(sample('event_bytes_total'), 0);
    const states = ['straight', 'spooling', 'draining'].map((state) =>
      sample(`delivery_state{topic="input.runs",state="${state}"}`),
    );
    assert.deepEqual(states, [0, 1, 0]);
  });

  test('each refused event has one log line with its reason and its request id', async () => {
    const refused: Readonly<
      Record<string, readonly [reason: RegExp, sent: Parameters<typeof post>[2], body: Buffer | string]>
    > = {
      'refused-json': [/Invalid JSON: .*line 1, column 2/, {}, '{x'],
      'refused-fields': [
        /body\.run\.runId: .*UUID.*; body\.job\.name: Field required|body\.job\.name: Field required; .*runId/,
        {},
        JSON.stringify({ ...fields('x'), run: { runId: 'x' }, job: { namespace: 'x' } }),
      ],
      'refused-type': [/"text\/xml" is not supported/, { headers: { 'content-type': 'text/xml' } }, '{}'],
      'refused-size': [
        /at least \d+ bytes; the limit is 5242880/,
        { chunked: true },
        Buffer.alloc(5_300_000, ' '),
      ],
      'refused-bomb': [
        /larger than the limit/,
        { headers: { 'content-encoding': 'gzip' } },
        gzipSync(Buffer.alloc(6 << 20)),
      ],
      'refused-batch': [/list_type|valid array/, BATCH, '{}'],
    };
    for (const [id, [, sending, body]] of Object.entries(refused)) {
      const { status } = await post(proxy, body, {
        ...sending,
        headers: { ...sending?.headers, 'x-request-id': id, 'user-agent': 'tester/1.0' },
      });
      assert.ok(status >= 400);
    }
    const lines = (await logLines(proxy)).map(parsed);
    for (const [id, [reason]] of Object.entries(refused)) {
      const [line, ...others] = lines.filter(({ request_id }) => request_id === id);
      assert.equal(others.length, 0, id);
      assert.equal(line?.['level'], 'warn', id);
      assert.equal(line['user_agent'], 'tester/1.0');
      assert.match(String(line['reason']), reason);
    }
  });

  test('a sender cannot forge log lines', async () => {
    const facets = { 'x\n[2026-01-01 00:00:00.000] INFO: forged\r\u001b[2Jline': 1, 'y\u2028\u0085': 2 };
    const { status } = await post(
      lonely,
      runEvent('forger', { run: { runId: '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c', facets } }),
      {
        headers: { 'user-agent': 'a\tb' },
      },
    );
    assert.equal(status, 422);
    const lines = await logLines(lonely);
    const [forged = '', ...others] = lines.filter((line) => line.includes('forged'));
    assert.deepEqual(others, []);
    assert.match(forged, /WARN: event refused: .*forged.*"code":"invalid_request"/);
    for (const line of lines)
      assert.match(line, /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\] (INFO|WARN|ERROR): \P{Cc}+$/u);
  });

  test('the JSON preset writes nothing but JSON', async () => {
    const lines = await logLines(proxy);
    assert.ok(lines.length > 1);
    for (const line of lines) {
      const { level, time, service, version, message } = parsed(line);
      assert.ok(['info', 'warn', 'error'].includes(String(level)), line);
      assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.deepEqual([service, typeof version, typeof message], ['http2kafka', 'string', 'string'], line);
    }
  });

  test('no content of an event but the name of its job is ever in the log, good, bad or broken', async () => {
    const talkative = await stage.proxy({
      settings: { SERVER__DEBUG: 'true', CHECK__INVALID: 'dead-letter' },
      args: ['--log-level', 'trace', '--access-log'],
    });
    const secretive = {
      good: runEvent('named', { facet: SECRET }),
      bad: runEvent(SECRET, {
        run: { runId: SECRET },
        eventTime: SECRET,
        eventType: SECRET,
        producer: SECRET,
        job: { namespace: 'named', secret: SECRET },
      }),
      broken: `{"${SECRET}": "${SECRET}" ${SECRET}`,
      cut: `{"job": "${SECRET}`,
      bare: SECRET,
      batch: `[${runEvent('named', { facet: SECRET }).toString()},{"job":"${SECRET}"},"${SECRET}"]`,
    };
    for (const to of [proxy, talkative, lonely]) {
      for (const body of Object.values(secretive)) {
        await post(to, body, { headers: { authorization: `Bearer ${SECRET}`, cookie: SECRET } });
        await post(to, body, { ...BATCH, headers: { 'content-encoding': 'gzip' } });
        await post(to, gzipSync(body), { ...BATCH, headers: { 'content-encoding': 'gzip' } });
        await post(to, body, { headers: { 'content-type': 'text/plain' } });
      }
      const connection = await RawConnection.open(to.port);
      await connection.send(rawPost(`${secretive.broken}more`).subarray(0, -1));
      connection.finish();
      assert.equal(await connection.closed, 'ended');
      const garbage = await RawConnection.open(to.port);
      await garbage.send(`${SECRET}\r\n\r\n`);
      assert.equal(await garbage.closed, 'ended');
      const lines = await logLines(to);
      assert.ok(lines.length > 10);
      assert.deepEqual(
        lines.filter((line) => line.includes(SECRET)),
        [],
      );
    }
  });
});
