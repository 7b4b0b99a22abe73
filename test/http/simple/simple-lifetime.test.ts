import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { after, afterEach, before, suite, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Refusal } from '../../../src/errors.ts';
import { BodyMemory } from '../../../src/http/events/body-memory.ts';
import { readBody } from '../../../src/http/events/body-reader.ts';
import type { HttpRequest, HttpResponse } from '../../../src/http/exchange.ts';
import { paths } from '../../../src/http/paths.ts';
import { SimpleConnections } from '../../../src/http/simple/simple-connections.ts';
import { blockOf, BytePool } from '../../../src/support/memory/byte-pool.ts';
import { RawConnection, rawPost } from '../../stage/raw-connection.ts';
import { runEvent } from '../../stage/sample-events.ts';
import { Stage } from '../../stage/stage.ts';
import { until } from '../../stage/until.ts';

type Take = (request: HttpRequest, response: HttpResponse) => void;

const REFUSED = 'HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n';

const MIB = 1 << 20;

/** A server that passes simple requests to `takesSimple`, and all others to `takesOther`. */
void suite('a connection with simple requests', { timeout: 60_000 }, () => {
  let takesSimple: Take = answer;
  let others = 0;
  const sockets: Socket[] = [];
  const pool = new BytePool(new ArrayBuffer(MIB), 0, MIB, true);
  const lend = (bytes: number) => pool.take(bytes);
  const bodies = { maxBytes: MIB, memory: new BodyMemory(MIB), lend };
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    others += 1;
    request.resume().on('end', () => answer(request, response));
  });
  const limits = { maxHeaderBytes: 16_384, maxHeaders: 100 };
  const times = { keepAliveMs: 0, headersTimeoutMs: 0, requestTimeoutMs: 500, silenceMs: 100 };
  new SimpleConnections(
    { ...limits, ...times },
    {
      pathOf: () => paths.lineage,
      handle: (request, response) => takesSimple(request, response),
      refuse: (_reason, socket) => void socket.end(REFUSED),
    },
  ).attach(server, 'connection');
  server.on('connection', (socket: Socket) => sockets.push(socket));
  const arrived = (bytes: number) =>
    until(
      () => Promise.resolve(sockets[0]?.bytesRead),
      (read) => read === bytes,
    );
  const open = () => {
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    return RawConnection.open(address.port);
  };

  /** Sends an event, its last byte together with the next event, and reads the first answer. */
  const sendWithNext = async (connection: RawConnection) => {
    const first = rawPost('an event');
    await connection.send(first.subarray(0, -1));
    await arrived(first.length - 1);
    await connection.send(Buffer.concat([first.subarray(-1), rawPost('another event')]));
    assert.equal((await connection.answer()).status, 201);
  };

  before(() => once(server.listen(0, '127.0.0.1'), 'listening'));
  after(() => server.close());
  afterEach(() => {
    takesSimple = answer;
    others = 0;
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  test('has no body to read once the client has gone', async () => {
    const { promise, resolve } = Promise.withResolvers<HttpRequest>();
    takesSimple = resolve;
    const connection = await open();
    await connection.send(rawPost('an event'));
    const request = await promise;
    const closed = new Promise((done) => request.socket.once('close', done));
    connection.cut();
    await closed;
    await nextTurn();
    let size = 0;
    let ends = 0;
    // As a body that is read only once its sender is known.
    request.on('data', (piece) => (size += piece.length));
    request.on('end', () => (ends += 1));
    await nextTurn();
    assert.deepEqual({ size, ends }, { size: 0, ends: 0 });
  });

  test('is handed over once, although the request is answered while its last bytes arrive', async () => {
    takesSimple = (request, response) => {
      request.on('data', () => undefined);
      request.on('end', () => answer(request, response));
    };
    const connection = await open();
    await sendWithNext(connection);
    assert.equal((await connection.answer()).status, 201);
    await nextTurn();
    assert.deepEqual({ others, unread: connection.unread }, { others: 1, unread: '' });
  });

  test('is not handed over after an answer that closes it', async () => {
    takesSimple = (request, response) => {
      request.on('data', () => undefined);
      request.on('end', () => {
        response.shouldKeepAlive = false;
        answer(request, response);
      });
    };
    const connection = await open();
    await sendWithNext(connection);
    await connection.closed;
    assert.deepEqual({ others, unread: connection.unread }, { others: 0, unread: '' });
  });

  test('has its large bodies in the pool, also if they arrive together with their head', async () => {
    const { promise, resolve } = Promise.withResolvers<Buffer | Refusal>();
    takesSimple = (request, response) => readBody({ request, response }, bodies, resolve);
    const event = 'x'.repeat(40_000);
    await (await open()).send(rawPost(event));
    const body = await promise;
    assert.ok(Buffer.isBuffer(body));
    assert.deepEqual([body.toString(), blockOf(body) !== undefined], [event, true]);
  });

  test('keeps the start of the next request when the memory of a large body is freed', async () => {
    takesSimple = (request, response) => {
      readBody({ request, response }, bodies, () => answer(request, response));
    };
    const connection = await open();
    const first = rawPost('x'.repeat(40_000));
    const second = rawPost('another event');
    await connection.send(first.subarray(0, 100));
    await arrived(100);
    await connection.send(Buffer.concat([first.subarray(100), second.subarray(0, 20)]));
    assert.equal((await connection.answer()).status, 201);
    await connection.send(second.subarray(20));
    assert.equal((await connection.answer()).status, 201);
    assert.equal(others, 1);
  });

  test('has one answer to a request that never ends, and is idle after it', async () => {
    const connection = await open();
    await connection.send(rawPost('an event').subarray(0, -1));
    assert.equal((await connection.answer()).status, 201);
    assert.deepEqual([await connection.closed, connection.unread], ['ended', '']);
  });

  test('has one answer to a request that ends early', async () => {
    const connection = await open();
    await connection.send(rawPost('an event').subarray(0, -1));
    assert.equal((await connection.answer()).status, 201);
    connection.finish();
    assert.deepEqual([await connection.closed, connection.unread], ['ended', '']);
  });

  test('is handed over for a header that Node takes for Connection', async () => {
    const connection = await open();
    await connection.send(rawPost('an event', ['Proxy-Connection: close']));
    assert.equal((await connection.answer()).headers.get('connection'), 'close');
    assert.equal(others, 1);
  });

  test('carries no answer after the refusal of a slow request', async () => {
    const { promise, resolve } = Promise.withResolvers<() => void>();
    takesSimple = (request, response) => resolve(() => answer(request, response));
    const connection = await open();
    await connection.send(rawPost('an event').subarray(0, -1));
    const answerLate = await promise;
    let errors = 0;
    sockets[0]?.on('error', () => (errors += 1));
    assert.equal((await connection.answer()).status, 400);
    answerLate();
    connection.finish();
    await connection.closed;
    assert.deepEqual({ errors, unread: connection.unread }, { errors: 0, unread: '' });
  });
});

void suite('an answer with headers that the operator chooses', { timeout: 60_000 }, () => {
  const stage = new Stage();
  after(() => stage.stop());

  test('has each of them once, and closes the connection if one says so', async () => {
    const headers = ['Connection: close', 'Date: Sat, 01 Jan 2000 00:00:00 GMT'];
    const proxy = await stage.proxyWithoutKafka({
      settings: { SPOOL__AFTER: '50ms' },
      args: headers.flatMap((header) => ['--header', header]),
    });
    const socket = connect(proxy.port, '127.0.0.1');
    socket.write(rawPost(runEvent('with headers')));
    const lines = (await textOf(socket)).split('\r\n');
    assert.deepEqual(
      lines.filter((line) => /^(?:connection|date|keep-alive):/i.test(line)),
      headers,
    );
  });
});

function answer(_request: unknown, response: HttpResponse): void {
  response.writeHead(201, ['content-length', '0']);
  response.end();
}
