/** Answers that no client reads, from a real proxy: pipelined on many connections, over HTTP and over TLS. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { gzipSync } from 'node:zlib';
import type { Proxy } from '../../../tools/proxy.ts';
import { writeCertificate } from '../../stage/certificate.ts';
import { samplesOf } from '../../stage/metric-reading.ts';
import { rawPost } from '../../stage/raw-connection.ts';
import { runEvent } from '../../stage/sample-events.ts';
import { Stage } from '../../stage/stage.ts';

const MIB = 1 << 20;
const ANSWER_MEMORY = 8 * MIB;
const CONNECTIONS = 60;
/** Rounds of such events over as many connections, whose answers are read: bodies take their memory in them. */
const WARM_UP = 6;

const GZIP = ['Content-Encoding: gzip'];
const get = (path: string) => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: proxy\r\n\r\n`);

/** Its hundred errors have long values: the answer has the most bytes that it may have. */
const faulty = gzipSync(
  JSON.stringify({
    inputs: Array.from({ length: 100 }, (_, n) => Array<string>(20).fill(`\u0001${'x'.repeat(199)}${n}`)),
  }),
);
const zeros = gzipSync(`[${Array(50_000).fill('0').join()}]`);

/** Each is sent so often over each connection. */
const floods: Readonly<Record<string, readonly [request: Buffer, times: number]>> = {
  'events with very many errors': [rawPost(faulty, GZIP), 20],
  'batches with 50,000 failures': [rawPost(zeros, GZIP, '/api/v1/lineage/batch'), 2],
  'the API page': [get('/docs/static/swagger-ui-bundle.js'), 90],
  'the API document': [get('/openapi.json'), 90],
  'the metrics': [get('/monitoring/metrics'), 90],
  'wrong paths': [get(`/${'x'.repeat(7000)}`), 90],
};

void suite('answers that no client reads', { timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-unread-'));
  const stage = new Stage();
  let proxies: Readonly<Record<string, Proxy>>;

  before(async () => {
    const settings = {
      SERVER__MAX_ANSWER_MEMORY: String(ANSWER_MEMORY),
      SERVER__MAX_BODY_MEMORY: String(32 * MIB),
    };
    // As the launcher sets them in a container of 512 MB.
    const nodeFlags = ['--max-semi-space-size=8', '--initial-old-space-size=64'];
    const { cert, key } = await writeCertificate(folder);
    const [plain, tls] = await Promise.all([
      stage.proxyWithoutKafka({ settings, nodeFlags }),
      stage.proxyWithoutKafka({ settings, nodeFlags, args: ['--ssl-certfile', cert, '--ssl-keyfile', key] }),
    ]);
    proxies = { HTTP: plain, TLS: tls };
  });
  after(async () => {
    await stage.stop();
    rmSync(folder, { recursive: true });
  });

  for (const over of ['HTTP', 'TLS']) {
    const open = async (): Promise<Socket> => {
      const at = { port: proxies[over]?.port ?? 0, host: '127.0.0.1' };
      const socket = over === 'TLS' ? connectTls({ ...at, rejectUnauthorized: false }) : connect(at);
      socket.on('error', () => undefined);
      await once(socket, over === 'TLS' ? 'secureConnect' : 'connect');
      return socket;
    };
    /** The whole answer to a request on a connection of its own. */
    const ask = async (request: Buffer): Promise<string> => {
      const socket = await open();
      socket.setEncoding('latin1').write(request);
      let answer = '';
      for await (const text of socket) {
        answer += String(text);
        const [head = '', body] = answer.split('\r\n\r\n');
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
        if (body !== undefined && body.length >= length) break;
      }
      return answer;
    };

    // What memory grows by afterwards is that of unread answers, and not V8's heap, which reaches its size at work.
    before(async () => {
      for (let i = 0; i < WARM_UP; i++)
        await Promise.all(Array.from({ length: CONNECTIONS }, () => ask(rawPost(faulty, GZIP))));
    });

    for (const [what, [request, times]] of Object.entries(floods)) {
      test(`take little memory, over ${over}: ${what}`, async () => {
        const proxy = proxies[over];
        assert.ok(proxy);
        const before = memoryOf(proxy);
        const flood = await Promise.all(Array.from({ length: CONNECTIONS }, open));
        for (const socket of flood) socket.pause().write(Buffer.concat(Array<Buffer>(times).fill(request)));
        for (let i = 0; i < 8; i++) {
          await sleep(250);
          assert.match(await ask(rawPost(runEvent('good'))), /^HTTP\/1.1 201 /);
          const metrics = samplesOf((await ask(get('/monitoring/metrics'))).split('\r\n\r\n')[1] ?? '');
          const taken = metrics.get('http2kafka_answer_memory_bytes');
          // The page of the metrics may have its 32 readers.
          if (taken !== undefined) assert.ok(taken <= ANSWER_MEMORY, `${taken} bytes of answers`);
          const grown: number = memoryOf(proxy) - before;
          assert.ok(grown < 192 * MIB, `${grown} bytes more than before`);
        }
        for (const socket of flood) socket.destroy();
      });
    }
  }
});

function memoryOf({ pid }: Proxy): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kibibytes ?? assert.fail('/proc tells no VmRSS')) * 1024;
}
