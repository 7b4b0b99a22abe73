import { readRecords } from '../../../tools/kafka/records.ts';
import { readMetrics } from '../../stage/metric-reading.ts';
import { get } from '../../stage/posting.ts';
import { RefusingRelay } from '../../stage/refusing-relay.ts';
import { relayedBy } from '../../stage/relay.ts';
import { TOPIC } from '../../stage/staged-proxy.ts';
import type { Line } from '../line.ts';
import { DEAD_LETTER_TOPIC, type Scene } from '../scene.ts';
import { eventOf, postExtra, statusesOf } from './record-lines.ts';

const DUPLICATES = 'sent again after a connection was lost';
const FOR_FORMAT = 43;
const INVALID_RECORD = 87;
/** Milliseconds. Much shorter than an outage. */
const LIMIT = '1000';

export const timesBeyondTopicLimit: Line = {
  name: 'times-beyond-topic-limit',
  what: "an outage is longer than the topic's message.timestamp.before.max.ms",
  duplicatesAre: DUPLICATES,
  run: async (scene) => {
    const broker = await scene.startBroker();
    await scene.createTopic({ configs: { 'message.timestamp.before.max.ms': LIMIT } });
    await longerThanLimit(scene, broker);
  },
};

export const timesBeyondBrokerLimit: Line = {
  name: 'times-beyond-broker-limit',
  what: "an outage is longer than the broker's log.message.timestamp.before.max.ms",
  duplicatesAre: DUPLICATES,
  run: async (scene) => {
    const broker = await scene.startBroker({
      properties: { 'log.message.timestamp.before.max.ms': LIMIT },
    });
    await scene.createTopic();
    await longerThanLimit(scene, broker);
  },
};

/** Azure Event Hubs answers so to codecs that it does not take. */
export const compressionRefused: Line = {
  name: 'compression-refused',
  what: 'Kafka takes no compressed batches, and is killed and comes back',
  duplicatesAre: DUPLICATES,
  run: async (scene) => {
    const { broker, relay, bootstrapServers } = await behindRelay(scene);
    relay.judge = ({ compression }) => (compression === 0 ? undefined : FOR_FORMAT);
    await scene.startProxy({ KAFKA__BOOTSTRAP_SERVERS: bootstrapServers, KAFKA__COMPRESSION: 'lz4' });
    scene.startLoad();
    await scene.flow();
    await broker.kill();
    await scene.outage();
    await broker.start();
    await scene.flow();
    const refused = relay.seen.filter(({ compression }) => compression !== 0).length;
    scene.expect(refused > 0, 'no batch was compressed');
    scene.note(`compressed batches refused: ${refused} of ${relay.seen.length}`);
    await expectNoDeadLetters(scene);
    const lines = scene.proxyLog.match(/\(kafka\.compression\)/g)?.length ?? 0;
    scene.expect(lines === 2, `${lines} log lines name kafka.compression`);
  },
};

/** Judged by what `ready` and the metric say. */
export const everyRecordRefused: Line = {
  name: 'every-record-refused',
  what: 'Kafka refuses every record of a topic for a while',
  duplicatesAre: DUPLICATES,
  run: async (scene) => {
    const { relay, bootstrapServers } = await behindRelay(scene);
    await scene.startProxy({ KAFKA__BOOTSTRAP_SERVERS: bootstrapServers });
    scene.startLoad();
    await scene.flow();
    scene.expect((await kafkaUp(scene)) === 1, 'kafka_up was not 1 before the refusals');
    await scene.stopLoads();
    relay.judge = ({ topic }) => (topic === TOPIC ? INVALID_RECORD : undefined);
    const posted = await postExtra(
      scene,
      Array.from({ length: 10 }, () => eventOf('2026')),
    );
    await scene.until('kafka_up 0', async () => (await kafkaUp(scene)) === 0);
    await scene.until('a report of the refusals', async () =>
      /refuses every record/.test(await ready(scene)),
    );
    scene.note(`while refused: ${statusesOf(posted)}; ready: ${await ready(scene)}`);
    relay.judge = () => undefined;
    scene.startLoad();
    await scene.flow();
    scene.expect((await kafkaUp(scene)) === 1, 'kafka_up was not 1 after the refusals');
    scene.expect(!/refuses/.test(await ready(scene)), 'ready still tells of refusals after them');
  },
};

async function longerThanLimit(
  scene: Scene,
  broker: { kill: () => Promise<void>; start: () => Promise<void> },
): Promise<void> {
  await scene.startProxy();
  scene.startLoad();
  await scene.flow();
  await broker.kill();
  await scene.outage();
  scene.expect(scene.ledger.keptIn('spool') > 0, 'nothing was spooled');
  await broker.start();
  await scene.flow();
  await expectNoDeadLetters(scene);
}

async function behindRelay(scene: Scene) {
  const found = await relayedBy(
    (port, target) => RefusingRelay.listen(port, target),
    (options) => scene.startBroker(options),
  );
  scene.atEnd(() => found.relay.close());
  await scene.createTopic();
  return found;
}

async function expectNoDeadLetters(scene: Scene): Promise<void> {
  const letters = await readRecords(scene.servers, DEAD_LETTER_TOPIC).catch(() => []);
  scene.expect(letters.length === 0, `${letters.length} valid events are dead letters`);
}

async function kafkaUp(scene: Scene): Promise<number | undefined> {
  return (await readMetrics(scene.proxy)).get(`http2kafka_kafka_up{topic="${TOPIC}"}`);
}

async function ready(scene: Scene): Promise<string> {
  return (await get(scene.proxy, '/monitoring/ready')).text;
}
