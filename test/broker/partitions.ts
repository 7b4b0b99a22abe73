import { createPartitionsV3 } from '@platformatic/kafka';
import { Wire } from '../../tools/kafka/wire.ts';

const TIMEOUT_MS = 10_000;

/** Gives a topic more partitions, `count` in all. Brokers and proxies come to know of them a moment later. */
export async function addPartitions(bootstrapServers: string, name: string, count: number): Promise<void> {
  const wire = new Wire(bootstrapServers, TIMEOUT_MS);
  try {
    const topic = { name, count, assignments: null };
    await createPartitionsV3.api.async(await wire.any(), [topic], TIMEOUT_MS, false);
  } finally {
    wire.close();
  }
}
