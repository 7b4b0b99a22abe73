/**
 * `make walk`: prints the source files that run for an event, for an event in an outage, and for a batch with a bad element. A reader
 * has to open these files to follow such a request.
 *
 * V8 counts the calls of each function between two moments (precise coverage). The program runs in this process, from its sources.
 * Timers wait during the count, so that it contains the work of the request only.
 */
import { request } from 'node:http';
import { Session, type Profiler } from 'node:inspector/promises';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startBroker } from './kafka/broker.ts';
import { temporaryFolder } from './kafka/folders.ts';
import { freePorts } from './kafka/ports.ts';

const sources = join(import.meta.dirname, '..', 'src');

/** Milliseconds after which a request is answered and all its work is done. */
const SETTLED_MS = 300;

const event = JSON.stringify({
  eventType: 'COMPLETE',
  eventTime: '2026-01-02T03:04:05Z',
  producer: 'https://example.org/walk',
  schemaURL: 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent',
  run: { runId: '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c' },
  job: { namespace: 'walk', name: 'job' },
});

/** While it is true, due timers wait. */
let isHeld = false;
const waiting: (() => void)[] = [];

holdTimers();
const broker = await startBroker();
const [port = 0] = await freePorts(1);
Object.assign(process.env, {
  HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: broker.bootstrapServers,
  HTTP2KAFKA__SPOOL__PATH: temporaryFolder('http2kafka-walk-'),
  HTTP2KAFKA__LOGGING__ENABLED: 'false',
});
const { run } = await import('../src/cli.ts');
const running = run(['serve', '--port', String(port)]);
const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });

await until(async () => (await ready()).includes('"kafka":"ok"'));
show('one event', await walk('/api/v1/lineage', event));
show('a batch with a bad element', await walk('/api/v1/lineage/batch', `[${event},{"job":1}]`));
await broker.kill();
await until(async () => !(await ready()).includes('"kafka":"ok"'));
show('one event in an outage', await walk('/api/v1/lineage', event));

process.kill(process.pid, 'SIGINT');
await running;
await broker.stop({ limitMs: 0 });

/** The files that run for the second of two equal requests. The first one opens connections and files, which stay open. */
async function walk(path: string, body: string): Promise<readonly string[]> {
  await post(path, body);
  await sleep(SETTLED_MS);
  isHeld = true;
  await session.post('Profiler.takePreciseCoverage');
  const status = await post(path, body);
  // Not `sleep`: its timer would wait as well.
  const end = performance.now() + SETTLED_MS;
  while (performance.now() < end) await new Promise((resolve) => setImmediate(resolve));
  const { result } = await session.post('Profiler.takePreciseCoverage');
  isHeld = false;
  for (const callback of waiting.splice(0)) callback();
  if (status >= 300) throw new Error(`${path} was answered ${status}`);
  return filesOf(result);
}

function filesOf(coverage: readonly Profiler.ScriptCoverage[]): string[] {
  const files = coverage
    .filter(({ functions }) => functions.some(({ ranges }) => ranges.some(({ count }) => count > 0)))
    .filter(({ url }) => url.startsWith('file:'))
    .map(({ url }) => relative(sources, fileURLToPath(url)));
  return [...new Set(files)].filter((file) => !file.startsWith('..')).sort();
}

function show(name: string, files: readonly string[]): void {
  console.log(`${name}: ${files.length} files\n  ${files.join('\n  ')}\n`);
}

function post(path: string, body: string): Promise<number> {
  const headers = { 'content-type': 'application/json', connection: 'close' };
  return new Promise((resolve, reject) => {
    request({ port, path, method: 'POST', headers }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
    })
      .once('error', reject)
      .end(body);
  });
}

async function ready(): Promise<string> {
  const url = `http://127.0.0.1:${port}/monitoring/ready`;
  const response = await fetch(url, { headers: { connection: 'close' } }).catch(() => undefined);
  return (await response?.text()) ?? '';
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(100);
}

/** Makes timers wait while `isHeld`. Call it before the program is loaded. */
function holdTimers(): void {
  const held =
    (callback: (...values: unknown[]) => void) =>
    (...values: unknown[]): void => {
      if (isHeld) waiting.push(() => callback(...values));
      else callback(...values);
    };
  const { setTimeout: plainTimeout, setInterval: plainInterval } = globalThis;
  Object.assign(globalThis, {
    setTimeout: (callback: () => void, delay?: number, ...values: unknown[]) =>
      plainTimeout(held(callback), delay, ...values),
    setInterval: (callback: () => void, delay?: number, ...values: unknown[]) =>
      plainInterval(held(callback), delay, ...values),
  });
}
