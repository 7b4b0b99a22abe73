import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { temporaryFolder } from '../../../tools/kafka/folders.ts';
import { createTopic } from '../../../tools/kafka/topics.ts';
import type { Proxy } from '../../../tools/proxy.ts';
import { logLines } from '../../stage/log-lines.ts';
import { created, errorOf, isObject, parsed, post, type Sending, type Answer } from '../../stage/posting.ts';
import { inState } from '../../stage/readiness.ts';
import { datasetEvent, fields, incompressible, jobEvent, runEvent } from '../../stage/sample-events.ts';
import { useStage } from '../../stage/stage.ts';

const SMALL_TOPIC = 'small';

void suite('a batch', { timeout: 120_000 }, () => {
  const stage = useStage();
  let proxy: Proxy;

  before(async () => {
    proxy = await stage.proxy();
  });

  function postBatch(body: Buffer | string, sending: Sending = {}, to = proxy): Promise<Answer> {
    return post(to, body, { path: '/api/v1/lineage/batch', ...sending });
  }

  /** The values of the records of a batch. */
  async function valuesOf({ headers }: Answer, topic?: string): Promise<(string | undefined)[]> {
    return (await stage.recordsOf(headers['x-request-id'], topic)).map(({ value }) => value?.toString());
  }

  function summary(received: number, nonRetriable: number, retriable = 0): object {
    const failed = nonRetriable + retriable;
    return { received, successful: received - failed, failed, retriable, non_retriable: nonRetriable };
  }

  test('of good events is a success, and each event becomes a record', async () => {
    const events = [runEvent('good'), jobEvent('good'), datasetEvent('good')].map(String);
    const answer = await postBatch(`[${events.join(',')}]`);
    assert.equal(answer.status, 200);
    assert.match(String(answer.headers['content-type']), /^application\/json/);
    assert.deepEqual(parsed(answer.text), { status: 'success', summary: summary(3, 0), failed_events: [] });
    const records = await stage.recordsOf(answer.headers['x-request-id']);
    assert.deepEqual(records.map(({ value }) => value?.toString()).sort(), events.sort());
    assert.deepEqual(records.map(({ key }) => key?.toString()).sort(), [
      'dataset:test/good',
      'job:test/good',
      'run:test/good',
    ]);
  });

  test('of more than 50000 elements is refused as a whole', async () => {
    const answer = await postBatch(`[${'1,'.repeat(50_000)}1]`);
    assert.equal(answer.status, 413);
    assert.deepEqual(errorOf(answer.text), {
      code: 'payload_too_large',
      message: 'The batch has 50001 elements; the limit is 50000',
      details: { size: 50_001, limit: 50_000 },
    });
  });

  test('takes the good elements, and lists the errors of each bad one', async () => {
    const good = [runEvent('mixed', { n: 1 }), runEvent('mixed', { n: 2 })].map(String);
    const noJob = JSON.stringify({ ...fields('mixed'), job: { name: 'x' } });
    const badTime = JSON.stringify({ ...fields('mixed'), eventTime: 'yesterday', run: { runId: '7' } });
    const answer = await postBatch(`[${[good[0], noJob, '7', good[1], 'null', '[]', badTime].join()}]`);
    assert.equal(answer.status, 200);
    const { status, summary: sums, failed_events } = parsed(answer.text);
    assert.equal(status, 'partial_success');
    assert.deepEqual(sums, summary(7, 5));
    assert.ok(Array.isArray(failed_events));
    const reasons = failed_events.map((failed: unknown) => {
      assert.ok(isObject(failed));
      assert.deepEqual(Object.keys(failed), ['index', 'reason', 'retriable']);
      assert.equal(failed['retriable'], false);
      return [failed['index'], failed['reason']];
    });
    assert.deepEqual(reasons.slice(0, 4), [
      [1, 'Invalid request: body.job.namespace: Field required'],
      [2, 'Invalid request: body: Input should be a valid object'],
      [4, 'Invalid request: body: Input should be a valid object'],
      [5, 'Invalid request: body: Input should be a valid object'],
    ]);
    assert.equal(reasons[4]?.[0], 6);
    assert.match(String(reasons[4][1]), /body\.eventTime: .*date and time/);
    assert.match(String(reasons[4][1]), /body\.run\.runId: .*UUID/);
    assert.deepEqual(await valuesOf(answer), good);

    const id = String(answer.headers['x-request-id']);
    const lines = (await logLines(proxy)).filter((line) => line.includes(id));
    assert.equal(lines.length, 5, 'one line for each refused event');
  });

  test('keeps the exact bytes of each element, without the bytes between elements', async () => {
    const odd = runEvent('exact').toString().replace('{', '{ \n\t"é\\u00e9": [1.50, {} , "]},{["],\r\n');
    const elements = [odd, runEvent('exact', { a: '\\"[' }).toString(), `${odd.slice(0, -1)}   }`];
    const answer = await postBatch(`\r\n\t [ \n${elements.join(' \t,\r\n  ')}\n\n ] \n`);
    assert.deepEqual(parsed(answer.text)['summary'], summary(3, 0));
    assert.deepEqual(await valuesOf(answer), elements);
  });

  test('may be empty', async () => {
    for (const body of ['[]', ' [ \n] ']) {
      const { status, text } = await postBatch(body);
      assert.equal(status, 200);
      assert.deepEqual(parsed(text), { status: 'success', summary: summary(0, 0), failed_events: [] });
    }
  });

  test('may have ten thousand elements, which keep their order', async () => {
    const events = Array.from({ length: 10_000 }, (_, n) => runEvent('many', { n }).toString());
    const bad = new Set([0, 63, 64, 5000, 9999]);
    const body = Buffer.from(`[${events.map((event, n) => (bad.has(n) ? `{"n":${n}}` : event)).join()}]`);
    const answer = await postBatch(gzipSync(body), { headers: { 'content-encoding': 'gzip' } });
    const { summary: sums, failed_events } = parsed(answer.text);
    assert.deepEqual(sums, summary(10_000, bad.size));
    assert.ok(Array.isArray(failed_events));
    assert.deepEqual(
      failed_events.map((failed: unknown) => isObject(failed) && failed['index']),
      [...bad],
    );
    assert.deepEqual(
      await valuesOf(answer),
      events.filter((_, n) => !bad.has(n)),
    );
  });

  test('of bad events only is answered with 200', async () => {
    const answer = await postBatch('[{}, {}]');
    assert.equal(answer.status, 200);
    const { status, summary: sums } = parsed(answer.text);
    assert.deepEqual([status, sums], ['partial_success', summary(2, 2)]);
    assert.deepEqual(await valuesOf(answer), []);
  });

  test('that is no array is refused as a whole', async () => {
    const event = runEvent('no array').toString();
    const bodies: Readonly<Record<string, RegExp>> = {
      [event]: /valid array of events/,
      '{"events": []}': /valid array of events/,
      null: /valid array of events/,
      '"[]"': /valid array of events/,
      '': /empty/,
      [`[${event},]`]: /Invalid JSON/,
      [`[${event}`]: /Invalid JSON/,
      [`[${event} ${event}]`]: /Invalid JSON/,
      [`[${event}]]`]: /Invalid JSON/,
      [`${event}\n${event}`]: /Invalid JSON/,
    };
    for (const [body, message] of Object.entries(bodies)) {
      const answer = await postBatch(body);
      assert.equal(answer.status, 422, body);
      const { code, details } = errorOf(answer.text);
      assert.equal(code, 'invalid_request');
      assert.ok(Array.isArray(details) && details.length === 1);
      assert.match(JSON.stringify(details), message);
      assert.deepEqual(await valuesOf(answer), []);
    }
  });

  test('that nests too deep is refused as a whole, an element that nests too deep alone', async () => {
    const nested = (depth: number) =>
      runEvent('deep', { deep: 0 })
        .toString()
        .replace('"deep":0', `"deep":${'['.repeat(depth)}${']'.repeat(depth)}`);
    assert.deepEqual(parsed((await postBatch(`[${nested(190)}]`)).text)['summary'], summary(1, 0));
    assert.equal((await postBatch(`[${nested(250)}]`)).status, 422);
    assert.equal((await postBatch('['.repeat(1_000_000))).status, 422);
  });

  test('may be compressed, with a length and chunked', async () => {
    const event = runEvent('compressed').toString();
    for (const chunked of [false, true]) {
      const answer = await postBatch(gzipSync(`[${event}]`), {
        headers: { 'content-encoding': 'gzip' },
        chunked,
      });
      assert.deepEqual(await valuesOf(answer), [event]);
    }
  });

  test('is a success when its events are on disk, and each is written to Kafka later, once and in order', async () => {
    const settings = { SPOOL__PATH: temporaryFolder('http2kafka-batch-') };
    const lonely = await stage.proxyWithoutKafka({ settings });
    const events = Array.from({ length: 1500 }, (_, n) => runEvent('kept', { n }).toString());
    const answer = await postBatch(`[${events.join()},{}]`, {}, lonely);
    assert.equal(answer.status, 200);
    assert.deepEqual(parsed(answer.text)['summary'], summary(1501, 1));
    await lonely.stop();
    const back = await stage.proxy({ settings });
    await inState(back, 'straight');
    assert.deepEqual(await valuesOf(answer), events);
  });

  test('is answered 503 when no event could be kept, but one may be later', async () => {
    const full = await stage.proxyWithFullSpool();
    const good = runEvent('kept later').toString();
    const { status, text, headers } = await postBatch(`[${good},{},${good}]`, {}, full);
    assert.deepEqual([status, headers['retry-after'], errorOf(text).code], [503, '1', 'unavailable']);
    assert.match(errorOf(text).message, /^The event cannot be kept now: .*the spool is full$/);
    const bad = await postBatch('[{}]', {}, full);
    assert.deepEqual([bad.status, parsed(bad.text)['summary']], [200, summary(1, 1)]);
  });

  test('with an event that is too large for the topic keeps the others', async () => {
    const configs = { 'max.message.bytes': '20000' };
    await createTopic(stage.broker.bootstrapServers, { name: SMALL_TOPIC, partitions: 1, configs });
    const small = await stage.proxy({ settings: { PRODUCER__MAIN_TOPIC: SMALL_TOPIC } });
    const large = incompressible('too large', 60_000);
    const events = [runEvent('small', { n: 1 }), large, runEvent('small', { n: 2 })].map(String);
    const answer = await postBatch(`[${events.join()}]`, {}, small);
    assert.equal(answer.status, 200);
    const { summary: sums, failed_events } = parsed(answer.text);
    assert.deepEqual(sums, summary(3, 1));
    assert.match(
      JSON.stringify(failed_events),
      /^\[\{"index":1,"reason":"[^"]*\b20000\b[^"]*","retriable":false\}\]$/,
    );
    assert.deepEqual(await valuesOf(answer, SMALL_TOPIC), [events[0], events[2]]);
    const alone = await post(small, large);
    assert.deepEqual([alone.status, errorOf(alone.text).code], [413, 'payload_too_large']);
    const shrinking = runEvent('shrinks', { filler: 'a'.repeat(100_000) });
    created(await post(small, shrinking));
  });
});
