/** Chooses the batches of one produce request. */
import type { PartitionQueue } from './partition-queue.ts';

/** As many queues as fit into one request. Each turn begins with another queue, so that none is always left out. */
export function forOneRequest(
  queues: readonly PartitionQueue[],
  turn: number,
  maxBatchBytes: number,
  maxBytes: number,
): PartitionQueue[] {
  const from = turn % queues.length;
  let bytes = 0;
  return [...queues.slice(from), ...queues.slice(0, from)].filter((queue, index) => {
    bytes += queue.nextBytes(maxBatchBytes);
    return index === 0 || bytes <= maxBytes;
  });
}
