/** What was acknowledged and Kafka will not have, as it goes to the dead-letter topic. */
import { recordHeader, type KafkaRecord } from '../kafka/record.ts';

/** The same bytes under the same headers, with where they were to go and why they are not there. */
export function deadLetterOf(record: KafkaRecord, topic: string, reason: string): KafkaRecord {
  const headers = [
    ...record.headers,
    recordHeader('dead-letter-topic', record.topic),
    recordHeader('dead-letter-reason', `topic ${record.topic} does not take it: ${reason}`),
  ];
  return { ...record, topic, headers, timestamp: record.arrivedAt };
}
