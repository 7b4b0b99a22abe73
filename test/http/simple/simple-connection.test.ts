import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Proxy } from '../../../tools/proxy.ts';
import { Random } from '../../openlineage/random.ts';
import { writeCertificate } from '../../stage/certificate.ts';
import { logged } from '../../stage/log-lines.ts';
import { rawPost } from '../../stage/raw-connection.ts';
import { padded, runEvent } from '../../stage/sample-events.ts';
import { headerOf, useStage } from '../../stage/stage.ts';
import { answersTo, cutAt, LAST } from './conversation.ts';
import { simpleHeadOf } from './node-reader.ts';
import { randomScript } from './random-scripts.ts';

const MAX_BYTES = 100_000;
/** A longer body is not read to its end after a refusal. */
const SHORT_BYTES = 1 << 20;
const SCRIPTS = 150;
const TLS_SCRIPTS = 50;

/** With this header, Node's HTTP server gets the connection. It changes nothing else. */
const NOT_SIMPLE = 'TE: trailers';

const BATCH = '/api/v1/lineage/batch';
const TEXT = 'Content-Type: text/plain';
const TRACE = 'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

type Request = readonly [status: number, body: Buffer | string, lines?: readonly string[], path?: string];

/** An event of the job `alike`. */
const EVENT = runEvent('alike');
const WRONG = runEvent('alike', { eventTime: 'yesterday', run: { runId: '%' } });

const REQUESTS: Readonly<Record<string, Request>> = {
  'an event': [201, EVENT],
  'an event with a type': [201, EVENT, ['Content-Type: application/json; charset=utf-8']],
  'an event on a connection that is kept': [201, EVENT, ['Connection: Keep-Alive', 'Keep-Alive: timeout=1']],
  'an event at the root': [201, EVENT, [], '/'],
  'an event at the path of Data.Rentgen': [201, EVENT, [], '/v1/openlineage/'],
  'an event at a path with a query': [201, EVENT, [], '//api/v1/lineage/?a=b%20'],
  'an event as large as the limit': [201, padded(EVENT, MAX_BYTES)],
  'an event that is compressed': [201, gzipSync(EVENT), ['Content-Encoding: gzip']],
  'an event of a trace': [201, EVENT, [TRACE]],
  'an event with cookies and an address': [201, EVENT, ['Cookie: a=b', 'X-Forwarded-For: 192.0.2.1']],
  'a batch': [200, Buffer.concat([Buffer.from('['), EVENT, Buffer.from(',{}]')]), [], BATCH],
  'an empty batch': [200, '[]', [], BATCH],
  'no batch': [422, EVENT, [], BATCH],
  'no JSON': [422, 'no JSON'],
  'an event with errors': [422, WRONG],
  'one character': [422, '1'],
  'a body above the limit': [413, padded(EVENT, MAX_BYTES + 1)],
  'the longest short body': [413, padded(EVENT, SHORT_BYTES)],
  'a long body': [413, padded(EVENT, SHORT_BYTES + 1)],
  'a body that grows above the limit': [
    413,
    gzipSync(padded(EVENT, MAX_BYTES + 1)),
    ['Content-Encoding: gzip'],
  ],
  text: [415, EVENT, [TEXT]],
  'long text': [415, padded(EVENT, SHORT_BYTES + 1), [TEXT]],
  'an encoding that is not known': [415, EVENT, ['Content-Encoding: rar']],
  'a path that is not known': [404, EVENT, [], '/nothing'],
  'a page': [405, EVENT, [], '/monitoring/ping'],
};

void suite('a simple request', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-simple-'));
  const stage = useStage();
  let proxy: Proxy;
  let secure: Proxy;
  /** It knows one sender. */
  let strict: Proxy;

  before(async () => {
    const { cert, key } = await writeCertificate(folder);
    const path = join(folder, 'senders.yaml');
    writeFileSync(path, `senders:\n  - name: a\n    api_keys: ['sha256:${'0'.repeat(64)}']\n`);
    const settings = { PRODUCER__MAX_REQUEST_SIZE: String(MAX_BYTES) };
    const args = ['--ssl-certfile', cert, '--ssl-keyfile', key];
    [proxy, secure, strict] = await Promise.all([
      stage.proxy({ settings }),
      stage.launch({ settings, args }),
      stage.proxyWithoutKafka({ settings: { AUTH__SENDERS_FILE: path } }),
    ]);
    await logged(secure, 'Kafka can be written to');
  });
  after(() => rmSync(folder, { recursive: true }));

  /** The records of the requests with these ids, in the order of the topic, without their ids and times. */
  async function recordsOf(ids: readonly string[]): Promise<readonly (readonly object[])[]> {
    const records = await stage.records();
    return ids.map((id) =>
      records
        .filter((record) => headerOf(record, 'correlation_id') === id)
        .map(({ key, value, headers }) => ({
          key: key?.toString(),
          value: value?.toString('latin1'),
          headers: headers
            .filter(([name]) => name !== 'correlation_id')
            .map(([name, text]) => [name, text.toString()]),
        })),
    );
  }

  /** The answers to a request with and without the header, which must be the same. Gives the first one. */
  async function answerInBothForms(
    to: Proxy,
    name: string,
    [, body, lines = [], path]: Request,
    id?: string,
  ): Promise<string> {
    const [simple, other] = [[], [NOT_SIMPLE]].map((more, index) => {
      const named = id === undefined ? [] : [`X-Request-ID: ${id}${index}`];
      return rawPost(body, [...lines, ...named, ...more], path);
    });
    assert.ok(simple && simpleHeadOf(simple) && other && !simpleHeadOf(other), name);
    const [answers, expected] = await Promise.all(
      [simple, other].map((bytes) => answersTo(to.port, { segments: [{ bytes }, { bytes: LAST }] })),
    );
    const withOneId = expected?.map((answer) =>
      id === undefined ? answer : answer.replace(`${id}1`, `${id}0`),
    );
    assert.deepEqual(answers, withOneId, name);
    return answers?.[0] ?? '';
  }

  test('has the same answer and the same records as one that Node reads', async () => {
    for (const [index, [name, request]] of Object.entries(REQUESTS).entries()) {
      const answer = await answerInBothForms(proxy, name, request, `both-${index}-`);
      assert.match(answer, new RegExp(`^HTTP/1.1 ${request[0]} `), name);
    }
    await answerInBothForms(proxy, 'with a new id', [201, EVENT]);
    for (const [index, [name, [status]]] of Object.entries(REQUESTS).entries()) {
      const [simple = [], other] = await recordsOf([`both-${index}-0`, `both-${index}-1`]);
      assert.deepEqual(simple, other, name);
      // One of the two events of the batch is refused.
      assert.equal(simple.length, status === 201 || name === 'a batch' ? 1 : 0, name);
    }
  });

  test('of a sender that is not known has the same answer as well', async () => {
    for (const lines of [[], ['Authorization: Bearer h2k_wrong'], ['Authorization: Basic dTpw']]) {
      for (const body of [EVENT, padded(EVENT, SHORT_BYTES + 1)]) {
        assert.match(await answerInBothForms(strict, lines.join(), [401, body, lines]), /^HTTP\/1.1 401 /);
      }
    }
  });

  test('may arrive in any two segments', async () => {
    const bytes = (id: string) => rawPost(EVENT, [`X-Request-ID: ${id}`]);
    const expected = await answersTo(proxy.port, {
      segments: cutAt(Buffer.concat([bytes('cut-000'), LAST]), []),
    });
    const headEnd = bytes('cut-000').indexOf('\r\n\r\n') + 4;
    const bodyEnd = bytes('cut-000').length;
    const places = [
      ...Array.from({ length: headEnd + 3 }, (_, index) => index + 1),
      ...[-2, -1, 0, 1, 2].map((offset) => bodyEnd + offset),
    ];
    const ids = places.map((place) => `cut-${String(place).padStart(3, '0')}`);
    const all = await Promise.all(
      places.map((place, index) => {
        const whole = Buffer.concat([bytes(ids[index] ?? ''), LAST]);
        return answersTo(proxy.port, { segments: cutAt(whole, [place]) });
      }),
    );
    for (const [index, answers] of all.entries()) {
      assert.deepEqual(
        answers.map((answer) => answer.replace(ids[index] ?? '', 'cut-000')),
        expected,
        `cut at byte ${places[index]}`,
      );
    }
    const [record, ...others] = await recordsOf(['cut-000', ...ids]);
    assert.equal(record?.length, 1);
    for (const [index, other] of others.entries()) assert.deepEqual(other, record, ids[index] ?? '');
  });

  test('may arrive byte by byte', async () => {
    const bytes = rawPost(EVENT, ['X-Request-ID: bytes']);
    const whole = Buffer.concat([bytes, LAST]);
    const head = bytes.indexOf('\r\n\r\n') + 4;
    const places = [...whole.keys()].slice(1);
    // The second one is simple: its head arrives in one segment.
    const all = await Promise.all(
      [places, places.filter((place) => place >= head)].map((cuts) =>
        answersTo(proxy.port, { segments: cutAt(whole, cuts) }),
      ),
    );
    for (const [answer, last, ...rest] of all) {
      assert.match(answer ?? '', /^HTTP\/1.1 201 /);
      assert.match(last ?? '', /^HTTP\/1.1 200 /);
      assert.deepEqual(rest, ['', 'ended']);
    }
    const [records] = await recordsOf(['bytes']);
    assert.equal(records?.length, 2);
    for (const record of records) assert.equal('value' in record && record.value, EVENT.toString('latin1'));
  });

  for (const tls of [false, true]) {
    const how = tls ? ' over TLS' : '';
    test(`may be in any place among other requests, in any segments${how}`, async (context) => {
      const { port } = tls ? secure : proxy;
      const random = new Random();
      context.diagnostic(`TEST_SEED=${random.seed} repeats it`);
      const first = rawPost(runEvent('first'), [NOT_SIMPLE]);
      const scripts = Array.from({ length: tls ? TLS_SCRIPTS : SCRIPTS }, (_, index) =>
        randomScript(random, `${tls ? 'tls' : 'tcp'}${index}`),
      );
      const results = await Promise.all(
        scripts.map(async ({ conversation }) => {
          const answers = answersTo(port, conversation('a'), tls);
          const { segments, finishes = false } = conversation('b');
          // The first request gives the connection to Node's server, which keeps it.
          const later = segments.map(({ bytes, answers: count = 0 }) => ({
            bytes,
            answers: count && count + 1,
          }));
          const others = answersTo(
            port,
            { segments: [{ bytes: first, answers: 1 }, ...later], finishes },
            tls,
          );
          return [await answers, (await others).slice(1)] as const;
        }),
      );
      const records = await stage.records();
      const idsOf = (prefix: string) =>
        records
          .map((record) => headerOf(record, 'correlation_id') ?? '')
          .filter((id) => id.startsWith(prefix))
          .map((id) => id.slice(prefix.length))
          // Node's server handles pipelined requests side by side: a large event is overtaken.
          .toSorted();
      for (const [index, { name, about }] of scripts.entries()) {
        const [answers, others] = results[index] ?? [];
        assert.ok(answers && others);
        const message = `TEST_SEED=${random.seed}: ${about}`;
        assert.deepEqual(
          answers.map((answer) => answer.replaceAll(`${name}-a-`, `${name}-b-`)),
          others,
          message,
        );
        assert.deepEqual(idsOf(`${name}-a-`), idsOf(`${name}-b-`), message);
        assert.equal(
          idsOf(`${name}-a-`).length,
          answers.filter((answer) => answer.startsWith('HTTP/1.1 201')).length,
          message,
        );
      }
    });
  }
});
