/** Large bodies lie in blocks of a pool: every way in which they arrive, and when the blocks are free again. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import type { Refusal } from '../../../src/errors.ts';
import { MIN_POOLED_BYTES } from '../../../src/http/events/body-buffer.ts';
import { BodyMemory } from '../../../src/http/events/body-memory.ts';
import { readBody } from '../../../src/http/events/body-reader.ts';
import { blockOf, BytePool } from '../../../src/support/memory/byte-pool.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const POOL_BYTES = 8 * MIB;

/** Bytes with no regularity at which a piece in a wrong place would not show. */
function content(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0, state = length; at < length; at++) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    bytes[at] = state >> 16;
  }
  return bytes;
}

suite('a large body', () => {
  const pool = new BytePool(new ArrayBuffer(POOL_BYTES), 0, POOL_BYTES, true);
  const limits = {
    maxBytes: 2 * MIB,
    memory: new BodyMemory(64 * MIB),
    lend: (bytes: number) => pool.take(bytes),
  };
  let received: (body: Buffer | Refusal) => void = () => undefined;
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    readBody({ request, response }, limits, (body) => {
      response.end();
      received(body);
    });
  });
  let port = 0;

  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });
  after(() => server.close());

  function open(headers: readonly string[]) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(['POST / HTTP/1.1', 'Host: a', 'Connection: close', ...headers, '', ''].join('\r\n'));
    return socket;
  }

  /** Posts a body in pieces, and resolves to what the server has read. */
  async function post(
    body: Buffer,
    headers: string[] = [],
    pieceBytes = 64 * KIB,
  ): Promise<Buffer | Refusal> {
    const { promise, resolve } = Promise.withResolvers<Buffer | Refusal>();
    received = resolve;
    const socket = open([`Content-Length: ${body.length}`, ...headers]);
    for (let at = 0; at < body.length; at += pieceBytes) {
      if (pieceBytes < body.length) await sleep(1);
      socket.write(body.subarray(at, at + pieceBytes));
    }
    const result = await promise;
    socket.destroy();
    return result;
  }

  function assertPooled(read: Buffer | Refusal, body: Buffer): void {
    assert.ok(Buffer.isBuffer(read), JSON.stringify(read));
    assert.ok(read.equals(body));
    assert.ok(blockOf(read), 'it is in the pool');
    assert.deepEqual(Buffer.from(read.buffer, read.byteOffset + read.length, 16), Buffer.alloc(16));
    blockOf(read)?.unpin();
    assert.equal(pool.taken, 0);
  }

  for (const length of [MIN_POOLED_BYTES, 40 * KIB, 66_000, 300_000, 2 * MIB]) {
    for (const pieceBytes of [4 * MIB, 50_000, 17 * KIB]) {
      test(`of ${length} bytes in pieces of ${pieceBytes} is in one block`, async () => {
        const body = content(length);
        assertPooled(await post(body, [], pieceBytes), body);
      });
    }
    for (const [name, compressed] of Object.entries({
      gzip: (body: Buffer) => gzipSync(body),
      deflate: (body: Buffer) => deflateSync(body),
      br: (body: Buffer) => brotliCompressSync(body),
      zstd: (body: Buffer) => zstdCompressSync(body),
    })) {
      test(`of ${length} bytes in ${name} is decoded into a block`, async () => {
        for (const body of [content(length), Buffer.alloc(length, 'a')]) {
          assertPooled(await post(compressed(body), [`Content-Encoding: ${name}`]), body);
        }
      });
    }
  }

  test('of several members of gzip, of which the last one says a small size, is whole', async () => {
    const body = content(100_000);
    const members = [body.subarray(0, 99_999), body.subarray(99_999)].map((part) => gzipSync(part));
    assertPooled(await post(Buffer.concat(members), ['Content-Encoding: gzip']), body);
  });

  test('of gzip that says a wrong size is refused', async () => {
    const encoded = gzipSync(content(100_000));
    encoded.writeUInt32LE(0xffffffff, encoded.length - 4);
    const read = await post(encoded, ['Content-Encoding: gzip']);
    assert.ok(!Buffer.isBuffer(read) && read.code === 'invalid_request');
    assert.equal(pool.taken, 0);
  });

  test('in chunks, of no known length, is in a block when it is whole', async () => {
    const body = content(300_000);
    const { promise, resolve } = Promise.withResolvers<Buffer | Refusal>();
    received = resolve;
    const socket = open(['Transfer-Encoding: chunked']);
    for (let at = 0; at < body.length; at += 10_000) {
      const piece = body.subarray(at, at + 10_000);
      socket.write(`${piece.length.toString(16)}\r\n`);
      socket.write(piece);
      socket.write('\r\n');
      await sleep(1);
    }
    socket.write('0\r\n\r\n');
    assertPooled(await promise, body);
    socket.destroy();
  });

  test('that never becomes whole gives its block back', async () => {
    const socket = open(['Content-Length: 1000000']);
    socket.write(content(500_000));
    while (pool.taken === 0) await sleep(1);
    socket.destroy();
    while (pool.taken > 0) await sleep(1);
  });

  test('has a buffer of its own when the pool has no room', async () => {
    const all = pool.take(POOL_BYTES - 4096);
    for (const length of [20_000, 300_000]) {
      const body = content(length);
      const read = await post(body, [], 17 * KIB);
      assert.ok(Buffer.isBuffer(read) && read.equals(body));
      assert.equal(blockOf(read), undefined);
    }
    all?.unpin();
    assert.equal(pool.taken, 0);
  });

  test('below the least size stays where Node has read it', async () => {
    const body = content(MIN_POOLED_BYTES - 1);
    const read = await post(body);
    assert.ok(Buffer.isBuffer(read) && read.equals(body) && blockOf(read) === undefined);
  });
});
