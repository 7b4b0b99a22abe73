import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { suite, test } from 'node:test';
import { temporaryFolder } from '../../tools/kafka/folders.ts';
import type { ReadRecord } from '../../tools/kafka/records.ts';
import { addPartitions, createTopic, setTopicConfig } from '../../tools/kafka/topics.ts';
import type { Proxy } from '../../tools/proxy.ts';
import { logLines, logged } from '../stage/log-lines.ts';
import { readMetrics } from '../stage/metric-reading.ts';
import { accepted, created, deadLettered, errorOf, spooled } from '../stage/posting.ts';
import { RawConnection, rawPost } from '../stage/raw-connection.ts';
import { inState, readiness } from '../stage/readiness.ts';
import { incompressible, padded, runEvent } from '../stage/sample-events.ts';
import { useStage } from '../stage/stage.ts';
import { until } from '../stage/until.ts';

const LARGE = 4_500_000;
/** Bytes that the producer holds at most while events are on disk. */
const MEMORY = 32 * 1024 * 1024;
/** Events that a connection posts at once, and how many such groups wait for their answers. */
const GROUP = 10;
const WAITING_GROUPS = 4;

/** The n-th event of a job. */
const event = (n: number, job = 'job') => runEvent(job, { n });

const values = (records: readonly ReadRecord[]) => records.map(({ value }) => value?.toString());

/** The files of a spool that hold events or marks. */
function segments(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(log|marks)$/.test(name),
  );
}

/** Resolves when no file with events is left. The last file is deleted a moment after its last event is delivered. */
async function emptied(folder: string): Promise<void> {
  await until(
    () => Promise.resolve(segments(folder)),
    ({ length }) => length === 0,
  );
}

/** The states of a topic that the log tells, in order. */
async function statesTold(proxy: Proxy, topic: string): Promise<string[]> {
  const words: readonly (readonly [text: string, state: string])[] = [
    ['events go to the spool', 'spooling'],
    ['the spool is being drained', 'draining'],
    ['the spool is empty', 'straight'],
  ];
  const lines = (await logLines(proxy)).filter((line) => line.includes(`"topic":"${topic}"`));
  return lines.flatMap((line) => words.filter(([text]) => line.includes(text)).map(([, state]) => state));
}

async function sampleOf(proxy: Proxy, name: string): Promise<number> {
  return (await readMetrics(proxy)).get(`http2kafka_${name}`) ?? Number.NaN;
}

suite('a proxy that spools', { timeout: 240_000 }, () => {
  const stage = useStage({ properties: { 'auto.create.topics.enable': 'false' } });

  test('writes to disk only while Kafka is unavailable, and delivers all events in order when it is back', async () => {
    const folder = temporaryFolder('http2kafka-spooling-');
    const topic = 'ordered';
    const proxy = await stage.proxyWithTopic({ name: topic, partitions: 1 }, { SPOOL__PATH: folder });
    const events = Array.from({ length: 60 }, (_, n) => event(n));
    // Together more bytes than the producer holds in memory.
    for (let n = 20; n < 29; n++) events[n] = padded(event(n), LARGE);
    for (const one of events.slice(0, 10)) created(await proxy.post(one));
    assert.deepEqual(segments(folder), []);
    assert.equal(await sampleOf(proxy, 'spooled_events_total'), 0);
    const straight = await readiness(proxy);
    assert.deepEqual([straight.state, straight.spool], ['straight', { events: 0, bytes: 0 }]);

    await stage.broker.kill();
    await until(
      () => readiness(proxy),
      ({ state }) => state === 'spooling',
    );
    for (const one of events.slice(10)) spooled(await proxy.post(one));
    assert.ok(segments(folder).length >= 4, 'several segments');
    assert.equal(await sampleOf(proxy, `spool_events{topic="${topic}"}`), 50);
    const bytes = events.slice(10).reduce((sum, { length }) => sum + length, 0);
    assert.ok((await sampleOf(proxy, `spool_bytes{topic="${topic}"}`)) > bytes);
    assert.ok((await sampleOf(proxy, `spool_oldest_seconds{topic="${topic}"}`)) > 0);
    assert.equal(await sampleOf(proxy, `delivery_state{topic="${topic}",state="spooling"}`), 1);
    assert.equal(await sampleOf(proxy, 'spooled_events_total'), 50);
    assert.ok((await sampleOf(proxy, 'queue_bytes')) < bytes, 'not all of it is in memory');
    assert.deepEqual(await statesTold(proxy, topic), ['spooling']);

    await stage.broker.start();
    // New events are delivered after the events on disk, on either path.
    const batch = { path: '/api/v1/lineage/batch' };
    while ((await readiness(proxy)).state !== 'straight') {
      const more = Array.from({ length: 100 }, (_, index) => event(events.length + index));
      const { status, text } = await proxy.post(`[${more.join()}]`, batch);
      assert.equal(status, 200);
      assert.match(text, /"successful":100,/);
      events.push(...more);
    }
    await logged(proxy, 'the spool is empty');
    assert.match((await statesTold(proxy, topic)).join(' '), /^spooling( draining)? straight$/);
    events.push(event(events.length));
    created(await proxy.post(events.at(-1) ?? assert.fail()));
    assert.deepEqual(values(await proxy.records()), events.map(String));
    await emptied(folder);
    assert.equal(await sampleOf(proxy, `spool_events{topic="${topic}"}`), 0);
    assert.equal(await sampleOf(proxy, `delivery_state{topic="${topic}",state="straight"}`), 1);
    assert.equal(await sampleOf(proxy, 'duplicates_possible_total'), 0);
    assert.equal(await sampleOf(proxy, 'queue_bytes'), 0);
  });

  test('loses no answered event when it is killed twice, and keeps the order', async () => {
    const SPOOL__PATH = temporaryFolder('http2kafka-spooling-');
    const events = Array.from({ length: 300 }, (_, n) => event(n));
    for (const part of [events.slice(0, 100), events.slice(100, 200)]) {
      const first = await stage.proxyWithoutKafka({ topic: 'killed', settings: { SPOOL__PATH } });
      for (const one of part) spooled(await first.post(one));
      await first.kill();
    }
    const proxy = await stage.proxyWithTopic({ name: 'killed', partitions: 1 }, { SPOOL__PATH });
    for (const one of events.slice(200)) accepted(await proxy.post(one));
    await inState(proxy, 'straight');
    assert.deepEqual(values(await proxy.records()), events.map(String));
    assert.equal(await sampleOf(proxy, 'duplicates_possible_total'), 0);
    await emptied(SPOOL__PATH);
  });

  test('sends the events on disk before the events that arrive later', async () => {
    const SPOOL__PATH = temporaryFolder('http2kafka-spooling-');
    const events = Array.from({ length: 10 }, (_, n) => padded(event(n), LARGE));
    await createTopic(stage.broker.bootstrapServers, { name: 'behind', partitions: 1 });
    const first = await stage.proxyWithoutKafka({ topic: 'behind', settings: { SPOOL__PATH } });
    for (const one of events) spooled(await first.post(one));
    await first.kill();
    // Kafka counts neither as unavailable nor as late: no request has waited for long yet.
    const patience = { KAFKA__CONNECT_TIMEOUT_MS: '600000', KAFKA__REQUEST_TIMEOUT_MS: '600000' };
    stage.broker.freeze();
    try {
      const proxy = await stage.launch({
        topic: 'behind',
        settings: { SPOOL__PATH, ...patience, SPOOL__AFTER: '10m' },
      });
      await until(
        () => sampleOf(proxy, 'queue_bytes'),
        (bytes) => bytes >= MEMORY,
      );
      assert.ok((await sampleOf(proxy, 'queue_bytes')) < events.length * LARGE, 'not all of it');
      for (let n = 10; n < 15; n++) {
        events.push(event(n));
        spooled(await proxy.post(event(n)));
      }
      stage.broker.thaw();
      await inState(proxy, 'straight');
      assert.deepEqual(values(await proxy.records()), events.map(String));
    } finally {
      stage.broker.thaw();
    }
  });

  test('writes an answered event that Kafka refuses to the dead-letter topic, and other events do not wait', async () => {
    const SPOOL__PATH = temporaryFolder('http2kafka-spooling-');
    const PRODUCER__MALFORMED_TOPIC = 'aside';
    const first = await stage.proxyWithoutKafka({ topic: 'small', settings: { SPOOL__PATH } });
    const large = incompressible('large', 60_000);
    spooled(await first.post(event(0)));
    spooled(await first.post(large, { headers: { 'x-request-id': 'large' } }));
    spooled(await first.post(event(1)));
    await first.kill();

    const { bootstrapServers } = stage.broker;
    const configs = { 'max.message.bytes': '20000' };
    await createTopic(bootstrapServers, { name: PRODUCER__MALFORMED_TOPIC, partitions: 1, configs });
    const proxy = await stage.proxyWithTopic(
      { name: 'small', partitions: 1, configs },
      { SPOOL__PATH, PRODUCER__MALFORMED_TOPIC, KAFKA__METADATA_MAX_AGE_MS: '200' },
    );
    // The dead-letter topic does not take it either: it is parked on disk, and other events are delivered.
    await logged(proxy, 'Kafka does not take an acknowledged event');
    await logged(proxy, 'it is parked on disk');
    created(await proxy.post(event(2)));
    assert.deepEqual(
      values(await proxy.records()),
      [0, 1, 2].map((n) => event(n).toString()),
    );
    assert.equal(await sampleOf(proxy, 'spool_events{topic="small"}'), 0);
    assert.equal(await sampleOf(proxy, 'parked_events{topic="small"}'), 1);
    assert.equal(await sampleOf(proxy, 'dead_letters_total{reason="too-large"}'), 1);
    assert.equal((await proxy.post(large)).status, 413, 'before the answer the sender is told');

    await setTopicConfig(bootstrapServers, PRODUCER__MALFORMED_TOPIC, { 'max.message.bytes': '200000' });
    const [aside, ...others] = await until(
      () => proxy.records(PRODUCER__MALFORMED_TOPIC),
      ({ length }) => length > 0,
    );
    await inState(proxy, 'straight');
    assert.deepEqual(others, []);
    assert.ok(aside);
    assert.ok(aside.value?.equals(large));
    assert.equal(aside.key?.toString(), 'run:test/large');
    const headers = aside.headers.map(([name, value]) => [name, value.toString()]);
    assert.deepEqual(headers.slice(0, -1), [
      ['content-type', 'application/json'],
      ['correlation_id', 'large'],
      ['dead-letter-topic', 'small'],
    ]);
    assert.match(
      headers.at(-1)?.join(': ') ?? '',
      /^dead-letter-reason: topic small does not take it: needs \d+ bytes even compressed, where the topic takes 20000$/,
    );
    assert.deepEqual(
      values(await proxy.records()),
      [0, 1, 2].map((n) => event(n).toString()),
    );
    await emptied(SPOOL__PATH);
  });

  test('writes to its topic while the dead-letter topic does not exist', async () => {
    const malformed = 'later';
    const proxy = await stage.proxyWithTopic(
      { name: 'good', partitions: 1 },
      { CHECK__INVALID: 'dead-letter', PRODUCER__MALFORMED_TOPIC: malformed },
    );
    const bad = Array.from({ length: 5 }, (_, n) => JSON.stringify({ bad: n }));
    for (const one of bad) deadLettered(await proxy.post(one));
    for (let n = 0; n < 5; n++) created(await proxy.post(event(n)));
    const { state, kafka, spool } = await readiness(proxy);
    assert.deepEqual([state, kafka, spool.events], ['straight', 'ok', bad.length]);
    assert.equal(await sampleOf(proxy, `spool_events{topic="${malformed}"}`), bad.length);
    assert.equal(await sampleOf(proxy, `delivery_state{topic="${malformed}",state="spooling"}`), 1);

    await createTopic(stage.broker.bootstrapServers, { name: malformed, partitions: 1 });
    await until(
      () => sampleOf(proxy, `delivery_state{topic="${malformed}",state="straight"}`),
      (straight) => straight === 1,
    );
    assert.deepEqual(values(await proxy.records(malformed)), bad);
    assert.deepEqual(
      values(await proxy.records()),
      Array.from({ length: 5 }, (_, n) => event(n).toString()),
    );
  });

  test('refuses events once the oldest spooled event is too old, and keeps the spooled ones', async () => {
    const SPOOL__PATH = temporaryFolder('http2kafka-spooling-');
    const first = await stage.proxyWithoutKafka({
      topic: 'old',
      settings: { SPOOL__PATH, SPOOL__MAX_AGE: '2s' },
    });
    spooled(await first.post(event(0)));
    const { problem } = await until(
      () => readiness(first),
      (ready) => ready.problem !== undefined,
    );
    const tooOld = 'the oldest event in the spool is older than spool.max_age';
    assert.equal(problem, `Events cannot be kept now: Kafka is unavailable and ${tooOld}`);
    const { status, headers, text } = await first.post(event(1));
    assert.deepEqual([status, headers['retry-after']], [503, '1']);
    assert.deepEqual(
      [errorOf(text).code, errorOf(text).message],
      ['unavailable', `The event cannot be kept now: ${tooOld}`],
    );
    const lines = (await logLines(first)).filter((line) => line.includes(`ERROR: ${tooOld}`));
    assert.equal(lines.length, 1);
    await first.kill();

    const back = await stage.proxyWithTopic(
      { name: 'old', partitions: 1 },
      { SPOOL__PATH, SPOOL__MAX_AGE: '2s' },
    );
    await inState(back, 'straight');
    created(await back.post(event(2)));
    assert.deepEqual(values(await back.records()), [event(0), event(2)].map(String));
  });

  test('keeps the order of each key when partitions are added while events wait', async () => {
    const name = 'growing';
    const configs = { 'message.timestamp.type': 'LogAppendTime' };
    // Small batches and many events: batches stay in flight for a while.
    const proxy = await stage.proxyWithTopic(
      { name, partitions: 2, configs },
      { KAFKA__METADATA_MAX_AGE_MS: '100', PRODUCER__MAX_BATCH_SIZE: '2000' },
    );
    const keys = 20;
    let posted = 0;
    const topic = { isGrown: false };
    // Pipelined events of one connection are taken in their order while earlier ones still wait for Kafka. The elements
    // of two batches are not: batches take turns.
    const postKey = async (job: number) => {
      const connection = await RawConnection.open(proxy.port);
      let waiting = 0;
      for (let rest = 15; rest > 0;) {
        const group = Array.from({ length: GROUP }, () => rawPost(event((posted += 1), `job ${job}`)));
        await connection.send(Buffer.concat(group));
        waiting += 1;
        for (; waiting === WAITING_GROUPS; waiting--) await taken(connection);
        if (topic.isGrown) rest -= 1;
      }
      for (; waiting > 0; waiting--) await taken(connection);
      connection.cut();
    };
    const posting = Promise.all(Array.from({ length: keys }, (_, job) => postKey(job)));
    await until(
      () => proxy.records(),
      ({ length }) => length > 500,
    );
    await addPartitions(stage.broker.bootstrapServers, name, 7);
    await until(
      async () => new Set((await proxy.records()).map(({ partition }) => partition)),
      ({ size }) => size > 2,
    );
    topic.isGrown = true;
    await posting;
    const records = await proxy.records();
    assert.equal(records.length, posted);
    let moved = 0;
    for (let job = 0; job < keys; job++) {
      const mine = records.filter(({ key }) => key?.toString() === `run:test/job ${job}`);
      const inOrder = mine.toSorted((a, b) => numberOf(a) - numberOf(b));
      const partitions = [...new Set(inOrder.map(({ partition }) => partition))];
      if (partitions.length > 1) moved += 1;
      for (const [index, record] of inOrder.entries()) {
        const before = inOrder[index - 1];
        if (!before) continue;
        assert.ok(before.timestamp <= record.timestamp, `${numberOf(record)} is before ${numberOf(before)}`);
        if (before.partition === record.partition) assert.ok(before.offset < record.offset);
        else assert.ok(before.partition < 2, 'from an old partition to a new one');
      }
    }
    assert.ok(moved > keys / 4, `${moved} keys have moved`);
  });
});

/** Reads the answers to a group of events. Fails unless all were taken. */
async function taken(connection: RawConnection): Promise<void> {
  for (let rest = GROUP; rest > 0; rest--) assert.equal((await connection.answer()).status, 201);
}

function numberOf({ value }: ReadRecord): number {
  return Number(/"n":(?<n>\d+)/.exec(value?.toString() ?? '')?.groups?.['n']);
}
