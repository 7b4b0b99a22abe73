/** Turns the settings into those of each part of the core. Times are in milliseconds, sizes in bytes. */
import { regionOf, scopeOf } from '../config/rules/cloud-rules.ts';
import type { Settings } from '../config/schema/schema.ts';
import { readEnvironment, setEnvironmentVariable } from '../config/sources/environment.ts';
import type { DeliverySettings } from '../delivery/delivery.ts';
import { findLibrary, type CloudProvider } from '../kafka/login/cloud/library.ts';
import type { GssapiLogin } from '../kafka/login/gssapi.ts';
import type { SecuritySettings } from '../kafka/login/security.ts';
import type { OpenProducerSettings } from '../kafka/producer/open-producer.ts';
import { errorText } from '../support/error-text.ts';
import { egressProxies } from './egress.ts';
import { StartError } from './start-error.ts';

/** Which credentials Azure's library tries. */
const AZURE_CHAIN = 'AZURE_TOKEN_CREDENTIALS';

/** Settings of the delivery: when an event goes to the spool, and how much the queue holds. */
export function deliverySettings({ producer, queue, spool }: Settings): DeliverySettings {
  return {
    topics: [producer.mainTopic],
    deadLetterTopic: producer.malformedTopic,
    maxBytes: queue.maxBytes,
    spoolAfterMs: spool.after,
    spoolMaxAgeMs: spool.maxAge,
  };
}

/** Settings of the producer. `gssapi` is undefined unless the login to Kafka is by Kerberos. */
export function producerSettings(settings: Settings, gssapi: GssapiLogin | undefined): OpenProducerSettings {
  const { kafka, producer } = settings;
  return {
    bootstrapServers: kafka.bootstrapServers,
    clientId: kafka.clientId,
    connectTimeoutMs: kafka.connectTimeoutMs,
    requestTimeoutMs: kafka.requestTimeoutMs,
    connectionsMaxIdleMs: kafka.connectionsMaxIdleMs,
    security: kafkaSecurity(settings),
    gssapi: gssapi?.authenticate,
    topics: [producer.mainTopic],
    compression: kafka.compression,
    partitioner: kafka.partitioner,
    maxBatchBytes: producer.maxBatchSize,
    retryBackoffMs: kafka.retryBackoffMs,
    metadataMaxAgeMs: kafka.metadataMaxAgeMs,
  };
}

/**
 * The settings `kafka.security`, as the part that talks to the brokers gets them:
 * with the way to the token endpoint, and with what follows from the names of the brokers for a cloud.
 * @throws {StartError} when a variable is not the address of an HTTP proxy, or the library of the cloud is not installed.
 */
export function kafkaSecurity({ kafka }: Settings): SecuritySettings {
  const { security } = kafka;
  const { oauth } = security;
  if (security.type !== 'OAUTHBEARER') return security;
  const { provider } = oauth.cloud;
  if (provider === undefined) {
    return oauth.tokenEndpoint === undefined
      ? security
      : { ...security, oauth: { ...oauth, proxies: egressProxies() } };
  }
  checkCloudLibrary(provider);
  if (provider === 'azure') leaveOutDevelopers();
  const cloud = { ...oauth.cloud, region: regionOf(kafka) };
  return { ...security, oauth: { ...oauth, cloud, scope: scopeOf(kafka) } };
}

function checkCloudLibrary(provider: CloudProvider): void {
  try {
    findLibrary(provider);
  } catch (error) {
    throw new StartError(`kafka.security.oauth.cloud.provider: ${errorText(error)}.`, { cause: error });
  }
}

/**
 * By default the library also starts the programs of developers, such as `az` and `pwsh`. A server that finds no credentials would
 * start them again and again. An operator who wants them sets the variable. The library has no other way to leave them out.
 */
function leaveOutDevelopers(): void {
  if (readEnvironment()[AZURE_CHAIN] === undefined) setEnvironmentVariable(AZURE_CHAIN, 'prod');
}
