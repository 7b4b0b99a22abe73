import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { errorTable, type ErrorCode } from '../../../src/errors.ts';
import type { Proxy } from '../../../tools/proxy.ts';
import { logLines } from '../../stage/log-lines.ts';
import { errorOf, get, isObject, parsed, post, type SentError } from '../../stage/posting.ts';
import { RawConnection, rawPost, type RawAnswer } from '../../stage/raw-connection.ts';
import { fields, padded, runEvent } from '../../stage/sample-events.ts';
import { headerOf, useStage } from '../../stage/stage.ts';

const VERSION = 'x-application-version';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const LIMIT = 100_000;
/** Every path that takes events. */
const EVENT_PATHS = ['/api/v1/lineage', '/v1/openlineage', '/', '/api/v1/lineage/batch'];

void suite('the answer to a refused request', { timeout: 120_000 }, () => {
  const stage = useStage();
  let proxy: Proxy;
  let impatient: Proxy;
  let full: Proxy;

  before(async () => {
    [proxy, impatient, full] = await Promise.all([
      stage.proxy({ settings: { PRODUCER__MAX_REQUEST_SIZE: String(LIMIT) } }),
      stage.proxy({ settings: { SERVER__REQUEST_TIMEOUT_S: '1' } }),
      stage.proxyWithFullSpool(),
    ]);
  });

  /** Fails unless an answer matches its row of the error table and has the headers of all answers. */
  function assertRow(
    code: ErrorCode,
    answer: { status: number; body: string; header: (name: string) => unknown },
  ): SentError {
    const error = errorOf(answer.body);
    assert.equal(error.code, code);
    assert.equal(answer.status, errorTable[code].status);
    assert.match(String(answer.header('content-type')), /^application\/json(;|$)/);
    assert.match(String(answer.header('x-request-id')), UUID);
    assert.match(String(answer.header(VERSION)), /^\d+\.\d+\.\d+/);
    return error;
  }

  async function assertRawRow(code: ErrorCode, connection: RawConnection): Promise<SentError> {
    const answer: RawAnswer = await connection.answer();
    assert.equal(await connection.closed, 'ended');
    assert.equal(answer.headers.get('connection'), 'close');
    assert.equal(connection.unread, '', 'one answer, and nothing after it');
    return assertRow(code, { ...answer, header: (name) => answer.headers.get(name) });
  }

  async function assertRefused(
    code: ErrorCode,
    sent: ReturnType<typeof post>,
  ): Promise<SentError & { headers: Record<string, unknown> }> {
    const { status, headers, text } = await sent;
    return { ...assertRow(code, { status, body: text, header: (name) => headers[name] }), headers };
  }

  test('400 for what is not HTTP', async () => {
    for (const garbage of ['garbage\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03']) {
      const connection = await RawConnection.open(proxy.port);
      await connection.send(garbage);
      await assertRawRow('bad_request', connection);
    }
  });

  test('400 for a megabyte of garbage, sent before the answer is read', async () => {
    const connection = await RawConnection.open(proxy.port, { paused: true });
    await connection.send('garbage ');
    await connection.send(Buffer.alloc(1 << 20, 'garbage '));
    connection.read();
    await assertRawRow('bad_request', connection);
  });

  test('400 for a body that ends before its length', async () => {
    const heads = [
      'Content-Length: 1000\r\n\r\n{"half":',
      'Transfer-Encoding: chunked\r\n\r\n8\r\n{"half":\r\n',
    ];
    for (const head of heads) {
      const connection = await RawConnection.open(proxy.port);
      await connection.send(`POST /api/v1/lineage HTTP/1.1\r\nHost: proxy\r\n${head}`);
      connection.finish();
      const { message } = await assertRawRow('bad_request', connection);
      assert.equal(message, 'The request ends before its body does');
    }
  });

  test('400 for a request without Host', async () => {
    const connection = await RawConnection.open(proxy.port);
    await connection.send('POST /api/v1/lineage HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    await assertRawRow('bad_request', connection);
  });

  test('400 for a path that cannot be decoded', async () => {
    await assertRefused('bad_request', get(proxy, '/%zz'));
  });

  test('404 for an unknown path, with any body', async () => {
    const { message } = await assertRefused('not_found', get(proxy, '/nothing'));
    assert.match(message, /\/nothing\b.*POST \/api\/v1\/lineage/);
    const type = { 'content-type': 'application/json' };
    await assertRefused('not_found', post(proxy, '{broken', { path: '/nothing', headers: type }));
    await assertRefused('not_found', post(proxy, Buffer.alloc(2 << 20), { path: '/nothing' }));
    await assertRefused('not_found', get(proxy, '/docs/static/%2e%2e/%2e%2e/package.json'));
  });

  test('405 for a wrong method, and Allow names the right ones', async () => {
    for (const path of EVENT_PATHS.filter((path) => path !== '/')) {
      for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS']) {
        const { headers } = await assertRefused('method_not_allowed', get(proxy, path, { method }));
        assert.equal(headers['allow'], 'POST');
      }
    }
    for (const path of [
      '/monitoring/ping',
      '/monitoring/ready',
      '/monitoring/metrics',
      '/docs',
      '/openapi.json',
    ]) {
      const { headers } = await assertRefused('method_not_allowed', post(proxy, '{}', { path }));
      assert.equal(headers['allow'], 'GET, HEAD');
    }
  });

  test('408 for a request that does not arrive in time', async () => {
    const beginnings = [
      'POST /api/v1/lineage HTTP/1.1\r\nHo',
      'POST /api/v1/lineage HTTP/1.1\r\nHost: proxy\r\nContent-Length: 9\r\n\r\n{',
    ];
    await Promise.all(
      beginnings.map(async (beginning) => {
        const connection = await RawConnection.open(impatient.port);
        await connection.send(beginning);
        await assertRawRow('request_timeout', connection);
      }),
    );
  });

  test('413 for a body over the limit, with both sizes', async () => {
    const event = padded(runEvent('large'), LIMIT + 1);
    const known = await assertRefused('payload_too_large', post(proxy, event));
    assert.deepEqual(known.details, { size: LIMIT + 1, limit: LIMIT });
    assert.equal(known.message, `The body is ${LIMIT + 1} bytes; the limit is ${LIMIT} bytes`);
    const chunked = await assertRefused('payload_too_large', post(proxy, event, { chunked: true }));
    assert.ok(isObject(chunked.details));
    assert.equal(chunked.details['limit'], LIMIT);
    assert.ok(Number(chunked.details['size']) > LIMIT);
    assert.match(chunked.message, /at least \d+ bytes; the limit is 100000 bytes/);
  });

  test('415 for an unknown type or encoding, with the names of the known ones', async () => {
    const type = await assertRefused(
      'unsupported_media_type',
      post(proxy, runEvent('type'), { headers: { 'content-type': 'text/plain' } }),
    );
    assert.match(type.message, /"text\/plain".*application\/json/);
    assert.equal(type.headers['accept'], 'application/json');
    for (const encoding of ['lzma', 'gzip, gzip', 'compress']) {
      const refused = await assertRefused(
        'unsupported_media_type',
        post(proxy, runEvent('encoding'), { headers: { 'content-encoding': encoding } }),
      );
      assert.ok(refused.message.includes(`"${encoding}"`));
      assert.equal(refused.headers['accept-encoding'], 'gzip, deflate, br, zstd');
    }
  });

  test('422 with every validation error in the format of Data.Rentgen', async () => {
    const event = { ...fields('bad'), run: {}, job: { namespace: 'test', name: 7 }, eventType: 'BEGIN' };
    const { message, details } = await assertRefused('invalid_request', post(proxy, JSON.stringify(event)));
    assert.equal(message, 'Invalid request');
    assert.ok(Array.isArray(details));
    const byPlace = details.toSorted((a: unknown, b: unknown) =>
      JSON.stringify(a).localeCompare(JSON.stringify(b)),
    );
    const kinds = "'START', 'RUNNING', 'COMPLETE', 'ABORT', 'FAIL' or 'OTHER'";
    assert.deepEqual(byPlace, [
      {
        location: ['body', 'eventType'],
        message: `Input should be ${kinds}`,
        code: 'enum',
        context: { expected: kinds },
        input: 'BEGIN',
      },
      {
        location: ['body', 'job', 'name'],
        message: 'Input should be a valid string',
        code: 'string_type',
        context: {},
        input: 7,
      },
      {
        location: ['body', 'run', 'runId'],
        message: 'Field required',
        code: 'missing',
        context: {},
        input: {},
      },
    ]);
  });

  test('422 for invalid JSON, with the place of the error', async () => {
    const { details } = await assertRefused('invalid_request', post(proxy, '{"a": 1,\n "b" 2}'));
    assert.deepEqual(details, [
      {
        location: ['body'],
        message: 'Invalid JSON: ":" after the key is expected (line 2, column 6)',
        code: 'json_invalid',
        context: { offset: 14, line: 2, column: 6 },
        input: '2}',
      },
    ]);
    for (const body of ['', '\u{feff}{}', Buffer.from([0x7b, 0xff, 0x7d])]) {
      await assertRefused('invalid_request', post(proxy, body));
    }
  });

  test('431 for headers over 16 KiB', async () => {
    await assertRefused(
      'headers_too_large',
      get(proxy, '/monitoring/ping', { headers: { 'x-long': 'a'.repeat(16 * 1024) } }),
    );
    const { status } = await get(proxy, '/monitoring/ping', { headers: { 'x-long': 'a'.repeat(15 * 1024) } });
    assert.equal(status, 200);
  });

  test('503 with Retry-After: 1 while Kafka is unavailable and the spool is full', async () => {
    for (const path of EVENT_PATHS) {
      const event = runEvent('nowhere');
      const body = path.endsWith('batch') ? `[${event.toString()}]` : event;
      const { headers, message } = await assertRefused('unavailable', post(full, body, { path }));
      assert.equal(headers['retry-after'], '1');
      assert.equal(message, 'The event cannot be kept now: Kafka is unavailable, and the spool is full');
    }
    const { headers, message } = await assertRefused('unavailable', get(full, '/monitoring/ready'));
    assert.equal(headers['retry-after'], '1');
    assert.equal(message, 'Events cannot be kept now: Kafka is unavailable and the spool is full');
  });

  test('no event path ever answers 204 or with a redirection', async () => {
    const bodies = [
      runEvent('status'),
      Buffer.from('[]'),
      Buffer.from('{}'),
      Buffer.from('x'),
      Buffer.alloc(0),
    ];
    const paths = EVENT_PATHS.flatMap((path) => [
      path,
      `${path.replace(/\/$/, '')}/`,
      `${path}?a=b`,
      `/${path}`,
    ]);
    for (const method of ['POST', 'GET', 'HEAD', 'PUT', 'OPTIONS']) {
      for (const path of new Set(paths)) {
        for (const body of method === 'POST' ? bodies : [Buffer.alloc(0)]) {
          const { status } = await post(proxy, body, { method, path });
          assert.ok(status !== 204 && !(status >= 300 && status < 400), `${method} ${path}: ${status}`);
        }
      }
    }
  });

  test('a valid X-Request-ID is used in the answer and in the record', async () => {
    for (const id of ['a', 'Trace-1.2_3~4:5@6=7+8/9', 'x'.repeat(128)]) {
      const { status, headers } = await post(proxy, runEvent('valid id'), {
        headers: { 'x-request-id': id },
      });
      assert.deepEqual([status, headers['x-request-id']], [201, id]);
      const [record] = await stage.recordsOf(id);
      assert.ok(record);
      assert.equal(headerOf(record, 'correlation_id'), id);
      assert.equal(
        (await post(proxy, '{}', { headers: { 'x-request-id': id } })).headers['x-request-id'],
        id,
      );
      assert.equal(
        (await get(proxy, '/nothing', { headers: { 'x-request-id': id } })).headers['x-request-id'],
        id,
      );
    }
  });

  test('an invalid X-Request-ID is replaced in the answer and in the record', async () => {
    for (const id of [
      '',
      'with space',
      'semi;colon',
      'ünïcode',
      '<script>',
      'x'.repeat(129),
      ['one', 'two'],
    ]) {
      const { status, headers } = await post(proxy, runEvent('bad id'), { headers: { 'x-request-id': id } });
      assert.equal(status, 201);
      assert.match(String(headers['x-request-id']), UUID);
      assert.equal((await stage.recordsOf(headers['x-request-id'])).length, 1);
    }
  });

  test('a request that breaks off keeps the id of its head', async () => {
    const connection = await RawConnection.open(proxy.port);
    await connection.send(rawPost(runEvent('cut'), ['X-Request-ID: broken-off']).subarray(0, -10));
    connection.finish();
    assert.equal((await connection.answer()).headers.get('x-request-id'), 'broken-off');
    const lines = (await logLines(proxy)).filter((line) => line.includes('"broken-off"'));
    assert.equal(lines.length, 1);
    assert.match(lines.join(), /The request ends before its body does/);
  });

  test('every answer names the version', async () => {
    const document = parsed((await get(proxy, '/openapi.json')).text)['info'];
    assert.ok(isObject(document));
    const answers = await Promise.all([
      post(proxy, runEvent('version')),
      post(proxy, '[]', { path: '/api/v1/lineage/batch' }),
      ...[
        '/monitoring/ping',
        '/monitoring/ready',
        '/monitoring/metrics',
        '/docs',
        '/docs/',
        '/docs/static/index.css',
        '/openapi.json',
        '/',
      ].map((path) => get(proxy, path)),
    ]);
    for (const { headers } of answers) assert.equal(headers[VERSION], document['version']);
  });

  test('the names of both headers are settings, and each can be left out', async () => {
    const [renamed, silent] = await Promise.all([
      stage.proxy({
        settings: {
          SERVER__REQUEST_ID__HEADER_NAME: 'X-Trace',
          SERVER__APPLICATION_VERSION__HEADER_NAME: 'X-Is',
        },
      }),
      stage.proxy({
        settings: { SERVER__REQUEST_ID__ENABLED: 'false', SERVER__APPLICATION_VERSION__ENABLED: 'false' },
      }),
    ]);
    const own = { 'x-trace': 'mine', 'x-request-id': 'other' };
    const { headers } = await post(renamed, runEvent('renamed'), { headers: own });
    assert.equal(headers['x-trace'], 'mine');
    assert.equal(headers['x-is'], (await get(proxy, '/')).headers[VERSION]);
    assert.equal(headers['x-request-id'], undefined);
    const none = (await post(silent, runEvent('silent'), { headers: own })).headers;
    assert.deepEqual([none['x-request-id'], none[VERSION]], [undefined, undefined]);
  });
});
