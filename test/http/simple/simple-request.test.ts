import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AnswerHeads } from '../../../src/http/simple/answer-head.ts';
import { SimpleConnection, type SimpleContext } from '../../../src/http/simple/simple-connection.ts';
import type { SimpleRequest } from '../../../src/http/simple/simple-request.ts';
import { Random } from '../../openlineage/random.ts';
import { RawConnection, rawPost } from '../../stage/raw-connection.ts';
import { cutAt } from './conversation.ts';
import { MAX_HEADER_BYTES, MAX_HEADERS } from './node-reader.ts';

const CONNECTIONS = 60;

/** More than a socket reads at a time. */
const MOST_BYTES = 200_000;

void suite('the body of a simple request', { timeout: 30_000 }, () => {
  const server = createServer({ allowHalfOpen: true });
  const random = new Random();

  const context: SimpleContext = {
    handler: {
      pathOf: () => ({ path: '/', takes: 'event', about: '' }),
      handle: (request, response) => {
        void readSlowly(request, random).then((body) => {
          assert.ok(request.complete);
          response.writeHead(200, ['content-length', String(body.length)]);
          response.end(body.toString('latin1'));
        });
      },
      refuse: (_reason, socket) => socket.destroy(),
    },
    maxHeaderBytes: MAX_HEADER_BYTES,
    maxHeaders: MAX_HEADERS,
    answerHeads: new AnswerHeads('Connection: keep-alive\r\n'),
    handOver: ({ socket }) => socket.destroy(),
  };

  before(async () => {
    server.on('connection', (socket: Socket) => new SimpleConnection(socket, context));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => server.close());

  test('is whole and in order, however late and slowly it is read', async (t) => {
    t.diagnostic(`TEST_SEED=${random.seed} repeats it`);
    const { port } = server.address() as AddressInfo; // eslint-disable-line @typescript-eslint/no-unsafe-type-assertion
    const answered = Array.from({ length: CONNECTIONS }, async (_, index) => {
      const connection = await RawConnection.open(port);
      // A second request shows that nothing of the first one is left.
      for (const size of [1 + random.below(index % 2 === 0 ? 50 : MOST_BYTES), 20]) {
        const body = Array.from({ length: Math.ceil(size / 7) }, (_item, at) => `${100_000 + at},`).join('');
        const bytes = rawPost(body);
        const start = bytes.length - body.length;
        // The head arrives in one segment, with the start of the body or without.
        const places = Array.from({ length: random.below(5) }, () => start + random.below(body.length));
        for (const segment of cutAt(bytes, places)) {
          await connection.send(segment.bytes);
          await sleep(random.below(3));
        }
        assert.equal((await connection.answer()).body, body, `TEST_SEED=${random.seed}`);
      }
      connection.cut();
    });
    await Promise.all(answered);
  });
});

/** Begins to read at once or later, and pauses after some pieces, as the body reader does when it has no memory. */
async function readSlowly(request: SimpleRequest, random: Random): Promise<Buffer> {
  if (random.below(2) === 0) await sleep(random.below(5));
  const pieces: Buffer[] = [];
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  request.on('data', (piece) => {
    pieces.push(Buffer.from(piece));
    if (random.below(2) === 0) return;
    request.pause();
    assert.ok(request.isPaused());
    setTimeout(() => request.resume(), random.below(4));
  });
  request.on('end', () => resolve(Buffer.concat(pieces)));
  return promise;
}
