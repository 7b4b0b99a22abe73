/** A letter: a record of the dead-letter topic, with what its headers and its event say. */
import { causeOf, type DeadLetterCause } from '../../delivery/dead-letter-record.ts';
import type { TopicRecord } from '../../kafka/reading/topic-record.ts';
import type { RecordHeader } from '../../kafka/record.ts';
import { jobNamesOf } from '../../openlineage/full-check.ts';
import type { JobNames } from '../../openlineage/verdict.ts';

export interface Letter extends TopicRecord {
  /** `PARTITION/OFFSET`. */
  readonly id: string;
  readonly cause: DeadLetterCause;
  /** Who sent the event; undefined if the proxy did not know. */
  readonly sender: string | undefined;
  readonly requestId: string | undefined;
  /** As far as the event has them. */
  readonly job: JobNames;
}

export function letterOf(record: TopicRecord): Letter {
  const { partition, offset, headers, value } = record;
  return {
    ...record,
    id: `${partition}/${offset}`,
    cause: causeOf(headers),
    sender: textOf(headers, 'reported-by-user-name'),
    requestId: textOf(headers, 'correlation_id'),
    job: jobOf(value),
  };
}

function textOf(headers: readonly RecordHeader[], name: string): string | undefined {
  return headers.findLast((header) => header.name.toString() === name)?.value.toString();
}

function jobOf(value: Buffer | null): JobNames {
  try {
    return jobNamesOf(JSON.parse(value?.toString() ?? ''));
  } catch {
    return {};
  }
}

/** `namespace/name`, as the key of an event has it; undefined without any. */
export function jobText({ namespace, name }: JobNames): string | undefined {
  return namespace === undefined && name === undefined ? undefined : `${namespace ?? ''}/${name ?? ''}`;
}

/** The letter for programs, without its event. */
export function summaryOf(letter: Letter): object {
  const { id, partition, offset, timestamp, cause, sender, requestId, job, value } = letter;
  return {
    id,
    partition,
    offset,
    time: timeText(timestamp),
    kind: cause.kind,
    reason: cause.reason,
    codes: cause.codes,
    topic: cause.topic ?? null,
    sender: sender ?? null,
    request_id: requestId ?? null,
    job: { namespace: job.namespace ?? null, name: job.name ?? null },
    bytes: value?.length ?? 0,
  };
}

/** Records of other programs may have any time, also one that is no date. */
export function timeText(timestamp: number): string {
  const date = new Date(timestamp);
  return Number.isNaN(date.getTime()) ? String(timestamp) : date.toISOString();
}
