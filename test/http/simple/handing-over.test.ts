import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AnswerHeads } from '../../../src/http/simple/answer-head.ts';
import { SimpleConnection, type SimpleContext } from '../../../src/http/simple/simple-connection.ts';
import { RawConnection, rawPost } from '../../stage/raw-connection.ts';
import { MAX_HEADER_BYTES, MAX_HEADERS } from './node-reader.ts';

const SERVED = { path: '/', takes: 'event', about: '' } as const;

void suite('a connection whose answer is sent with the last bytes of the body', { timeout: 20_000 }, () => {
  const server = createServer({ allowHalfOpen: true });
  let staysOpen = true;
  /** What was left on each connection that was handed over. */
  const handedOver: string[] = [];

  before(async () => {
    server.on('connection', (socket: Socket) => new SimpleConnection(socket, context));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => server.close());

  const context: SimpleContext = {
    handler: {
      pathOf: () => SERVED,
      handle: (request, response) => {
        response.shouldKeepAlive = staysOpen;
        request.on('data', () => undefined);
        request.on('end', () => {
          response.writeHead(201, ['content-length', '0']);
          response.end();
        });
      },
      refuse: (_reason, socket) => socket.destroy(),
    },
    maxHeaderBytes: MAX_HEADER_BYTES,
    maxHeaders: MAX_HEADERS,
    answerHeads: new AnswerHeads('Connection: keep-alive\r\n'),
    handOver: ({ socket }) => {
      handedOver.push(String(socket.read()));
      socket.end();
    },
  };

  /** Sends the end of a body, and in the same segment what follows it. */
  async function sendWithMore(): Promise<void> {
    handedOver.length = 0;
    const { port } = server.address() as AddressInfo; // eslint-disable-line @typescript-eslint/no-unsafe-type-assertion
    const connection = await RawConnection.open(port);
    const bytes = rawPost('body').toString();
    await connection.send(bytes.slice(0, -2));
    await sleep(3);
    await connection.send(`${bytes.slice(-2)}more`);
    assert.equal((await connection.answer()).status, 201);
    await connection.closed;
    connection.cut();
  }

  test('is handed over once', async () => {
    staysOpen = true;
    await sendWithMore();
    assert.deepEqual(handedOver, ['more']);
  });

  test('is not handed over when it closes', async () => {
    staysOpen = false;
    await sendWithMore();
    assert.deepEqual(handedOver, []);
  });
});
