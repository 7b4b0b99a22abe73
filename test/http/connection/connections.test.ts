import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Proxy } from '../../../tools/proxy.ts';
import { created, errorOf, get, post, spooled } from '../../stage/posting.ts';
import { RawConnection, rawPost } from '../../stage/raw-connection.ts';
import { runEvent } from '../../stage/sample-events.ts';
import { headerOf, useStage } from '../../stage/stage.ts';

const ASKING = 'Expect: 100-continue';
/** The proxy reads at most so many bytes of a refused body, to keep the connection. */
const SHORT = 1 << 20;

void suite('a connection', { timeout: 120_000 }, () => {
  const stage = useStage();
  let proxy: Proxy;

  before(async () => {
    proxy = await stage.proxy();
  });

  /** The request ids of the records with this key, in their order. */
  async function idsOf(job: string): Promise<(string | undefined)[]> {
    const records = (await stage.records()).filter(({ key }) => key?.toString() === `run:test/${job}`);
    return records.map((record) => headerOf(record, 'correlation_id'));
  }

  test('is kept and used again for the next request', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let opened = 0;
    const createConnection = agent.createConnection.bind(agent);
    agent.createConnection = (...args) => {
      opened += 1;
      return createConnection(...args);
    };
    const sent = [runEvent('kept'), Buffer.from('{}'), Buffer.from('[]'), runEvent('kept')];
    for (const body of sent) {
      const { headers } = await post(proxy, body, { agent });
      assert.deepEqual([headers.connection, headers['keep-alive']], ['keep-alive', 'timeout=75']);
    }
    assert.equal((await get(proxy, '/nothing', { agent })).status, 404);
    assert.equal((await get(proxy, '/monitoring/ping', { agent })).status, 200);
    assert.equal(opened, 1);
    agent.destroy();
  });

  test('is kept for as long as the setting says', async () => {
    const hasty = await stage.proxy({ args: ['--timeout-keep-alive', '1'] });
    const connection = await RawConnection.open(hasty.port);
    await connection.send(rawPost(runEvent('hasty')));
    assert.equal((await connection.answer()).headers.get('keep-alive'), 'timeout=1');
    assert.equal(await connection.closed, 'ended');
  });

  test('is closed after its answer when the client asks for it', async () => {
    const connection = await RawConnection.open(proxy.port);
    await connection.send(rawPost(runEvent('closing'), ['Connection: close']));
    const { status, headers } = await connection.answer();
    assert.deepEqual([status, headers.get('connection')], [201, 'close']);
    assert.equal(await connection.closed, 'ended');
  });

  test('answers pipelined requests in their order', async () => {
    const connection = await RawConnection.open(proxy.port);
    const requests = [runEvent('at once'), 'no JSON', runEvent('at once'), runEvent('at once'), ''];
    await connection.send(
      Buffer.concat(requests.map((body, index) => rawPost(body, [`X-Request-ID: at-once-${index}`]))),
    );
    for (const [index, body] of requests.entries()) {
      const { status, headers } = await connection.answer();
      assert.equal(status, Buffer.isBuffer(body) ? 201 : 422);
      assert.equal(headers.get('x-request-id'), `at-once-${index}`);
    }
    assert.deepEqual(await idsOf('at once'), ['at-once-0', 'at-once-2', 'at-once-3']);
    connection.cut();
  });

  test('that its client has closed for writing gets its answers, and is then closed', async () => {
    const requests = [rawPost(runEvent('half closed')), rawPost('no JSON'), rawPost(runEvent('half closed'))];
    const connection = await RawConnection.open(proxy.port);
    await connection.send(Buffer.concat(requests));
    connection.finish();
    created(await connection.answer());
    assert.equal((await connection.answer()).status, 422);
    created(await connection.answer());
    assert.equal(await connection.closed, 'ended');
    const page = await RawConnection.open(proxy.port);
    await page.send('GET /monitoring/ready HTTP/1.1\r\nHost: proxy\r\n\r\n');
    page.finish();
    assert.equal((await page.answer()).status, 200);
    assert.equal(await page.closed, 'ended');
  });

  test('that its client has closed for writing gets the answer to an event that waits for the disk', async () => {
    // Kafka is not known to be unavailable yet, so the event waits for `spool.after`.
    const settings = { SPOOL__AFTER: '1s', KAFKA__REQUEST_TIMEOUT_MS: '600000' };
    const patient = await stage.proxy({ settings });
    created(await post(patient, runEvent('first')));
    stage.broker.freeze();
    try {
      const connection = await RawConnection.open(patient.port);
      await connection.send(rawPost(runEvent('half closed in an outage')));
      connection.finish();
      spooled(await connection.answer());
      assert.equal(await connection.closed, 'ended');
    } finally {
      stage.broker.thaw();
    }
  });

  test('without a request is closed when its client closes it for writing', async () => {
    const connection = await RawConnection.open(proxy.port);
    connection.finish();
    assert.equal(await connection.closed, 'ended');
    const used = await RawConnection.open(proxy.port);
    await used.send(rawPost(runEvent('used')));
    created(await used.answer());
    used.finish();
    assert.equal(await used.closed, 'ended');
  });

  test('answers complete requests before it refuses the garbage after them', async () => {
    const connection = await RawConnection.open(proxy.port);
    const event = runEvent('before garbage');
    await connection.send(Buffer.concat([rawPost(event), rawPost(event), Buffer.from('more\r\n\r\n')]));
    assert.deepEqual(
      [await connection.answer(), await connection.answer(), await connection.answer()].map(
        ({ status }) => status,
      ),
      [201, 201, 400],
    );
    assert.equal(await connection.closed, 'ended');
    assert.equal(connection.unread, '');
    assert.equal((await idsOf('before garbage')).length, 2);
  });

  test('with HTTP/1.0 is closed, or kept when the client asks for it', async () => {
    const body = runEvent('old');
    const head = `POST /api/v1/lineage HTTP/1.0\r\nContent-Length: ${body.length}\r\n`;
    const closing = await RawConnection.open(proxy.port);
    await closing.send(`${head}${ASKING}\r\n\r\n${body.toString()}`);
    const { status, headers } = await closing.answer();
    assert.deepEqual(
      [status, headers.get('connection')],
      [201, 'close'],
      'and HTTP/1.0 knows no "100 Continue"',
    );
    assert.equal(await closing.closed, 'ended');
    const kept = await RawConnection.open(proxy.port);
    for (let i = 0; i < 2; i++) {
      await kept.send(`${head}Connection: keep-alive\r\n\r\n${body.toString()}`);
      created(await kept.answer());
    }
    kept.cut();
  });

  test('does not read two requests where another server may read one', async () => {
    const inner = rawPost(runEvent('smuggled'), ['X-Request-ID: smuggled']);
    const asBody = `${inner.length.toString(16)}\r\n${inner.toString()}\r\n0\r\n\r\n`;
    const ambiguous = {
      'a length and chunks, the chunks ending first': `Content-Length: ${5 + inner.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner.toString()}`,
      'chunks and a length, the length ending first': `Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${asBody}`,
      'two lengths': `Content-Length: 0\r\nContent-Length: ${inner.length}\r\n\r\n${inner.toString()}`,
      'two equal lengths': `Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}${inner.toString()}`,
      'a list of lengths': `Content-Length: 0, ${inner.length}\r\n\r\n${inner.toString()}`,
      'a length with a sign': `Content-Length: +0\r\n\r\n${inner.toString()}`,
      'white space before the colon': `Content-Length : 0\r\n\r\n${inner.toString()}`,
      'a chunk that is not one': `Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n${inner.toString()}`,
      'a coding after the chunks': `Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${inner.toString()}`,
    };
    for (const [name, rest] of Object.entries(ambiguous)) {
      const connection = await RawConnection.open(proxy.port);
      await connection.send(`POST /api/v1/lineage HTTP/1.1\r\nHost: proxy\r\n${rest}`);
      const { status, body } = await connection.answer();
      assert.deepEqual([status, errorOf(body).code], [400, 'bad_request'], name);
      assert.equal(await connection.closed, 'ended', name);
      assert.equal(connection.unread, '', name);
    }
    created(await post(proxy, runEvent('smuggled')));
    assert.equal((await idsOf('smuggled')).includes('smuggled'), false);
  });

  test('with Expect: 100-continue is told to continue', async () => {
    const connection = await RawConnection.open(proxy.port);
    const request = rawPost(runEvent('asking'), [ASKING]);
    const body = request.indexOf('\r\n\r\n') + 4;
    await connection.send(request.subarray(0, body));
    assert.equal((await connection.answer()).status, 100);
    await connection.send(request.subarray(body));
    created(await connection.answer());
    connection.cut();
  });

  test('with Expect: 100-continue is refused by its head alone', async () => {
    const heads: readonly (readonly [status: number, ...lines: string[]])[] = [
      [413, 'POST /api/v1/lineage HTTP/1.1', 'Content-Length: 6000000'],
      [413, 'POST /api/v1/lineage/batch HTTP/1.1', 'Content-Length: 6000000'],
      [415, 'POST /v1/openlineage HTTP/1.1', 'Content-Length: 100', 'Content-Type: text/plain'],
      [415, 'POST / HTTP/1.1', 'Content-Length: 100', 'Content-Encoding: rar'],
      [404, 'POST /nothing HTTP/1.1', 'Content-Length: 100', 'Content-Type: application/json'],
      [405, 'PUT /api/v1/lineage HTTP/1.1', 'Content-Length: 100'],
    ];
    for (const [expected, ...lines] of heads) {
      const connection = await RawConnection.open(proxy.port);
      await connection.send(`${[...lines, ASKING, 'Host: proxy'].join('\r\n')}\r\n\r\n`);
      const { status, headers } = await connection.answer();
      assert.deepEqual([status, headers.get('connection')], [expected, 'close'], lines.join());
      connection.cut();
    }
  });

  test('is kept after a refused short body, no matter when the body arrives', async () => {
    const connection = await RawConnection.open(proxy.port);
    const refused = rawPost(Buffer.alloc(SHORT, ' '), ['Content-Type: text/plain']);
    const body = refused.indexOf('\r\n\r\n') + 4;
    for (const part of [body, body + 10, refused.length]) {
      await connection.send(refused.subarray(0, part));
      const { status, headers } = await connection.answer();
      assert.deepEqual([status, headers.get('connection')], [415, 'keep-alive']);
      await connection.send(refused.subarray(part));
    }
    await connection.send(rawPost(runEvent('after refusals')));
    created(await connection.answer());
    connection.cut();
  });

  test('is closed after a refused long body, or one of unknown length', async () => {
    const kinds = [`Content-Length: ${SHORT + 1}`, 'Transfer-Encoding: chunked'];
    for (const kind of kinds) {
      const connection = await RawConnection.open(proxy.port);
      await connection.send(
        `POST /api/v1/lineage HTTP/1.1\r\nHost: proxy\r\nContent-Type: text/plain\r\n${kind}\r\n\r\n`,
      );
      const { status, headers } = await connection.answer();
      assert.deepEqual([status, headers.get('connection')], [415, 'close'], kind);
      connection.cut();
    }
  });

  test('is closed above a limit of requests that wait for answers', async () => {
    const connection = await RawConnection.open(proxy.port);
    await connection.send(
      Buffer.concat(Array.from({ length: 110 }, (_, i) => rawPost(runEvent(`pipelined ${i}`)))),
    );
    const statuses: number[] = [];
    for (let last: string | undefined; last !== 'close';) {
      const { status, headers } = await connection.answer();
      statuses.push(status);
      last = headers.get('connection');
    }
    assert.deepEqual(statuses, [...Array.from({ length: 100 }, () => 201), 503]);
    assert.equal(await connection.closed, 'ended');
  });

  test('is served despite an unknown Expect or Upgrade', async () => {
    for (const head of ['Expect: the-unexpected', 'Connection: Upgrade\r\nUpgrade: h2c']) {
      const connection = await RawConnection.open(proxy.port);
      await connection.send(rawPost(runEvent('hopeful'), [head]));
      const { status, headers } = await connection.answer();
      assert.equal(status, 201);
      assert.ok(headers.has('x-request-id'));
      connection.cut();
    }
  });

  test('that is silent delays no other, and can still be used', async () => {
    const silent = await Promise.all(Array.from({ length: 50 }, () => RawConnection.open(proxy.port)));
    created(await post(proxy, runEvent('heard')));
    await sleep(200);
    const [first] = silent;
    await first?.send(rawPost(runEvent('heard')));
    assert.equal((await first?.answer())?.status, 201);
    for (const connection of silent) connection.cut();
  });
});
