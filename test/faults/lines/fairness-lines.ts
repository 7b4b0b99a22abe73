import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import type { Line } from '../line.ts';
import { PostingConnection } from '../posting-connection.ts';
import type { Scene } from '../scene.ts';
import type { MeterTask } from '../wait-meter.ts';

const SPOOL_BYTES = 8 << 20;
const MANY_CLIENTS = 4000;
const FEW_CLIENTS = 500;
/** An event waits for Kafka for a second; the rest is the work of the proxy and of the senders, on the same cores. */
const MAX_ANSWER_MS = 1200;
const ANSWER_MS = 30_000;
/** The longest that another client may wait for its answer beside hostile bodies. */
const MAX_WAIT_MS = 100;
/** The same beside valid events of 5 MB: it includes the time that these take on their way to the same partition. */
const MAX_WAIT_BEHIND_MS = 1000;
const BODY_BYTES = 5 * 1024 * 1024 - 400;

export const fullSpoolManyClients: Line = {
  name: 'full-spool-many-clients',
  what: 'Kafka stops, the spool is full, and 4,000 clients post at once',
  mayRefuse: true,
  run: async (scene) => {
    const settings = { SPOOL__MAX_BYTES: String(SPOOL_BYTES), SERVER__MAX_CONNECTIONS: '6000' };
    const broker = await scene.underLoad(settings);
    await scene.flow();
    await broker.kill();
    await scene.until('a full spool', () => scene.ledger.refused >= 200, 120_000);
    await scene.stopLoads();
    const few = await slowestOf(scene, FEW_CLIENTS);
    const many = await slowestOf(scene, MANY_CLIENTS);
    scene.note(`slowest answer: ${few} ms for ${FEW_CLIENTS} clients, ${many} ms for ${MANY_CLIENTS}`);
    scene.expect(many <= MAX_ANSWER_MS, `an answer took ${many} ms`);
    await broker.start();
    const { ledger } = scene;
    const keptBefore = ledger.kept;
    scene.startLoad();
    await scene.until('events are taken again', () => ledger.kept > keptBefore + scene.pace.perSecond);
  },
};

/** Milliseconds of the slowest answer when so many clients post small events one after the other. */
async function slowestOf(scene: Scene, clients: number): Promise<number> {
  const connections = Array.from({ length: clients }, () => new PostingConnection(scene.proxy.port));
  const body = Buffer.from(eventWith(''));
  // The first post waits for its connection, and is not measured.
  await Promise.all(connections.map((connection) => connection.post(body, ANSWER_MS)));
  const waits: number[] = [];
  await Promise.all(
    connections.map(async (connection, i) => {
      await sleep((i / clients) * 1000);
      for (let round = 0; round < 3; round++) waits.push(await waitOf(connection, body));
      connection.close();
    }),
  );
  return Math.round(Math.max(...waits));
}

export const hostileBodies: Line = {
  name: 'hostile-bodies',
  what: 'bodies that cost much are posted, while another client posts good events',
  run: async (scene) => {
    await scene.underLoad();
    await scene.flow();
    const { log } = scene.proxy;
    for (const [what, path, count, body] of hostile) {
      const packed = gzipSync(body);
      const wait = await longestWaitDuring(scene, () =>
        Promise.all(Array.from({ length: count }, () => postPacked(scene, path, packed))),
      );
      scene.note(`${what}: ${wait} ms`);
      const limit = what.startsWith('valid') ? MAX_WAIT_BEHIND_MS : MAX_WAIT_MS;
      scene.expect(wait <= limit, `${what} kept another client waiting for ${wait} ms`);
    }
    scene.note(`${scene.proxy.log.length - log.length} bytes of log`);
  },
};

/** Milliseconds that a client waits at most for one of its answers, until the attack has all of its answers. */
async function longestWaitDuring(scene: Scene, attack: () => Promise<unknown>): Promise<number> {
  const task: MeterTask = { port: scene.proxy.port, body: eventWith('') };
  const meter = new Worker(new URL('../wait-meter.ts', import.meta.url), { workerData: task });
  await once(meter, 'message');
  await attack();
  meter.postMessage('stop');
  const messages: readonly unknown[] = await once(meter, 'message');
  return Math.round(Number(messages[0]));
}

async function waitOf(connection: PostingConnection, body: Buffer): Promise<number> {
  const start = performance.now();
  await connection.post(body, ANSWER_MS);
  return performance.now() - start;
}

async function postPacked(scene: Scene, path: string, body: Buffer<ArrayBuffer>): Promise<void> {
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
  const url = `http://127.0.0.1:${scene.proxy.port}/api/v1/lineage${path}`;
  const answer = await fetch(url, { method: 'POST', headers, body });
  await answer.arrayBuffer();
}

function eventWith(members: string, job = '"job"'): string {
  const run = '{"runId":"01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c"}';
  const names = '{"namespace":"hostile","name":"j"}';
  const base = `"eventTime":"2026-01-02T03:04:05Z","producer":"https://example.org/faults"`;
  return `{${base},"run":${run},${job}:${names}${members}}`;
}

/** As many texts as fit into a body, joined by commas. */
function many(textOf: (index: number) => string): string {
  const texts: string[] = [];
  for (let length = 0; length < BODY_BYTES - 400; length += (texts.at(-1)?.length ?? 0) + 1) {
    texts.push(textOf(texts.length));
  }
  return texts.join();
}

const members = many((i) => `"k${i}":0`);
const hostile: readonly (readonly [what: string, path: string, count: number, body: string])[] = [
  ['100 batches of 50,000 numbers', '/batch', 100, `[${Array(50_000).fill('0').join()}]`],
  ['batches of 2.6 million numbers', '/batch', 5, `[${many(() => '0')}]`],
  ['objects of half a million members', '', 5, `{${members}}`],
  // The escape in the key keeps it from the fast path.
  ['valid events with half a million members', '', 5, eventWith(`,"x":{${members}}`, '"\\u006aob"')],
  ['half a million wrong facets', '', 5, `{"run":{"facets":{${members}}}}`],
  ['1.7 million empty datasets', '', 5, eventWith(`,"inputs":[${many(() => '{}')}]`)],
  ['nested arrays', '', 5, eventWith(`,"x":[${many(() => '[[[[]]]]')}`)],
  ['line ends and no end', '', 5, `{"a":1,${'\n'.repeat(BODY_BYTES)}x`],
  ['a key of 5 MB', '', 5, `{"run":{"facets":{"${'k'.repeat(BODY_BYTES)}":1}}}`],
  [
    'valid events with a text of escapes',
    '',
    5,
    eventWith(`,"x":"${'\\u0041'.repeat(BODY_BYTES / 6 - 100)}"`, '"\\u006aob"'),
  ],
];
