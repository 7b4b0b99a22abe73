/** What the commands of `dead-letters` share: the topic, and the way to the brokers. */
import { pino } from 'pino';
import type { Settings } from '../../config/schema/schema.ts';
import { ClusterAccess } from '../../kafka/cluster/cluster-access.ts';
import { TopicReader } from '../../kafka/reading/topic-reader.ts';
import type { PartitionRange } from '../../kafka/reading/topic-record.ts';
import { openGssapi } from '../../proxy/core.ts';
import { kafkaSecurity } from '../../proxy/core-settings.ts';
import { errorText } from '../../support/error-text.ts';
import { systemTime } from '../../support/time.ts';
import type { CommandCall } from '../command.ts';

/** Milliseconds for which a question is asked again, while brokers start or change their roles. */
const PATIENCE_MS = 30_000;

export interface OpenTopic {
  readonly settings: Settings;
  readonly access: ClusterAccess;
  readonly reader: TopicReader;
  /** What there was to read at the start. */
  readonly ranges: readonly PartitionRange[];
}

/** Runs a task with the dead-letter topic. Says what is wrong if it cannot be read. Returns the exit code. */
export async function withTopic(
  call: CommandCall,
  task: (topic: OpenTopic) => Promise<number>,
): Promise<number> {
  const loaded = call.settings(true);
  if (!loaded) return 1;
  const { settings } = loaded;
  const topic = call.options.get('--topic') ?? settings.producer.malformedTopic;
  const { kafka } = settings;
  if (kafka.bootstrapServers.length === 0) {
    return call.failed('No Kafka is configured: set kafka.bootstrap_servers (--bootstrap-servers).');
  }
  await using opened = new AsyncDisposableStack();
  try {
    const gssapi = await openGssapi(settings, pino({ enabled: false }));
    opened.defer(() => gssapi?.close());
    const access = new ClusterAccess(
      {
        bootstrapServers: kafka.bootstrapServers,
        clientId: kafka.clientId,
        connectTimeoutMs: kafka.connectTimeoutMs,
        requestTimeoutMs: kafka.requestTimeoutMs,
        security: kafkaSecurity(settings),
        gssapi: gssapi?.authenticate,
        patienceMs: PATIENCE_MS,
      },
      systemTime,
    );
    opened.defer(() => access.close());
    const reader = new TopicReader(access, topic);
    const ranges = await reader.ranges();
    if (!ranges) return call.failed(`There is no topic ${topic}. Another one: --topic.`);
    tellOfOpen(ranges);
    return await task({ settings, access, reader, ranges });
  } catch (error) {
    return call.failed(`${topic}: ${problemOf(error)}`);
  }
}

/** A letter of a transaction that is still open may be aborted. It is read when the transaction has ended. */
function tellOfOpen(ranges: readonly PartitionRange[]): void {
  for (const { partition, end, written } of ranges) {
    if (written <= end) continue;
    console.error(
      `Partition ${partition} has an open transaction: what follows offset ${end - 1} is not read yet.`,
    );
  }
}

/** For an operator, with addresses. */
export function problemOf(error: unknown): string {
  const text = errorText(error);
  const problem: unknown = error instanceof Error && 'problem' in error ? error.problem : undefined;
  return typeof problem !== 'string' || text.includes(problem) ? text : `${problem} (${text})`;
}
