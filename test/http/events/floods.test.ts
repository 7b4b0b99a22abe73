import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Proxy } from '../../../tools/proxy.ts';
import { logLines } from '../../stage/log-lines.ts';
import { readMetrics } from '../../stage/metric-reading.ts';
import { created, errorOf, get, post } from '../../stage/posting.ts';
import { RawConnection, rawPost } from '../../stage/raw-connection.ts';
import { padded, runEvent } from '../../stage/sample-events.ts';
import { useStage } from '../../stage/stage.ts';

const MIB = 1 << 20;
const SLOW_ONES = 1000;
const BODY_MEMORY = 2 * MIB;
const CONNECTIONS = 50;
const REFUSED = 'http2kafka_connections_refused_total';

void suite('a flood', { timeout: 240_000 }, () => {
  const stage = useStage();
  /** With short time limits. */
  let impatient: Proxy;
  /** With small limits for connections and bodies. */
  let small: Proxy;

  before(async () => {
    [impatient, small] = await Promise.all([
      stage.proxy({
        settings: {
          SERVER__HEADERS_TIMEOUT_S: '3',
          SERVER__REQUEST_TIMEOUT_S: '6',
          SERVER__KEEP_ALIVE_TIMEOUT_S: '6',
        },
      }),
      stage.proxy({
        settings: {
          SERVER__MAX_CONNECTIONS: String(CONNECTIONS),
          SERVER__MAX_BODY_MEMORY: String(BODY_MEMORY),
          PRODUCER__MAX_REQUEST_SIZE: String(BODY_MEMORY),
        },
      }),
    ]);
  });

  /** Resolves when the connection of the request for metrics is the only one. */
  async function deserted(proxy: Proxy): Promise<void> {
    while ((await readMetrics(proxy)).get('http2kafka_connections') !== 1) await sleep(50);
  }

  test('of slow senders delays no other sender, and each gets a 408', async () => {
    await post(impatient, runEvent('good'));
    const before = memoryOf(impatient);
    const head = rawPost(runEvent('slow')).toString('latin1');
    const slow = await Promise.all(
      Array.from({ length: SLOW_ONES }, (_, i) =>
        // Half of them never end their headers, half never end their body.
        SlowSender.open(impatient.port, i % 2 === 0 ? head.slice(0, 40) : head.slice(0, -200)),
      ),
    );
    assert.ok(Number((await readMetrics(impatient)).get('http2kafka_connections')) > SLOW_ONES);
    const dribble = setInterval(() => slow.forEach((sender) => sender.dribble()), 500);
    const closed = Promise.all(slow.map((sender) => sender.closed)).then(() => true);
    let taken = 0;
    while (!(await Promise.race([closed, sleep(20, false)]))) {
      const { status } = await post(impatient, runEvent('good'));
      assert.equal(status, 201);
      taken += 1;
    }
    clearInterval(dribble);
    assert.ok(taken > 10, `${taken} good events were taken during the flood`);
    const answers = slow.map(({ received }) => received.split('\r\n')[0]);
    assert.deepEqual(new Set(answers), new Set(['HTTP/1.1 408 Request Timeout']));
    await deserted(impatient);
    const grown = memoryOf(impatient) - before;
    assert.ok(grown < 128 * MIB, `${grown} bytes more than before`);
  });

  test('of headers is refused: many, long, and without end', async () => {
    const line = (i: number) => `X-${i}: a`;
    const many = await RawConnection.open(small.port);
    await many.send(
      rawPost(
        runEvent('many'),
        Array.from({ length: 101 }, (_, i) => line(i)),
      ),
    );
    const refused = await many.answer();
    assert.deepEqual([refused.status, errorOf(refused.body).code], [431, 'headers_too_large']);
    assert.equal(await many.closed, 'ended');
    const enough = Array.from({ length: 98 }, (_, i): [string, string] => [`x-${i}`, 'a']);
    const { status } = await get(small, '/monitoring/ping', { headers: Object.fromEntries(enough) });
    assert.equal(status, 200);

    for (const piece of ['X: a\r\n', `X: ${'a'.repeat(1000)}\r\n`, 'aaaaaaaaaa']) {
      const endless = connect(small.port, '127.0.0.1');
      let received = '';
      endless.setEncoding('latin1').on('data', (text: string) => (received += text));
      endless.on('error', () => undefined);
      endless.write('POST /api/v1/lineage HTTP/1.1\r\nHost: proxy\r\n');
      const closed = once(endless, 'close').then(() => true);
      const pieces = piece.repeat(50);
      while (!(await Promise.race([closed, sleep(1, false)]))) if (endless.writable) endless.write(pieces);
      assert.match(received, /^HTTP\/1\.1 431 /);
    }
    await deserted(small);
  });

  test('of trailers behind a body is refused', async () => {
    const connection = await RawConnection.open(small.port);
    const body = runEvent('trailers');
    await connection.send(
      'POST /api/v1/lineage HTTP/1.1\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    await connection.send(`${body.length.toString(16)}\r\n${body.toString('latin1')}\r\n0\r\n`);
    await connection.send('X: a\r\n'.repeat(10_000)).catch(() => undefined);
    assert.equal((await connection.answer()).status, 431);
    connection.cut();
  });

  test('of connections ends at the limit, with one line in the log', async () => {
    await deserted(small);
    const before = (await readMetrics(small)).get(REFUSED) ?? 0;
    await deserted(small);
    const open = Array.from({ length: CONNECTIONS + 20 }, () => connect(small.port, '127.0.0.1'));
    let closed = 0;
    for (const socket of open)
      socket
        .on('close', () => (closed += 1))
        .on('error', () => undefined)
        .resume();
    while (closed < 19) await sleep(10);
    for (const socket of open) socket.destroy();
    await post(small, runEvent('afterwards')).catch(() => undefined);
    await sleep(100);
    created(await post(small, runEvent('afterwards')));
    await deserted(small);
    const refused = Number((await readMetrics(small)).get(REFUSED)) - before;
    assert.ok(refused >= 19, `${refused} connections were refused`);
    const lines = (await logLines(small)).filter((line) => line.includes('connections are closed'));
    assert.equal(lines.length, 1);
    assert.match(lines.join(), /there are 50, as many as server\.max_connections allows/);
  });

  test('of unfinished bodies leaves room for events, and its memory is released with its connections', async () => {
    const large = rawPost(padded(runEvent('large'), BODY_MEMORY));
    const unfinished = await Promise.all(Array.from({ length: 5 }, () => RawConnection.open(small.port)));
    await Promise.all(unfinished.map((connection) => connection.send(large.subarray(0, BODY_MEMORY / 2))));
    const [first] = await Promise.race(
      unfinished.map(async (connection) => [await connection.answer(), connection] as const),
    );
    assert.deepEqual([first.status, first.headers.get('retry-after')], [503, '1']);
    assert.equal(errorOf(first.body).message, 'Too much is being received at once');
    created(await post(small, runEvent('one piece')));
    for (const connection of unfinished) connection.cut();
    await deserted(small);
    // All of the memory is free again, three times.
    for (let i = 0; i < 3; i++) {
      created(await post(small, padded(runEvent('large'), BODY_MEMORY)));
      assert.equal(
        (await post(small, padded(runEvent('large'), BODY_MEMORY), { chunked: true })).status,
        201,
      );
    }
  });

  test('of chunks of a byte each takes the memory of their bytes', async () => {
    const before = memoryOf(small);
    const body = padded(runEvent('bytes'), 1_000_000);
    const connection = await RawConnection.open(small.port);
    await connection.send(
      'POST /api/v1/lineage HTTP/1.1\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    const chunks = Buffer.alloc(6 * body.length);
    for (const [i, byte] of body.entries())
      chunks.write(`1\r\n${String.fromCharCode(byte)}\r\n`, 6 * i, 'latin1');
    await connection.send(chunks);
    await connection.send('0\r\n\r\n');
    const { status, headers } = await connection.answer();
    assert.equal(status, 201);
    assert.ok((await stage.valueOf(headers.get('x-request-id'))).equals(body));
    const grown = memoryOf(small) - before;
    assert.ok(grown < 96 * MIB, `${grown} bytes more than before`);
    connection.cut();
  });

  test('of chunks of a byte each on many connections takes the memory of their bytes', async () => {
    const head = 'POST /api/v1/lineage HTTP/1.1\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\n\r\n';
    const before = memoryOf(small);
    const open = await Promise.all(Array.from({ length: 30 }, () => RawConnection.open(small.port)));
    for (const connection of open) await connection.send(head + '1\r\na\r\n'.repeat(60_000));
    created(await post(small, runEvent('one piece')));
    const grown = memoryOf(small) - before;
    assert.ok(grown < 96 * MIB, `${grown} bytes more than before`);
    for (const connection of open) connection.cut();
    await deserted(small);
  });

  test('of pages that no client reads takes few files and little memory, and ends', async () => {
    await deserted(impatient);
    const before = memoryOf(impatient);
    const files = filesOf(impatient);
    const pages = ['/docs/static/swagger-ui-bundle.js', '/monitoring/metrics'].map(
      (path) => `GET ${path} HTTP/1.1\r\nHost: proxy\r\n\r\n`,
    );
    const open = await Promise.all(
      Array.from({ length: 100 }, () => RawConnection.open(impatient.port, { paused: true })),
    );
    await Promise.all(
      open.map((connection, i) => connection.send((pages[i % 2] ?? '').repeat(50)).catch(() => undefined)),
    );
    await sleep(1000);
    const taken = filesOf(impatient) - files - open.length;
    assert.ok(taken < 50, `${taken} files are open for pages`);
    created(await post(impatient, runEvent('good')));
    for (const page of ['/monitoring/ping', '/monitoring/ready']) {
      assert.equal((await get(impatient, page)).status, 200);
    }
    // With these settings the proxy closes a connection after eight seconds without progress.
    while (filesOf(impatient) > files + 10) await sleep(100);
    const grown = memoryOf(impatient) - before;
    assert.ok(grown < 128 * MIB, `${grown} bytes more than before`);
    for (const connection of open) connection.cut();
    assert.equal((await get(impatient, '/docs/static/swagger-ui-bundle.js')).status, 200);
  });

  test('of garbage does not write one log line for each request', async () => {
    const before = (await logLines(impatient)).length;
    for (let i = 0; i < 200; i++) {
      const connection = await RawConnection.open(impatient.port);
      await connection.send('nonsense\r\n\r\n');
      assert.equal((await connection.answer()).status, 400);
      connection.cut();
    }
    const lines = (await logLines(impatient)).length - before;
    assert.ok(lines > 0 && lines < 150, `${lines} lines`);
  });

  test('of connections that takes all file descriptors does not end the proxy', async () => {
    await deserted(impatient);
    const limit = filesOf(impatient) + 20;
    execFileSync('prlimit', ['--pid', String(impatient.pid), `--nofile=${limit}:${limit}`]);
    const open = Array.from({ length: 200 }, () => connect(impatient.port, '127.0.0.1'));
    let closed = 0;
    for (const socket of open)
      socket
        .on('close', () => (closed += 1))
        .on('error', () => undefined)
        .resume();
    while (closed < 150) await sleep(10);
    for (const socket of open) socket.destroy();
    while ((await post(impatient, runEvent('afterwards')).catch(() => undefined))?.status !== 201)
      await sleep(50);
    assert.ok(impatient.running);
  });
});

/** A sender that writes a little at a time, and reads the answer. */
class SlowSender {
  received = '';
  readonly closed: Promise<unknown>;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1').on('data', (text: string) => (this.received += text));
    socket.on('error', () => undefined);
    this.closed = once(socket, 'close');
  }

  static async open(port: number, beginning: string): Promise<SlowSender> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(beginning);
    return new SlowSender(socket);
  }

  dribble(): void {
    if (this.#socket.writable) this.#socket.write('a');
  }
}

/** The number of open files of a process, sockets included. */
function filesOf({ pid }: Proxy): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Bytes of memory that a process holds. */
function memoryOf({ pid }: Proxy): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kibibytes ?? assert.fail('/proc tells no VmRSS')) * 1024;
}
