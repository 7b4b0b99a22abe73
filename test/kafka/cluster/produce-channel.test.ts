import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { suite, test, type TestContext } from 'node:test';
import { Writer } from '@platformatic/kafka';
import type { PartitionBatch } from '../../../src/kafka/cluster/brokers.ts';
import { ProduceChannel } from '../../../src/kafka/cluster/produce-channel.ts';

interface Stage {
  readonly channel: ProduceChannel;
  /** The broker's end of the connection. */
  readonly broker: Socket;
  readonly socket: Socket;
  /** What the reader of the library has got, piece by piece. */
  readonly forLibrary: Buffer[];
  /** Resolves with the next request, without its size. */
  readonly request: () => Promise<Buffer>;
}

async function stage(test: TestContext, { answerTimeoutMs = 30_000, version = 11 } = {}): Promise<Stage> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const socket = connect(portOf(server), '127.0.0.1');
  const broker = await accepted;
  test.after(() => {
    socket.destroy();
    broker.destroy();
    server.close();
  });
  const forLibrary: Buffer[] = [];
  socket.on('data', (data: Buffer) => forLibrary.push(data));
  socket.on('error', () => undefined);
  broker.on('error', () => undefined);
  const channel = new ProduceChannel(socket, {
    version,
    clientId: 'test',
    timeoutMs: 1000,
    answerTimeoutMs,
  });
  let received = Buffer.alloc(0);
  const request = async (): Promise<Buffer> => {
    for (;;) {
      const end = received.length < 4 ? Number.POSITIVE_INFINITY : 4 + received.readInt32BE(0);
      if (received.length >= end) {
        const whole = received.subarray(4, end);
        received = received.subarray(end);
        return whole;
      }
      const [data] = (await once(broker, 'data')) as unknown[];
      assert.ok(Buffer.isBuffer(data));
      received = Buffer.concat([received, data]);
    }
  };
  return { channel, broker, socket, forLibrary, request };
}

function portOf(server: Server): number {
  const address = server.address();
  assert.ok(typeof address === 'object' && address);
  return address.port;
}

function batch(partition: number, bytes = 100): PartitionBatch {
  const whole = Buffer.alloc(bytes, partition);
  return { topic: 'input.runs', partition, pieces: [whole], size: bytes, bytes: whole };
}

/** The answer to a request: its partition is written. */
function answerTo(request: Buffer, partition: number): Buffer {
  return Writer.create()
    .appendInt32(request.readInt32BE(4))
    .appendTaggedFields()
    .appendArray([partition], (writer, index) => {
      writer.appendString('input.runs').appendArray([index], (inner) => {
        inner
          .appendInt32(index)
          .appendInt16(0)
          .append(Buffer.alloc(24))
          .appendUnsignedVarInt(1)
          .appendString(null);
      });
    })
    .appendInt32(0)
    .appendTaggedFields()
    .prependLength().buffer;
}

/** The same, in version 7. */
function plainAnswerTo(request: Buffer, partition: number): Buffer {
  return Writer.create()
    .appendInt32(request.readInt32BE(4))
    .appendInt32(1)
    .appendString('input.runs', false)
    .appendInt32(1)
    .appendInt32(partition)
    .appendInt16(0)
    .append(Buffer.alloc(24))
    .appendInt32(0)
    .prependLength().buffer;
}

/** An answer to a request of the library. */
function libraryAnswer(correlationId: number, bytes: number): Buffer {
  return Writer.create().appendInt32(correlationId).append(Buffer.alloc(bytes, 0xab)).prependLength().buffer;
}

const places = (answers: readonly { readonly partition: number }[]) =>
  answers.map(({ partition }) => partition);

suite('a channel for produce requests', () => {
  test('takes its own answers, and gives all others to the library, however they are cut', async (t) => {
    const { channel, broker, forLibrary, request } = await stage(t);
    const sent = channel.produce([batch(3)]);
    const library = [libraryAnswer(1, 40), libraryAnswer(0x7fffffff, 0), libraryAnswer(2, 70_000)];
    const [first, second, third] = library;
    assert.ok(first && second && third);
    const all = Buffer.concat([first, second, answerTo(await request(), 3), third]);
    broker.setNoDelay(true);
    for (const byte of all.subarray(0, 300)) {
      broker.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    broker.write(all.subarray(300));
    assert.deepEqual(places(await sent), [3]);
    while (forLibrary.length < 3) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(forLibrary, library);
  });

  test('speaks the version of its connection', async (t) => {
    const { channel, broker, request } = await stage(t, { version: 7 });
    const sent = channel.produce([batch(3)]);
    const whole = await request();
    assert.equal(whole.readInt16BE(2), 7);
    broker.write(plainAnswerTo(whole, 3));
    assert.deepEqual(places(await sent), [3]);
  });

  test('gives each answer to the request that it belongs to', async (t) => {
    const { channel, broker, request } = await stage(t);
    const sent = [channel.produce([batch(1)]), channel.produce([batch(2)])];
    const requests = [await request(), await request()];
    assert.ok(requests[0] && requests[1]);
    broker.write(Buffer.concat([answerTo(requests[1], 2), answerTo(requests[0], 1)]));
    assert.deepEqual((await Promise.all(sent)).map(places), [[1], [2]]);
  });

  test('sends large batches whole, between small ones', async (t) => {
    const { channel, broker, request } = await stage(t);
    const batches = [batch(1), batch(2, 3_000_000), batch(3, 20_000), batch(4)];
    const sent = channel.produce(batches);
    const whole = await request();
    for (const { bytes } of batches) assert.ok(whole.includes(bytes));
    assert.equal(whole.readInt32BE(4), -1);
    broker.write(answerTo(whole, 2));
    assert.deepEqual(places(await sent), [2]);
  });

  test('uses the memory of an answered request for the next one', async (t) => {
    const { channel, broker, request } = await stage(t);
    for (let partition = 0; partition < 5; partition++) {
      const sent = channel.produce([batch(partition, 10_000)]);
      const whole = await request();
      assert.ok(whole.includes(batch(partition, 10_000).bytes));
      broker.write(answerTo(whole, partition));
      assert.deepEqual(places(await sent), [partition]);
    }
  });

  test('fails all requests when the broker closes the connection', async (t) => {
    const { channel, broker, request } = await stage(t);
    const sent = [channel.produce([batch(1)]), channel.produce([batch(2)])];
    await request();
    broker.destroy();
    for (const one of sent) await assert.rejects(one, { message: 'Connection closed' });
    assert.equal(channel.isOpen, false);
    await assert.rejects(channel.produce([batch(3)]), { message: 'Connection closed' });
  });

  test('closes the connection before it fails a request without an answer', async (t) => {
    const { channel, socket } = await stage(t, { answerTimeoutMs: 20 });
    const sent = channel.produce([batch(1)]);
    let wasClosed = false;
    await assert.rejects(
      sent.catch((error: unknown) => {
        wasClosed = socket.destroyed;
        throw error;
      }),
      { message: 'Request timed out' },
    );
    assert.ok(wasClosed);
  });

  const broken: Readonly<Record<string, (request: Buffer) => Buffer>> = {
    'an answer to no request': (request) => {
      const answer = answerTo(request, 1);
      answer.writeInt32BE(-77, 4);
      return answer;
    },
    'an answer that is cut off': (request) => {
      const answer = answerTo(request, 1).subarray(0, -5);
      answer.writeInt32BE(answer.length - 4, 0);
      return answer;
    },
    'a negative size': () => Buffer.alloc(12, 0xff),
    'a size without room for the id': () => Buffer.alloc(12, 0),
  };
  for (const [name, answerOf] of Object.entries(broken)) {
    test(`closes the connection after ${name}`, async (t) => {
      const { channel, broker, socket, request } = await stage(t);
      const sent = channel.produce([batch(1)]);
      broker.write(answerOf(await request()));
      await assert.rejects(sent, RangeError);
      assert.ok(socket.destroyed);
    });
  }
});
