import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, suite, test } from 'node:test';
import {
  brotliCompressSync,
  constants,
  createZstdCompress,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import { buffer } from 'node:stream/consumers';
import type { Proxy } from '../../../tools/proxy.ts';
import { logLines } from '../../stage/log-lines.ts';
import { created, deadLettered, errorOf, post, type Sending } from '../../stage/posting.ts';
import { runEvent } from '../../stage/sample-events.ts';
import { useStage } from '../../stage/stage.ts';

const EXAMPLE = runEvent('encoded', {
  producer: 'https://example.org/ünï/\u{1f600}',
  'unused "field"': [1.5, 1e400],
});
/** White space, the order of fields, escapes and duplicate fields stay as the sender wrote them. */
const ODD = Buffer.from(
  EXAMPLE.toString().replace(
    '{',
    ' {\r\n\t"job" : null, "zero": 0.0, "big": 12345678901234567890, "e": "\\u00e9\\/",',
  ),
);

/** Large even when compressed. Such bodies are decoded on another thread. */
const DENSE = runEvent('dense', { filler: randomBytes(60_000).toString('base64') });

/** Each encoding of a body. */
const CODINGS: Readonly<Record<string, { encoding?: string; encode: (body: Buffer) => Buffer }>> = {
  'plain, without the header': { encode: (body) => body },
  identity: { encoding: 'identity', encode: (body) => body },
  gzip: { encoding: 'gzip', encode: (body) => gzipSync(body) },
  'x-gzip': { encoding: 'x-gzip', encode: (body) => gzipSync(body) },
  'gzip in capitals': { encoding: 'GZIP', encode: (body) => gzipSync(body) },
  'gzip of several members': {
    encoding: 'gzip',
    encode: (body) =>
      Buffer.concat([gzipSync(body.subarray(0, 9)), gzipSync(Buffer.alloc(0)), gzipSync(body.subarray(9))]),
  },
  'deflate as zlib': { encoding: 'deflate', encode: (body) => deflateSync(body) },
  'deflate as zlib, stored': { encoding: 'deflate', encode: (body) => deflateSync(body, { level: 0 }) },
  'bare deflate': { encoding: 'deflate', encode: (body) => deflateRawSync(body) },
  'bare deflate, stored': { encoding: 'deflate', encode: (body) => deflateRawSync(body, { level: 0 }) },
  br: { encoding: 'br', encode: (body) => brotliCompressSync(body) },
  zstd: { encoding: 'zstd', encode: (body) => zstdCompressSync(body) },
  'zstd of several frames': {
    encoding: 'zstd',
    encode: (body) =>
      Buffer.concat([zstdCompressSync(body.subarray(0, 9)), zstdCompressSync(body.subarray(9))]),
  },
};

void suite('the body of an event', { timeout: 120_000 }, () => {
  const stage = useStage();
  let proxy: Proxy;

  before(async () => {
    proxy = await stage.proxy();
  });

  /** The value of the record that a body becomes. */
  async function valueOf(body: Buffer, sending: Sending): Promise<string> {
    const answer = await post(proxy, body, sending);
    created(answer);
    const { headers } = answer;
    assert.equal(headers['content-length'], '0');
    return (await stage.valueOf(headers['x-request-id'])).toString();
  }

  for (const [name, { encoding, encode }] of Object.entries(CODINGS)) {
    test(`may be ${name}, with a length and chunked, and is decoded in Kafka`, async () => {
      const headers = encoding === undefined ? {} : { 'content-encoding': encoding };
      const large = runEvent('encoded', { filler: 'ä'.repeat(60_000) });
      for (const body of [EXAMPLE, ODD, large, DENSE]) {
        for (const chunked of [false, true]) {
          assert.equal(await valueOf(encode(body), { headers, chunked }), body.toString());
        }
      }
    });
  }

  test('that is gzip without its header is refused with a message that names the header', async () => {
    const batch = '/api/v1/lineage/batch';
    for (const sending of [{}, { headers: { 'content-encoding': 'identity' } }, { path: batch }]) {
      for (const event of [EXAMPLE, DENSE]) {
        const { status, text } = await post(proxy, gzipSync(event), sending);
        const { code, message, details } = errorOf(text);
        assert.deepEqual([status, code], [422, 'invalid_request']);
        assert.match(message, /compressed with gzip.*Content-Encoding: gzip/);
        assert.deepEqual(details, [
          { location: ['body'], message, code: 'encoding_missing', context: {}, input: null },
        ]);
      }
    }
    const twice = await post(proxy, gzipSync(gzipSync(EXAMPLE)), { headers: { 'content-encoding': 'gzip' } });
    assert.match(errorOf(twice.text).message, /compressed once/);
    const reasons = (await logLines(proxy)).filter((line) => line.includes('compressed with gzip'));
    assert.ok(reasons.length > 0, 'the log names the same reason as the answer');
    const keeping = await stage.proxy({ settings: { CHECK__INVALID: 'dead-letter' } });
    deadLettered(await post(keeping, gzipSync(EXAMPLE)));
  });

  test('is refused when it does not match its encoding', async () => {
    const codings = ['gzip', 'deflate as zlib', 'bare deflate', 'br', 'zstd'];
    for (const [name, event] of codings.flatMap((coding) => [
      [coding, EXAMPLE] as const,
      [coding, DENSE] as const,
    ])) {
      const { encoding = '', encode } = CODINGS[name] ?? assert.fail();
      const whole = encode(event);
      const broken = {
        'no such thing': event,
        empty: Buffer.alloc(0),
        'the first byte': whole.subarray(0, 1),
        half: whole.subarray(0, whole.length >> 1),
        'all but the last bytes': whole.subarray(0, -5),
      };
      for (const [how, body] of Object.entries(broken)) {
        const { status, text, headers } = await post(proxy, body, {
          headers: { 'content-encoding': encoding },
        });
        assert.equal(status, 422, `${name}: ${how}`);
        const { code, details } = errorOf(text);
        assert.equal(code, 'invalid_request');
        assert.ok(Array.isArray(details) && details.length === 1);
        assert.match(JSON.stringify(details), /"location":\["body"\].*"code":"encoding_invalid"/);
        assert.deepEqual(await stage.recordsOf(headers['x-request-id']), []);
      }
    }
  });

  test('is refused when its checksum is wrong, or bytes follow its end', async () => {
    const whole = gzipSync(EXAMPLE);
    const flipped = Buffer.from(whole);
    flipped.writeUInt8(flipped.readUInt8(flipped.length - 8) ^ 1, flipped.length - 8);
    for (const body of [flipped, Buffer.concat([whole, Buffer.from('more')])]) {
      const { status, text } = await post(proxy, body, { headers: { 'content-encoding': 'gzip' } });
      assert.deepEqual([status, errorOf(text).code], [422, 'invalid_request']);
    }
  });

  test('may ask for a zstd window of 8 MiB, and not for a larger one', async () => {
    const encode = async (windowLog: number): Promise<Buffer> => {
      const params = { [constants.ZSTD_c_windowLog]: windowLog };
      const stream = createZstdCompress({ params });
      // Flushed before its end, so that the encoder cannot choose a smaller window.
      stream.write(EXAMPLE);
      stream.flush(() => stream.end());
      return buffer(stream);
    };
    const headers = { 'content-encoding': 'zstd' };
    assert.equal(await valueOf(await encode(23), { headers }), EXAMPLE.toString());
    for (const windowLog of [24, 27]) {
      assert.equal((await post(proxy, await encode(windowLog), { headers })).status, 422);
    }
  });

  test('is taken under every JSON type, and under none', async () => {
    const types = [
      'application/json',
      'application/json; charset=UTF-8',
      'Application/JSON;charset=utf-8',
      'text/json',
      'application/vnd.openlineage+json',
      'application/ld+json; profile="a b"',
    ];
    for (const type of [undefined, ...types]) {
      const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
      assert.equal(await valueOf(EXAMPLE, { headers }), EXAMPLE.toString(), String(type));
    }
  });

  test('is refused under any other type', async () => {
    const types = [
      'text/plain',
      'application/x-ndjson',
      'application/xml',
      'application/jsonp',
      'application/x-www-form-urlencoded',
      'json',
      'multipart/form-data; boundary="application/json"',
      '*/*',
    ];
    for (const type of types) {
      const { status, text } = await post(proxy, EXAMPLE, { headers: { 'content-type': type } });
      assert.deepEqual([status, errorOf(text).code], [415, 'unsupported_media_type'], type);
    }
  });
});
