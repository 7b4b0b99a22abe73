/** What the commands of `spool` share: the folder, and how sizes and times are written. */
import { nearestName, suggestion } from '../../config/nearest-name.ts';
import type * as Inspection from '../../spool/inspection.ts';
import { errorText } from '../../support/error-text.ts';
import type { CommandCall } from '../command.ts';

/** Runs a task with the topics of a spool. Says so when there is no spool. Returns the exit code. */
export async function withSpool(
  path: string,
  failed: CommandCall['failed'],
  task: (topics: readonly string[], inspection: typeof Inspection) => Promise<number>,
): Promise<number> {
  const inspection = await import('../../spool/inspection.ts');
  let topics: string[];
  try {
    topics = await inspection.listTopics(path);
  } catch (error) {
    return failed(
      `There is no spool in ${path}: ${errorText(error)}. Another folder: --spool-path, or HTTP2KAFKA__SPOOL__PATH.`,
    );
  }
  const { VERSION } = await import('../../delivery/spooled-record.ts');
  const newer = await inspection.findNewer(path, VERSION);
  if (newer) {
    return failed(`The spool in ${path} is newer than this program: ${newer.message}.`);
  }
  return task(topics, inspection);
}

/** Prints the topics that there are, because a wrong name must not seem to be a topic without events. Returns the exit code. */
export function unknownTopic(path: string, topic: string, topics: readonly string[]): number {
  const known = topics.length === 0 ? 'it has no topics' : `it has ${topics.join(', ')}`;
  console.error(
    `The spool in ${path} has no topic '${topic}': ${known}.${suggestion(nearestName(topic, topics))}`,
  );
  return 1;
}

/** `at` is in milliseconds since the epoch. */
export function since(at: number): string {
  const seconds = Math.max(0, Math.round((Date.now() - at) / 1000));
  return `${new Date(at).toISOString()} (${seconds} s ago)`;
}

/** `1 event`, `3 events`. */
export function eventsOf(count: number): string {
  return `${count} ${count === 1 ? 'event' : 'events'}`;
}
