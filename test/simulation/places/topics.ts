/** The topics beside the main topic and the dead-letter topic. No fault is made for one of them alone. */
import type { BatchRecord } from '../cluster/batch-content.ts';

/** Some senders' events go to it, too. */
export const COPIES = 'copies';

/** Only rules name it. */
export const ROUTED = 'routed';

/** Rules name it, and it is made at the end of the day only. */
export const LATE = 'late';

export const FURTHER_TOPICS: readonly string[] = [COPIES, ROUTED, LATE];

/** The further topic that a record is in, or of which it is a dead letter; else its topic. */
export function homeOf({ topic, headers }: BatchRecord & { readonly topic: string }): string {
  const refusedBy = headers.get('dead-letter-topic');
  return refusedBy !== undefined && FURTHER_TOPICS.includes(refusedBy) ? refusedBy : topic;
}
