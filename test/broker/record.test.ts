import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { datasetEvent, jobEvent, runEvent, runWith } from '../openlineage/events.ts';
import { batchExample, examples } from '../openlineage/samples.ts';
import { created } from '../stage/posting.ts';
import { useStage } from '../stage/stage.ts';
import type { StagedProxy } from '../stage/staged-proxy.ts';

suite('a record', { timeout: 60_000 }, () => {
  const stage = useStage();
  let proxy: StagedProxy;
  before(async () => {
    proxy = await stage.proxyWithTopic({ name: 'records', partitions: 1 });
  });

  suite('has as its value', () => {
    for (const { name, bytes } of examples) {
      test(`the bytes of ${name}`, async () => {
        created(await proxy.post(bytes));
        assert.ok((await proxy.lastRecord()).value?.equals(bytes));
      });
    }

    const plain = JSON.stringify(runEvent());
    const odd: readonly (readonly [what: string, text: string])[] = [
      ['white space around', ` \r\n\t${plain}\n\n`],
      ['white space inside', plain.replaceAll(',', ' ,\t\r\n ').replaceAll(':{', ' :\t{')],
      ['Unicode as it is and escaped', plain.replace('own', 'ÄЖ🦆\\u00e4\\ud83e\\udd86\\/\\n')],
      ['numbers as they are written', plain.replace('{', '{"x":[1.50e+0,-0,12345678901234567890,1E400],')],
      ['duplicate keys', plain.replace('{', '{"job":1,"job":2,')],
      ['half of a surrogate pair', plain.replace('{', '{"\\ud800":"\\udc00",')],
      ['characters that JSON need not escape', plain.replace('{', '{"\u0085\u2028\ufeff":"\u007f",')],
    ];
    for (const [what, text] of odd) {
      test(`the bytes of an event with ${what}`, async () => {
        created(await proxy.post(text));
        assert.equal((await proxy.lastRecord()).value?.toString(), text);
      });
    }

    test('the decoded body', async () => {
      const text = ` ${plain}\n`;
      const encoded = gzipSync(text);
      const headers = { 'content-encoding': 'gzip', 'content-length': String(encoded.length) };
      created(await proxy.post(encoded, { headers }));
      assert.equal((await proxy.lastRecord()).value?.toString(), text);
    });

    test('the bytes of an element of a batch', async () => {
      const { length } = await proxy.records();
      assert.equal((await proxy.post(batchExample, { path: '/api/v1/lineage/batch' })).status, 200);
      const elements = (await proxy.records()).slice(length).map(({ value }) => value?.toString());
      assert.equal(elements.length, 3);
      for (const element of elements) assert.ok(examples.some(({ bytes }) => bytes.toString() === element));
    });
  });

  suite('has as its key', () => {
    const parent = { job: { namespace: 'n', name: 'parent' }, run: { runId: 'x' } };
    const rooted = { ...parent, root: { job: { namespace: 'r', name: 'root' } } };
    const cases: readonly (readonly [what: string, event: object, key: string])[] = [
      ['the job of a run event', runEvent(), 'run:jobs/own'],
      ['the parent job of a run', runEvent({ run: runWith({ parent }) }), 'run:n/parent'],
      ['the root job of a run', runEvent({ run: runWith({ parent: rooted }) }), 'run:r/root'],
      ['the job of a job event', jobEvent(), 'job:jobs/own'],
      ['the dataset of a dataset event', datasetEvent(), 'dataset:data/set'],
      ['a name in Unicode', jobEvent({ job: { namespace: 'ä🦆', name: '\u0000/:' } }), 'job:ä🦆/\u0000/:'],
    ];
    for (const [what, event, key] of cases) {
      test(what, async () => {
        created(await proxy.post(JSON.stringify(event)));
        assert.equal((await proxy.lastRecord()).key?.toString(), key);
      });
    }
  });

  suite('has in its headers', () => {
    const event = JSON.stringify(runEvent());
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const headersOf = async () =>
      (await proxy.lastRecord()).headers.map(([name, value]) => [name, value.toString()]);

    test('the content type, and the request id, which the answer has too', async () => {
      const answer = await proxy.post(event, {
        headers: { 'content-type': 'application/vnd.x+json; charset=UTF-8' },
      });
      const requestId = answer.headers['x-request-id'];
      assert.ok(typeof requestId === 'string' && requestId.length > 0);
      assert.deepEqual(await headersOf(), [
        ['content-type', 'application/json'],
        ['correlation_id', requestId],
      ]);
    });

    test('the id that the sender gave, and its trace', async () => {
      const headers = { 'X-Request-ID': 'sender-7:1', traceparent, tracestate: 'a=b' };
      assert.equal((await proxy.post(event, { headers })).headers['x-request-id'], 'sender-7:1');
      assert.deepEqual(await headersOf(), [
        ['content-type', 'application/json'],
        ['correlation_id', 'sender-7:1'],
        ['traceparent', traceparent],
      ]);
    });

    const noTrace = `00-${'0'.repeat(32)}-b7ad6b7169203331-01`;
    const noParent = `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`;
    const unsound = ['x', `${traceparent}-extra`, traceparent.slice(1), '', '00-0-0-0', noTrace, noParent];
    for (const wrong of [...unsound, traceparent.replace('00-', 'ff-')]) {
      test(`nothing of the trace ${JSON.stringify(wrong)}`, async () => {
        created(await proxy.post(event, { headers: { traceparent: wrong } }));
        assert.deepEqual(
          (await headersOf()).map(([name]) => name),
          ['content-type', 'correlation_id'],
        );
      });
    }

    for (const id of ['with space', 'ä', 'x'.repeat(200), '']) {
      test(`an id of the proxy where the id of the sender is ${JSON.stringify(id.slice(0, 20))}`, async () => {
        const answer = await proxy.post(event, { headers: { 'x-request-id': id } });
        const given = answer.headers['x-request-id'];
        assert.notEqual(given, id);
        assert.equal((await headersOf())[1]?.[1], given);
      });
    }
  });
});
