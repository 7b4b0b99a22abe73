import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTopic } from '../../../tools/kafka/topics.ts';
import { readRecords, type ReadRecord } from '../../../tools/kafka/records.ts';
import { TOPIC } from '../../stage/staged-proxy.ts';
import type { Line } from '../line.ts';
import { placeOf, type Delivery } from '../ledger.ts';
import { PostingConnection } from '../posting-connection.ts';
import { DEAD_LETTER_TOPIC, type Scene } from '../scene.ts';

// Random bytes in Base64: compression leaves three quarters, more than the 1 MiB that a topic takes by default.
const LARGE_BYTES = 2_000_000;
const ANSWER_MS = 20_000;

export const tooLarge: Line = {
  name: 'too-large',
  what: 'events are too large for the topic, while Kafka is unavailable and when it is available',
  run: async (scene) => {
    const broker = await scene.startBroker();
    await scene.createTopic();
    await createTopic(scene.servers, {
      name: DEAD_LETTER_TOPIC,
      partitions: 1,
      configs: { 'max.message.bytes': '8000000' },
    });
    // The proxy must not know the limit of the topic yet.
    await broker.kill();
    await scene.startProxy();
    scene.startLoad();
    await sleep(1000);
    const during = await postExtra(scene, Array.from({ length: 3 }, largeEvent));
    scene.expect(
      during.every(({ place }) => place === 'spool'),
      `while Kafka was unavailable: ${statusesOf(during)}`,
    );
    await scene.outage();
    await broker.start();
    await scene.flow();
    const there = await postExtra(scene, Array.from({ length: 3 }, largeEvent));
    scene.expect(
      there.every(({ status, place }) => status === 413 || place === 'spool'),
      `when Kafka was available: ${statusesOf(there)}`,
    );
    scene.note(`too large: ${statusesOf(during)} in the outage, ${statusesOf(there)} after it`);
    await scene.flow();
    const wanted = [...during, ...there].filter(({ place }) => place === 'spool').map(({ body }) => body);
    const found = await recordsWith(scene, DEAD_LETTER_TOPIC, wanted);
    scene.expect(
      found.every(({ headers }) =>
        headers.some(([name, value]) => name === 'dead-letter-reason' && value.length > 0),
      ),
      'a dead letter has no reason',
    );
    scene.note(`dead letters: ${found.length}, reason: ${reasonOf(found[0])}`);
  },
};

export const timesFarOff: Line = {
  name: 'times-far-off',
  what: 'events have times that the topic does not take, before and during an outage',
  run: async (scene) => {
    const broker = await scene.startBroker();
    const hour = '3600000';
    await scene.createTopic({
      configs: { 'message.timestamp.before.max.ms': hour, 'message.timestamp.after.max.ms': hour },
    });
    await scene.startProxy();
    scene.startLoad();
    await scene.flow();
    const years = ['1999', '2001', '2024', '2099'];
    const there = await postExtra(scene, years.map(eventOf));
    await broker.kill();
    await sleep(1500);
    const during = await postExtra(scene, years.map(eventOf));
    await scene.outage();
    await broker.start();
    await scene.flow();
    scene.note(`far off: ${statusesOf(there)} before the outage, ${statusesOf(during)} in it`);
    const taken = [...there, ...during].filter(({ place }) => place !== undefined);
    scene.expect(taken.length === 2 * years.length, 'not all of these events were taken');
    await recordsWith(
      scene,
      TOPIC,
      taken.map(({ body }) => body),
    );
  },
};

interface Posted {
  readonly body: Buffer;
  readonly status: number;
  /** Where it is kept. Undefined if it is refused. */
  readonly place: Delivery | undefined;
}

/** Posts events that are not in the ledger, one after the other. */
export async function postExtra(scene: Scene, bodies: readonly Buffer[]): Promise<Posted[]> {
  const posted: Posted[] = [];
  const connection = new PostingConnection(scene.proxy.port);
  for (const body of bodies) {
    const { status, delivery } = await connection.post(body, ANSWER_MS);
    posted.push({ body, status, place: placeOf(status, delivery) });
  }
  connection.close();
  return posted;
}

/** Waits until a topic holds records with all of these values, and gives these records. */
async function recordsWith(scene: Scene, topic: string, wanted: readonly Buffer[]): Promise<ReadRecord[]> {
  let found: ReadRecord[] = [];
  await scene.until(`${wanted.length} events in ${topic}`, async () => {
    const records = await readRecords(scene.servers, topic).catch(() => []);
    found = records.filter(({ value }) => value !== null && wanted.some((body) => body.equals(value)));
    if (found.length < wanted.length) await sleep(500);
    return found.length >= wanted.length;
  });
  return found;
}

function reasonOf(record: ReadRecord | undefined): string {
  const reason = record?.headers.find(([name]) => name === 'dead-letter-reason')?.[1];
  return reason?.toString() ?? 'none';
}

export function statusesOf(posted: readonly Posted[]): string {
  return posted.map(({ status, place }) => place ?? status).join(' ');
}

export function largeEvent(): Buffer {
  return extraEvent(new Date().toISOString(), randomBytes((LARGE_BYTES / 4) * 3).toString('base64'));
}

export function eventOf(year: string): Buffer {
  return extraEvent(`${year}-06-01T12:00:00.000Z`, '');
}

function extraEvent(eventTime: string, text: string): Buffer {
  const producer = 'https://github.com/OpenLineage/OpenLineage/tree/1.53.0/client/python';
  const facet = {
    _producer: producer,
    _schemaURL: 'https://openlineage.io/spec/facets/1-0-0/X.json#/$defs/X',
    text,
  };
  return Buffer.from(
    JSON.stringify({
      eventTime,
      producer,
      schemaURL: 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent',
      eventType: 'START',
      run: { runId: randomUUID(), facets: { extra: facet } },
      job: { namespace: 'faults', name: `extra-${randomUUID()}` },
    }),
  );
}
