/** Turns the settings into those of each part of the core. Times are in milliseconds, sizes in bytes. */
import type { Settings } from '../config/schema/schema.ts';
import type { DeliverySettings } from '../delivery/delivery.ts';
import type { GssapiLogin } from '../kafka/login/gssapi.ts';
import type { OpenProducerSettings } from '../kafka/producer/open-producer.ts';
import { egressProxies } from './egress.ts';

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
export function producerSettings(
  { kafka, producer }: Settings,
  gssapi: GssapiLogin | undefined,
): OpenProducerSettings {
  return {
    bootstrapServers: kafka.bootstrapServers,
    clientId: kafka.clientId,
    connectTimeoutMs: kafka.connectTimeoutMs,
    requestTimeoutMs: kafka.requestTimeoutMs,
    connectionsMaxIdleMs: kafka.connectionsMaxIdleMs,
    security: securityOf(kafka),
    gssapi: gssapi?.authenticate,
    topics: [producer.mainTopic],
    compression: kafka.compression,
    partitioner: kafka.partitioner,
    maxBatchBytes: producer.maxBatchSize,
    retryBackoffMs: kafka.retryBackoffMs,
    metadataMaxAgeMs: kafka.metadataMaxAgeMs,
  };
}

/** With the way to the token endpoint, if there is one. */
function securityOf({ security }: Settings['kafka']): OpenProducerSettings['security'] {
  const { oauth } = security;
  return oauth.tokenEndpoint === undefined
    ? security
    : { ...security, oauth: { ...oauth, proxies: egressProxies() } };
}
