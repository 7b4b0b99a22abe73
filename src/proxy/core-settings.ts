/** Turns the settings into those of each part of the core. Times are in milliseconds, sizes in bytes. */
import type { Settings } from '../config/schema/schema.ts';
import type { DeliverySettings } from '../delivery/delivery.ts';
import type { GssapiLogin } from '../kafka/login/gssapi.ts';
import type { OpenProducerSettings } from '../kafka/producer/open-producer.ts';
import { kafkaSecurity } from './kafka-security.ts';

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
