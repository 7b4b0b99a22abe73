/** Chooses the batches of one produce request. */
import type { PartitionQueue } from './partition-queue.ts';

/** Most bytes of a produce request. A broker reads this much at once without delaying other clients for long. */
const MAX_REQUEST_BYTES = 8 * 1024 * 1024;

/** As many queues as fit into one request. Each turn begins with another queue, so that none is always left out. */
export function forOneRequest(
  queues: readonly PartitionQueue[],
  turn: number,
  maxBatchBytes: number,
): PartitionQueue[] {
  const from = turn % queues.length;
  let bytes = 0;
  return [...queues.slice(from), ...queues.slice(0, from)].filter((queue, index) => {
    bytes += queue.nextBytes(maxBatchBytes);
    return index === 0 || bytes <= MAX_REQUEST_BYTES;
  });
}
