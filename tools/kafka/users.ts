import { pbkdf2Sync, randomBytes } from 'node:crypto';
import {
  AclOperations,
  AclPermissionTypes,
  alterUserScramCredentialsV0,
  createAclsV3,
  deleteAclsV3,
  ResourcePatternTypes,
  ResourceTypes,
  ScramMechanisms,
  type Acl,
} from '@platformatic/kafka';
import { Wire } from './wire.ts';

const TIMEOUT_MS = 30_000;
/** The minimum of SCRAM (RFC 7677, section 4), for speed. */
const ITERATIONS = 4096;

/**
 * Sets the SCRAM password of a user, for both mechanisms. The brokers use it a moment later, for new logins.
 */
export async function setScramPassword(
  bootstrapServers: string,
  name: string,
  password: string,
): Promise<void> {
  const upsertions = [
    { mechanism: ScramMechanisms.SCRAM_SHA_256, length: 32, digest: 'sha256' },
    { mechanism: ScramMechanisms.SCRAM_SHA_512, length: 64, digest: 'sha512' },
  ].map(({ mechanism, length, digest }) => {
    const salt = randomBytes(16);
    const saltedPassword = pbkdf2Sync(password, salt, ITERATIONS, length, digest);
    return { name, mechanism, iterations: ITERATIONS, salt, saltedPassword };
  });
  await withWire(bootstrapServers, async (wire) => {
    // A request may name a user once only.
    for (const upsertion of upsertions) {
      await alterUserScramCredentialsV0.api.async(await wire.any(), [], [upsertion]);
    }
  });
}

/**
 * Allows or forbids a user to do something (StandardAuthorizer): to write to a topic or to describe it, or to write idempotently
 * to the cluster. What has any such rule is closed to all that no rule allows. Takes effect a moment later. Returns what
 * takes it back.
 */
export async function rule(
  bootstrapServers: string,
  permission: 'ALLOW' | 'DENY',
  user: string,
  operation: 'WRITE' | 'DESCRIBE' | 'DESCRIBE_CONFIGS' | 'CREATE' | 'IDEMPOTENT_WRITE',
  topic: string | undefined,
): Promise<() => Promise<void>> {
  const acl: Acl = {
    resourceType: topic === undefined ? ResourceTypes.CLUSTER : ResourceTypes.TOPIC,
    resourceName: topic ?? 'kafka-cluster',
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal: `User:${user}`,
    host: '*',
    operation: AclOperations[operation],
    permissionType: AclPermissionTypes[permission],
  };
  await withWire(bootstrapServers, async (wire) => {
    await createAclsV3.api.async(await wire.any(), [acl]);
  });
  return () =>
    withWire(bootstrapServers, async (wire) => {
      await deleteAclsV3.api.async(await wire.any(), [acl]);
    });
}

async function withWire(bootstrapServers: string, task: (wire: Wire) => Promise<void>): Promise<void> {
  const wire = new Wire(bootstrapServers, TIMEOUT_MS);
  try {
    await task(wire);
  } finally {
    wire.close();
  }
}
