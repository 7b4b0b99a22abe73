import { join } from 'node:path';
import { createBroker, type Broker, type BrokerOptions } from './broker.ts';
import { newId } from './preparation.ts';
import { freePorts } from './ports.ts';
import { Wire } from './wire.ts';

const START_MS = 60_000;

export interface ClusterOptions extends Pick<BrokerOptions, 'properties' | 'jvm' | 'release'> {
  /** Number of brokers; each needs 170 MB or more. By default 3. New topics then have 3 replicas. */
  brokers?: number;
  /** Folder of the data, with a folder `broker-N` for each broker. By default temporary folders, removed on stop. */
  folder?: string;
}

/** Several brokers, all of them controllers. */
export interface Cluster {
  readonly brokers: readonly Broker[];
  /** `host:port` of every broker, separated by commas. */
  readonly bootstrapServers: string;
  /** Kills them all: without a majority an orderly shutdown waits for minutes. */
  stop(): Promise<void>;
}

/**
 * Starts several Kafkas that make one cluster, with the node ids 1, 2, …, and resolves when each lists all of them.
 * @throws as startBroker does. Then no broker runs.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { brokers: count = 3, folder, ...common } = options;
  const ports = await freePorts(2 * count);
  const nodes = Array.from({ length: count }, (_, index) => ({
    nodeId: index + 1,
    port: ports[2 * index] ?? 0,
    controllerPort: ports[2 * index + 1] ?? 0,
  }));
  const clusterId = newId();
  const brokers: Broker[] = [];
  for (const node of nodes) {
    const own = folder === undefined ? common : { ...common, folder: join(folder, `broker-${node.nodeId}`) };
    brokers.push(await createBroker(own, { node, cluster: nodes, clusterId }));
  }
  const stop = async (): Promise<void> => {
    await Promise.all(brokers.map((broker) => broker.stop({ limitMs: 0 })));
  };
  try {
    // All at once: the first broker is only ready when a majority is.
    await Promise.all(brokers.map((broker) => broker.start()));
    await Promise.all(brokers.map((broker) => listsAll(broker, count)));
  } catch (error) {
    await stop();
    throw error;
  }
  return { brokers, stop, bootstrapServers: brokers.map((broker) => broker.bootstrapServers).join(',') };
}

async function listsAll(broker: Broker, count: number): Promise<void> {
  const wire = new Wire(broker.bootstrapServers, START_MS);
  try {
    await wire.retry('Finding the whole cluster', async () => {
      const { brokers } = await wire.layout([]);
      if (brokers.size < count) throw new Error(`Broker ${broker.nodeId} lists ${brokers.size} of ${count}.`);
    });
  } finally {
    wire.close();
  }
}
