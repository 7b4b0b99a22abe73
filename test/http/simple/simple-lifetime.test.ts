import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { after, afterEach, before, suite, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { HttpRequest, HttpResponse } from '../../../src/http/exchange.ts';
import { paths } from '../../../src/http/paths.ts';
import { SimpleConnections } from '../../../src/http/simple/simple-connections.ts';
import { RawConnection, rawPost } from '../../stage/raw-connection.ts';
import { until } from '../../stage/until.ts';

type Take = (request: HttpRequest, response: HttpResponse) => void;

const REFUSED = 'HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n';

/** A server that passes simple requests to `takesSimple`, and all others to `takesOther`. */
void suite('a connection with simple requests', { timeout: 60_000 }, () => {
  let takesSimple: Take = answer;
  let others = 0;
  const sockets: Socket[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    others += 1;
    request.resume().on('end', () => answer(request, response));
  });
  const limits = { maxHeaderBytes: 16_384, maxHeaders: 100 };
  const times = { keepAliveMs: 0, headersTimeoutMs: 0, requestTimeoutMs: 500, silenceMs: 0 };
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
    const first = rawPost('an event');
    await connection.send(first.subarray(0, -1));
    await arrived(first.length - 1);
    await connection.send(Buffer.concat([first.subarray(-1), rawPost('another event')]));
    assert.equal((await connection.answer()).status, 201);
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
    const first = rawPost('an event');
    await connection.send(first.subarray(0, -1));
    await arrived(first.length - 1);
    await connection.send(Buffer.concat([first.subarray(-1), rawPost('another event')]));
    assert.equal((await connection.answer()).status, 201);
    await connection.closed;
    assert.deepEqual({ others, unread: connection.unread }, { others: 0, unread: '' });
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

function answer(_request: unknown, response: HttpResponse): void {
  response.writeHead(201, ['content-length', '0']);
  response.end();
}
