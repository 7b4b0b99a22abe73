import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createZstdCompress,
  deflateRawSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import type { Proxy } from '../../../tools/proxy.ts';
import { readMetrics } from '../../stage/metric-reading.ts';
import { created, errorOf, post } from '../../stage/posting.ts';
import { RawConnection, rawPost } from '../../stage/raw-connection.ts';
import { padded, runEvent } from '../../stage/sample-events.ts';
import { useStage } from '../../stage/stage.ts';

const MIB = 1 << 20;
const LIMIT = 5 * MIB;
const BOMB = 1024 * MIB;

void suite('the size and the pace of a body', { timeout: 120_000 }, () => {
  const stage = useStage();
  let proxy: Proxy;

  before(async () => {
    proxy = await stage.proxy();
  });

  const encodings: Readonly<Record<string, (body: Buffer) => Buffer>> = {
    identity: (body) => body,
    gzip: (body) => gzipSync(body),
    deflate: (body) => deflateRawSync(body),
    br: (body) => brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } }),
    zstd: (body) => zstdCompressSync(body),
  };

  for (const [encoding, encode] of Object.entries(encodings)) {
    test(`5 MiB are taken and one byte more is not, as ${encoding}`, async () => {
      const headers = { 'content-encoding': encoding };
      const exact = padded(runEvent('exactly at the limit'), LIMIT);
      const taken = await post(proxy, encode(exact), { headers });
      assert.equal(taken.status, 201);
      assert.ok((await stage.valueOf(taken.headers['x-request-id'])).equals(exact));
      const over = padded(runEvent('one byte over'), LIMIT + 1);
      for (const chunked of [false, true]) {
        const refused = await post(proxy, encode(over), { headers, chunked });
        assert.deepEqual([refused.status, errorOf(refused.text).code], [413, 'payload_too_large']);
        assert.match(errorOf(refused.text).message, /\b5242880 bytes/);
        assert.deepEqual(await stage.recordsOf(refused.headers['x-request-id']), []);
      }
    });
  }

  const bombs: Readonly<Record<string, () => Promise<Buffer> | Buffer>> = {
    // 8 MiB are compressed once and repeated, which is quicker than to compress all of it.
    gzip: () => Buffer.concat(Array<Buffer>(BOMB / (8 * MIB)).fill(gzipSync(Buffer.alloc(8 * MIB, ' ')))),
    deflate: () => {
      const block = deflateRawSync(Buffer.alloc(8 * MIB, ' '), { finishFlush: constants.Z_FULL_FLUSH });
      return Buffer.concat(Array<Buffer>(BOMB / (8 * MIB)).fill(block));
    },
    br: () =>
      buffer(spaces().pipe(createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }))),
    zstd: () => buffer(spaces().pipe(createZstdCompress())),
  };

  for (const [encoding, make] of Object.entries(bombs)) {
    test(`a gigabyte of spaces as ${encoding} is refused without the memory for it`, async () => {
      const bomb = await make();
      assert.ok(bomb.length < LIMIT, `${bomb.length} bytes: its size alone is no reason to refuse it`);
      const before = forgetPeak(proxy);
      const { status, text } = await post(proxy, bomb, { headers: { 'content-encoding': encoding } });
      assert.deepEqual([status, errorOf(text).code], [413, 'payload_too_large']);
      assert.ok(peakOf(proxy) - before < 128 * MIB, `${before} bytes before, at most ${peakOf(proxy)} since`);
    });
  }

  test('a body with a Content-Length over the limit is refused before it arrives', async () => {
    const connection = await RawConnection.open(proxy.port);
    await connection.send(`POST /api/v1/lineage HTTP/1.1\r\nHost: proxy\r\nContent-Length: ${BOMB}\r\n\r\n{`);
    const { status, body, headers } = await connection.answer();
    assert.deepEqual([status, headers.get('connection')], [413, 'close']);
    assert.deepEqual(errorOf(body).details, { size: BOMB, limit: LIMIT });
    connection.cut();
  });

  test('a body of unknown length is refused once it is too large, before its end', async () => {
    const connection = await RawConnection.open(proxy.port);
    await connection.send(
      'POST /api/v1/lineage HTTP/1.1\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    await connection.send(`${(LIMIT + MIB).toString(16)}\r\n`);
    await connection.send(Buffer.alloc(LIMIT + 1, ' '));
    assert.equal((await connection.answer()).status, 413);
    connection.cut();
  });

  test('a client that writes everything before it reads gets its 413', async () => {
    for (const size of [LIMIT + 1, 32 * MIB]) {
      const connection = await RawConnection.open(proxy.port, { paused: true });
      await connection.send(rawPost(Buffer.alloc(size, ' ')));
      connection.read();
      const { status, body } = await connection.answer();
      assert.equal(status, 413);
      assert.deepEqual(errorOf(body).details, { size, limit: LIMIT });
      assert.equal(await connection.closed, 'ended');
    }
  });

  test('a body that is refused by its head is discarded as it arrives', async () => {
    const connection = await RawConnection.open(proxy.port, { paused: true });
    await connection.send(
      'POST /api/v1/lineage HTTP/1.1\r\nHost: proxy\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    const before = forgetPeak(proxy);
    const piece = Buffer.concat([
      Buffer.from(`${MIB.toString(16)}\r\n`),
      Buffer.alloc(MIB, ' '),
      Buffer.from('\r\n'),
    ]);
    for (let i = 0; i < 60; i++) await connection.send(piece);
    connection.read();
    assert.equal((await connection.answer()).status, 415);
    assert.ok(peakOf(proxy) - before < 48 * MIB, `${before} bytes before, at most ${peakOf(proxy)} since`);
    connection.cut();
  });

  test('a body that is cut off half way is not written to Kafka', async () => {
    const whole = runEvent('cut off');
    const ends = [
      (connection: RawConnection) => connection.finish(),
      (connection: RawConnection) => connection.cut(),
    ];
    for (const end of ends) {
      const connection = await RawConnection.open(proxy.port);
      const request = rawPost(Buffer.concat([whole, whole]), ['Expect: 100-continue']);
      const body = request.length - 2 * whole.length;
      await connection.send(request.subarray(0, body));
      assert.equal((await connection.answer()).status, 100, 'the proxy waits for the body');
      await connection.send(request.subarray(body, -whole.length));
      end(connection);
      await connection.closed;
    }
    // All have the same key: records of the cut bodies would precede this one.
    const { headers } = await post(proxy, whole);
    const jobs = (await stage.records()).filter(({ key }) => key?.toString() === 'run:test/cut off');
    assert.deepEqual(
      jobs.map(({ headers }) => headers.find(([name]) => name === 'correlation_id')?.[1].toString()),
      [headers['x-request-id']],
    );
    const gone = 'http2kafka_http_requests_total{path="/api/v1/lineage",method="POST",status="499"}';
    assert.equal((await readMetrics(proxy)).get(gone), 1, 'a sender that has gone is counted as 499');
  });

  test('a body that arrives a byte at a time is taken, and others do not wait for it', async () => {
    const slow = await RawConnection.open(proxy.port);
    const request = rawPost(runEvent('slow'));
    await slow.send(request.subarray(0, -5));
    for (const byte of request.subarray(-5)) {
      created(await post(proxy, runEvent('quick')));
      assert.equal(slow.unread, '');
      await sleep(200);
      await slow.send(Buffer.of(byte));
    }
    const { status, headers } = await slow.answer();
    assert.equal(status, 201);
    assert.ok((await stage.valueOf(headers.get('x-request-id'))).equals(runEvent('slow')));
    slow.cut();
  });
});

function spaces(): Readable {
  const piece = Buffer.alloc(MIB, ' ');
  return Readable.from(Array<Buffer>(BOMB / MIB).fill(piece));
}

/** Resets the peak of a process's memory (`man proc_pid_clear_refs`). Gives the bytes that it holds now. */
function forgetPeak({ pid }: Proxy): number {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  return statusOf(pid, 'VmRSS');
}

/** The most bytes that it has held since `forgetPeak`. */
function peakOf({ pid }: Proxy): number {
  return statusOf(pid, 'VmHWM');
}

function statusOf(pid: number, field: string): number {
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(
    readFileSync(`/proc/${pid}/status`, 'utf8'),
  )?.[1];
  return Number(kibibytes ?? assert.fail(`/proc does not tell ${field}`)) * 1024;
}
