/** What the parts of the core are told, out of the settings. */
import type { Settings } from '../config/schema/schema.ts';
import type { DeliverySettings } from '../delivery/delivery.ts';
import type { GssapiLogin } from '../kafka/login/gssapi.ts';
import type { ProducerSettings } from '../kafka/producer/producer.ts';

export function deliverySettings({ producer, queue, spool }: Settings): DeliverySettings {
  return {
    topics: [producer.mainTopic],
    deadLetterTopic: producer.malformedTopic,
    maxBytes: queue.maxBytes,
    spoolAfterMs: spool.after,
    spoolMaxAgeMs: spool.maxAge,
  };
}

export function producerSettings(
  { kafka, producer }: Settings,
  gssapi: GssapiLogin | undefined,
): ProducerSettings {
  return {
    bootstrapServers: kafka.bootstrapServers,
    clientId: kafka.clientId,
    connectTimeoutMs: kafka.connectTimeoutMs,
    requestTimeoutMs: kafka.requestTimeoutMs,
    connectionsMaxIdleMs: kafka.connectionsMaxIdleMs,
    security: kafka.security,
    gssapi: gssapi?.authenticate,
    mainTopic: producer.mainTopic,
    compression: kafka.compression,
    partitioner: kafka.partitioner,
    maxBatchBytes: producer.maxBatchSize,
    retryBackoffMs: kafka.retryBackoffMs,
    metadataMaxAgeMs: kafka.metadataMaxAgeMs,
  };
}
