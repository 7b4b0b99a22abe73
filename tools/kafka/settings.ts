const QUICK_SESSION = { 'broker.session.timeout.ms': '3000', 'broker.heartbeat.interval.ms': '500' };

/** One node of a cluster in which every node is broker and controller. */
export interface Node {
  nodeId: number;
  port: number;
  controllerPort: number;
}

export type Listeners = Readonly<Record<string, { port: number; protocol: string }>>;

/** The server.properties of one node, which `properties` may override. */
export function serverProperties(
  node: Node,
  cluster: readonly Node[],
  listeners: Listeners,
  dataFolder: string,
  properties: Readonly<Record<string, string>>,
): string {
  const replicas = String(Math.min(3, cluster.length));
  const more = Object.entries(listeners);
  return written({
    'process.roles': 'broker,controller',
    'node.id': String(node.nodeId),
    'controller.quorum.voters': cluster
      .map((one) => `${one.nodeId}@127.0.0.1:${one.controllerPort}`)
      .join(','),
    listeners: [
      `PLAINTEXT://127.0.0.1:${node.port}`,
      `CONTROLLER://127.0.0.1:${node.controllerPort}`,
      ...more.map(([name, { port }]) => `${name}://127.0.0.1:${port}`),
    ].join(','),
    'listener.security.protocol.map': [
      'PLAINTEXT:PLAINTEXT',
      'CONTROLLER:PLAINTEXT',
      ...more.map(([name, { protocol }]) => `${name}:${protocol}`),
    ].join(','),
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    ...common(dataFolder, replicas),
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': '1',
    // By default Kafka waits 9 s before a killed broker may register again. A cluster of one has no
    // other broker that could take over in that time.
    ...(cluster.length === 1 ? QUICK_SESSION : {}),
    ...properties,
  });
}

/** The same for a broker that needs ZooKeeper, which listens on the port of the controller. It is a cluster of its own. */
export function zooKeeperProperties(
  node: Node,
  listeners: Listeners,
  dataFolder: string,
  properties: Readonly<Record<string, string>>,
): string {
  const more = Object.entries(listeners);
  return written({
    'broker.id': String(node.nodeId),
    // A killed broker may come back only when its session has ended.
    'zookeeper.session.timeout.ms': '3000',
    'zookeeper.connect': `127.0.0.1:${node.controllerPort}`,
    listeners: [
      `PLAINTEXT://127.0.0.1:${node.port}`,
      ...more.map(([name, { port }]) => `${name}://127.0.0.1:${port}`),
    ].join(','),
    'listener.security.protocol.map': [
      'PLAINTEXT:PLAINTEXT',
      ...more.map(([name, { protocol }]) => `${name}:${protocol}`),
    ].join(','),
    'inter.broker.listener.name': 'PLAINTEXT',
    ...common(dataFolder, '1'),
    ...properties,
  });
}

function common(dataFolder: string, replicas: string): Record<string, string> {
  return {
    'log.dirs': dataFolder,
    'auto.create.topics.enable': 'true',
    'num.partitions': '3',
    'default.replication.factor': replicas,
    'offsets.topic.replication.factor': replicas,
    // Kafka's default of fifty partitions is slow to create.
    'offsets.topic.num.partitions': '1',
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '1',
    // Records carry the time of their event, which may be years ago.
    'log.retention.ms': '-1',
    'group.initial.rebalance.delay.ms': '0',
    // Kafka's default is 128 MB, half of the heap of 256 MB.
    'log.cleaner.dedupe.buffer.size': '2097152',
  };
}

function written(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n`)
    .join('');
}
