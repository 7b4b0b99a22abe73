import {
  createPartitionsV3,
  createTopicsV7,
  deleteTopicsV6,
  incrementalAlterConfigsV1,
} from '@platformatic/kafka';
import { BEGINNING, END, Wire } from './wire.ts';

const TIMEOUT_MS = 30_000;
const TOPIC = 2;
const SET = 0;
const DELETE = 1;
const UNKNOWN_TOPIC = 3;

export interface NewTopic {
  name: string;
  /** By default the broker's num.partitions. */
  partitions?: number;
  /** By default the broker's default.replication.factor. */
  replicas?: number;
  /** Topic settings, e.g. `{ 'max.message.bytes': '2000000' }`. */
  configs?: Readonly<Record<string, string>>;
}

/**
 * Creates a topic, and resolves when every broker knows a leader for each of its partitions.
 * @throws when the topic exists, when Kafka refuses it, or when Kafka does not answer within 30 s.
 */
export async function createTopic(bootstrapServers: string, topic: NewTopic): Promise<void> {
  await withWire(bootstrapServers, async (wire) => {
    const request = {
      name: topic.name,
      numPartitions: topic.partitions ?? -1,
      replicationFactor: topic.replicas ?? -1,
      assignments: [],
      configs: Object.entries(topic.configs ?? {}).map(([name, value]) => ({ name, value })),
    };
    await createTopicsV7.api.async(await wire.any(), [request], TIMEOUT_MS, false);
    await everywhere(wire, `Creating ${topic.name}`, async (server) => {
      const { topics } = await wire.layout([topic.name], await wire.connect(server));
      const leaders = topics.flatMap((one) => [...one.leaders.values()]);
      if (leaders.length === 0 || leaders.includes(-1)) throw new Error('A partition has no leader.');
    });
  });
}

/**
 * Deletes a topic, and resolves when no broker knows it any more.
 * @throws when the topic does not exist, or when Kafka does not answer within 30 s.
 */
export async function deleteTopic(bootstrapServers: string, name: string): Promise<void> {
  await withWire(bootstrapServers, async (wire) => {
    await deleteTopicsV6.api.async(await wire.any(), [{ name }], TIMEOUT_MS);
    await everywhere(wire, `Deleting ${name}`, async (server) => {
      const connection = await wire.connect(server);
      const known = await wire.layout([name], connection).then(
        () => true,
        (error: unknown) => {
          if (!isUnknownTopic(error)) throw error;
          return false;
        },
      );
      if (known) throw new Error(`${server} still knows ${name}.`);
    });
  });
}

/**
 * Gives a topic more partitions: `count` in all. Brokers and proxies learn of them a moment later.
 * @throws when Kafka does not know the topic, when it has as many already, or when Kafka does not answer within 30 s.
 */
export async function addPartitions(bootstrapServers: string, name: string, count: number): Promise<void> {
  await withWire(bootstrapServers, async (wire) => {
    const topic = { name, count, assignments: null };
    await createPartitionsV3.api.async(await wire.any(), [topic], TIMEOUT_MS, false);
  });
}

/**
 * Changes settings of a topic; null resets one to its default. The brokers apply it a moment later.
 * @throws when Kafka does not know the topic or the setting, or does not answer within 30 s.
 */
export async function setTopicConfig(
  bootstrapServers: string,
  topic: string,
  configs: Readonly<Record<string, string | null>>,
): Promise<void> {
  await withWire(bootstrapServers, async (wire) => {
    const changes = Object.entries(configs).map(([name, value]) =>
      value === null
        ? ({ name, configOperation: DELETE } as const)
        : ({ name, configOperation: SET, value } as const),
    );
    const resource = { resourceType: TOPIC, resourceName: topic, configs: changes } as const;
    await incrementalAlterConfigsV1.api.async(await wire.any(), [resource], false);
  });
}

/**
 * The offset of the next record of each partition. Waits for leaders, which a new topic does not have for a moment.
 * @throws when the topic does not exist, or has no leader within 30 s.
 */
export async function endOffsets(bootstrapServers: string, topic: string): Promise<Map<number, bigint>> {
  return await offsetsAt(bootstrapServers, topic, END);
}

/** The offset of the first remaining record of each partition. Waits and fails as endOffsets does. */
export async function beginningOffsets(
  bootstrapServers: string,
  topic: string,
): Promise<Map<number, bigint>> {
  return await offsetsAt(bootstrapServers, topic, BEGINNING);
}

async function offsetsAt(
  bootstrapServers: string,
  topic: string,
  time: bigint,
): Promise<Map<number, bigint>> {
  return await withWire(bootstrapServers, (wire) =>
    wire.retry(`Asking for the offsets of ${topic}`, () => wire.offsets(topic, time), isUnknownTopic),
  );
}

/** Whether an error of the wire layer says that the topic does not exist. */
export function isUnknownTopic(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isUnknownTopic);
  return error instanceof Error && 'apiCode' in error && error.apiCode === UNKNOWN_TOPIC;
}

/** Repeats an attempt with every broker until it succeeds with each. */
async function everywhere(
  wire: Wire,
  what: string,
  attempt: (server: string) => Promise<void>,
): Promise<void> {
  const { brokers } = await wire.layout([]);
  for (const server of brokers.values()) await wire.retry(what, () => attempt(server));
}

async function withWire<Result>(
  bootstrapServers: string,
  task: (wire: Wire) => Promise<Result>,
): Promise<Result> {
  const wire = new Wire(bootstrapServers, TIMEOUT_MS);
  try {
    return await task(wire);
  } finally {
    wire.close();
  }
}
