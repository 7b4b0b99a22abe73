/** Quotas of senders: what counts, and what a reload of the senders file keeps. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Proxy } from '../../../tools/proxy.ts';
import { logged } from '../../stage/log-lines.ts';
import { post, type Sending } from '../../stage/posting.ts';
import { jobEvent } from '../../stage/sample-events.ts';
import { Stage } from '../../stage/stage.ts';

const BATCH = '/api/v1/lineage/batch';

/** A burst of one event, and the next one in a thousand seconds. */
const RATE = 0.001;

/** The API key of a sender. */
const keyOf = (name: string) => name.replaceAll(/[ ,]/g, '-');

type Bad = readonly [status: number, body: Buffer | string, sending?: Sending];

const bodies: Readonly<Record<string, Bad>> = {
  'no JSON': [422, '{'],
  'no event': [422, '{}'],
  'no body': [422, ''],
  'another type': [415, '{}', { headers: { 'content-type': 'text/plain' } }],
  'an unknown encoding': [415, '{}', { headers: { 'content-encoding': 'lzma' } }],
  'a broken encoding': [422, 'no gzip', { headers: { 'content-encoding': 'gzip' } }],
  'too many bytes': [413, Buffer.alloc(6 << 20, ' ')],
  'too many bytes, decoded': [
    413,
    gzipSync(Buffer.alloc(6 << 20)),
    { headers: { 'content-encoding': 'gzip' } },
  ],
  'a batch that is no JSON': [422, '[{}', { path: BATCH }],
  'a batch that is no array': [422, '{}', { path: BATCH }],
  'a batch of none': [200, `[${' '.repeat(100_000)}]`, { path: BATCH }],
  'a batch of too many elements': [413, `[${'0,'.repeat(50_001)}0]`, { path: BATCH }],
};

void suite('the quota of a sender', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-quotas-'));
  const path = join(folder, 'senders.yaml');
  const stage = new Stage();
  let proxy: Proxy;

  const file = (rate: number) =>
    JSON.stringify({
      senders: [...Object.keys(bodies), 'reloaded'].map((name) => ({
        name,
        api_keys: [`sha256:${createHash('sha256').update(keyOf(name)).digest('hex')}`],
        events_per_second: rate,
      })),
    });

  before(async () => {
    writeFileSync(path, file(RATE));
    proxy = await stage.proxyWithoutKafka({ settings: { AUTH__SENDERS_FILE: path } });
  });
  after(async () => {
    await stage.stop();
    rmSync(folder, { recursive: true });
  });

  const statusOf = async (key: string, body: Buffer | string, sending: Sending = {}): Promise<number> => {
    const authorization = `Bearer ${keyOf(key)}`;
    return (await post(proxy, body, { ...sending, headers: { ...sending.headers, authorization } })).status;
  };

  for (const [what, [status, body, sending]] of Object.entries(bodies)) {
    test(`counts ${what}`, async () => {
      assert.equal(await statusOf(what, body, sending), status);
      assert.equal(await statusOf(what, body, sending), 429);
      assert.equal(await statusOf(what, jobEvent('good')), 429);
    });
  }

  test('is what it was after a reload, also with another rate', async () => {
    assert.equal(await statusOf('reloaded', jobEvent('first')), 201);
    assert.equal(await statusOf('reloaded', jobEvent('second')), 429);
    for (const rate of [RATE, 2 * RATE]) {
      writeFileSync(path, file(rate));
      const lines = proxy.log.split('SIGHUP: ').length;
      proxy.signal('SIGHUP');
      await logged(proxy, 'SIGHUP: ', lines);
      assert.equal(await statusOf('reloaded', jobEvent('third')), 429);
    }
  });
});
