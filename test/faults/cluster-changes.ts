import { setTimeout as sleep } from 'node:timers/promises';
import {
  AclOperations,
  AclPermissionTypes,
  alterPartitionReassignmentsV0,
  apiVersionsV0,
  createAclsV3,
  deleteAclsV3,
  metadataV9,
  ResourcePatternTypes,
  ResourceTypes,
} from '@platformatic/kafka';
import { Wire } from '../../tools/kafka/wire.ts';

const TIMEOUT_MS = 60_000;
const PRODUCE = 0;

/** Resolves when each partition of a topic has exactly `replicas` replicas, all in sync. */
export async function inSync(servers: string, topic: string, replicas: number): Promise<void> {
  await withWire(servers, (wire) =>
    wire.retry(`Waiting for the replicas of ${topic}`, async () => {
      const response = await metadataV9.api.async(await wire.any(), [topic], false);
      const partitions = response.topics.flatMap((one) => one.partitions);
      const behind = partitions.filter(
        ({ isrNodes, replicaNodes, leaderId }) =>
          leaderId === -1 || isrNodes.length < replicas || replicaNodes.length !== replicas,
      );
      if (partitions.length > 0 && behind.length === 0) return;
      await sleep(200);
      throw new Error(`${behind.length} of ${partitions.length} partitions are not in sync.`);
    }),
  );
}

/** The newest version of Produce that a broker takes. It differs between releases. */
export async function newestProduce(server: string): Promise<number> {
  return withWire(server, async (wire) => {
    const { apiKeys } = await apiVersionsV0.api.async(await wire.any(), '', '');
    return apiKeys.find(({ apiKey }) => apiKey === PRODUCE)?.maxVersion ?? -1;
  });
}

/** Moves each partition to other brokers. The move ends when `inSync` resolves. */
export async function movePartitions(
  servers: string,
  topic: string,
  replicas: ReadonlyMap<number, readonly number[]>,
): Promise<void> {
  await withWire(servers, async (wire) => {
    const partitions = [...replicas].map(([partitionIndex, nodes]) => ({
      partitionIndex,
      replicas: [...nodes],
    }));
    await wire.retry('Moving partitions', async () => {
      await alterPartitionReassignmentsV0.api.async(await wire.any(), TIMEOUT_MS, true, [
        { name: topic, partitions },
      ]);
    });
  });
}

/** Properties of a broker with access rules. A resource without rules is open to all users. */
export const AUTHORIZED = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'allow.everyone.if.no.acl.found': 'true',
} as const;

/** Denies all users to write to a topic. All other operations stay allowed. */
export async function denyWrites(servers: string, topic: string): Promise<void> {
  await withWire(servers, async (wire) => {
    await createAclsV3.api.async(await wire.any(), [
      // A topic with rules is no longer open to all users.
      { ...rule(topic), operation: AclOperations.ALL, permissionType: AclPermissionTypes.ALLOW },
      { ...rule(topic), operation: AclOperations.WRITE, permissionType: AclPermissionTypes.DENY },
    ]);
  });
}

/** Removes the denial again. */
export async function allowWrites(servers: string, topic: string): Promise<void> {
  await withWire(servers, async (wire) => {
    await deleteAclsV3.api.async(await wire.any(), [
      { ...rule(topic), operation: AclOperations.WRITE, permissionType: AclPermissionTypes.DENY },
    ]);
  });
}

function rule(topic: string) {
  return {
    resourceType: ResourceTypes.TOPIC,
    resourceName: topic,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal: 'User:*',
    host: '*',
  } as const;
}

async function withWire<Result>(servers: string, task: (wire: Wire) => Promise<Result>): Promise<Result> {
  const wire = new Wire(servers, TIMEOUT_MS);
  try {
    return await task(wire);
  } finally {
    wire.close();
  }
}
