import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { readRecords } from '../../../tools/kafka/records.ts';
import { createTopic, setTopicConfig } from '../../../tools/kafka/topics.ts';
import { readMetrics } from '../../stage/metric-reading.ts';
import type { Line } from '../line.ts';
import { DEAD_LETTER_TOPIC, type Scene } from '../scene.ts';
import { largeEvent, postExtra, statusesOf } from './record-lines.ts';

const SMALL = { 'max.message.bytes': '100000' };
const LARGE = { 'max.message.bytes': '8000000' };

/** A minute between two retries, and time for the retry itself. */
const RETRIED_MS = 80_000;

/** The sum of the gauge over all topics. */
async function parkedEvents(scene: Scene): Promise<number> {
  const metrics = await readMetrics(scene.proxy);
  return [...metrics]
    .filter(([name]) => name.startsWith('http2kafka_parked_events'))
    .reduce((sum, [, value]) => sum + value, 0);
}

export const parkedTooOld: Line = {
  name: 'parked-too-old',
  what: 'an event that no topic takes is older than spool.max_age, and Kafka becomes unavailable',
  run: async (scene) => {
    const broker = await scene.startBroker();
    await scene.createTopic({ configs: SMALL });
    await createTopic(scene.servers, { name: DEAD_LETTER_TOPIC, partitions: 1, configs: SMALL });
    await broker.kill();
    // Longer than the outage: the events of the outage itself are younger.
    const maxAgeMs = scene.pace.outageMs + 10_000;
    await scene.startProxy({ SPOOL__MAX_AGE: `${maxAgeMs}ms` });
    const posted = await postExtra(scene, [largeEvent()]);
    scene.expect(
      posted.every(({ place }) => place === 'spool'),
      `the large event: ${statusesOf(posted)}`,
    );
    await broker.start();
    await scene.until('the event is parked', async () => (await parkedEvents(scene)) === 1);
    await sleep(maxAgeMs);
    scene.startLoad();
    await scene.flow();
    await broker.kill();
    await scene.outage();
    scene.expect(scene.ledger.keptIn('spool') > 0, 'nothing was spooled');
    await broker.start();
    await scene.flow();
    scene.expect((await parkedEvents(scene)) === 1, 'the event is no longer parked');
  },
};

export const deadLetterWaits: Line = {
  name: 'dead-letter-waits',
  what: 'the dead-letter topic does not take its own events, until its limit is raised',
  run: async (scene) => {
    const broker = await scene.startBroker();
    await scene.createTopic();
    await createTopic(scene.servers, { name: DEAD_LETTER_TOPIC, partitions: 1, configs: SMALL });
    await scene.startProxy({ CHECK__INVALID: 'dead-letter' });
    scene.startLoad();
    await scene.flow();
    await broker.kill();
    await sleep(1500);
    const invalid = Buffer.from(JSON.stringify({ bad: randomBytes(300_000).toString('base64') }));
    const posted = await postExtra(scene, [invalid]);
    scene.note(`invalid and too large: ${statusesOf(posted)}`);
    await scene.outage();
    await broker.start();
    await scene.until('the dead letter is parked', async () => (await parkedEvents(scene)) === 1);
    await setTopicConfig(scene.servers, DEAD_LETTER_TOPIC, LARGE);
    await scene.until(
      'the dead letter in its topic',
      async () => {
        await sleep(1000);
        const records = await readRecords(scene.servers, DEAD_LETTER_TOPIC);
        return records.some(({ value }) => value?.equals(invalid) === true);
      },
      RETRIED_MS,
    );
    await scene.until('nothing is parked', async () => (await parkedEvents(scene)) === 0);
  },
};
