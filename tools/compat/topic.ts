/** What trials read from a topic, and from the state of a proxy. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker } from '../kafka/broker.ts';
import { readRecords, type ReadRecord } from '../kafka/records.ts';
import { endOffsets, isUnknownTopic } from '../kafka/topics.ts';
import type { Proxy } from '../proxy.ts';

const ARRIVAL_MS = 60_000;

/** All records of the topic, when they are at least as many as expected, or when a minute is over. */
export async function awaitRecords(broker: Broker, topic: string, expected: number): Promise<ReadRecord[]> {
  const deadline = performance.now() + ARRIVAL_MS;
  for (;;) {
    const count = await countOf(broker, topic);
    if (count >= expected || performance.now() > deadline) {
      return count === 0 ? [] : await readRecords(broker.bootstrapServers, topic, { until: count });
    }
    await sleep(200);
  }
}

/** How many records a topic has; 0 when there is no such topic. */
export async function countOf(broker: Broker, topic: string): Promise<number> {
  try {
    const ends = await endOffsets(broker.bootstrapServers, topic);
    return Number([...ends.values()].reduce((sum, end) => sum + end, 0n));
  } catch (error) {
    if (isUnknownTopic(error)) return 0;
    throw error;
  }
}

/** Waits until a proxy reports that Kafka is unavailable. */
export async function awaitOutage(proxy: Proxy | undefined): Promise<void> {
  for (;;) {
    const response = await fetch(`${proxy?.url ?? ''}/monitoring/ready`, {
      headers: { connection: 'close' },
    });
    if (!(await response.text()).includes('"kafka":"ok"')) return;
    await sleep(50);
  }
}
