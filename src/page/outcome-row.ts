/** One outcome for people: a row of the page, a line of `http2kafka tap`. It has nothing of an event's body or facets. */
import type { Way } from '../auth/sender.ts';
import type { Deviation } from '../openlineage/deviations.ts';
import type { EventType } from '../openlineage/event-schema.ts';
import type { KnownKind } from '../pipeline/outcome-watch.ts';

export interface OutcomeRow {
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** `kafka`, `spool`, `dead-letter`, `dropped`, or the code of an error. */
  readonly outcome: string;
  readonly kind: KnownKind;
  readonly type: EventType | undefined;
  readonly namespace: string | undefined;
  /** The name of the job, or of the dataset of a dataset event. */
  readonly job: string | undefined;
  readonly run: string | undefined;
  readonly sender: string | undefined;
  /** How the sender was recognised: two senders may have one name. */
  readonly way: Way | undefined;
  readonly bytes: number | undefined;
  readonly topic: string | undefined;
  readonly partition: number | undefined;
  readonly offset: number | undefined;
  readonly took_ms: number | undefined;
  readonly deviations: readonly Deviation[];
  readonly request_id: string;
  /** Why it was refused. */
  readonly reason: string | undefined;
}

/** `topic/partition@offset`, as far as it is known. */
export function placeText(
  topic: string | undefined,
  partition: number | undefined,
  offset: number | undefined,
): string | undefined {
  const isKnown = topic !== undefined && partition !== undefined && offset !== undefined;
  return isKnown ? `${topic}/${partition}@${offset}` : topic;
}

/** The outcomes of valid events that are not refused. Their namespaces are those that their senders may write to. */
export const KEPT_VALID: ReadonlySet<string> = new Set(['kafka', 'spool', 'dropped']);

/** The outcomes that are not refusals. */
export const TAKEN: ReadonlySet<string> = new Set([...KEPT_VALID, 'dead-letter']);

/** Which rows a reader wants. A row fits if each text that is not empty is part of it, in upper or lower case. */
export interface RowFilter {
  readonly job: string;
  readonly namespace: string;
  readonly sender: string;
  /** An outcome; `taken` and `refused` are all of their kind. */
  readonly outcome: string;
  /** Part of any text of the row. */
  readonly text: string;
}

export const filterNames = ['job', 'namespace', 'sender', 'outcome', 'text'] as const;

/** Most characters of a filter. */
const MAX_FILTER = 300;

/** The filter that these values give. `valueOf` gives undefined or '' for none. */
export function filterFrom(valueOf: (name: (typeof filterNames)[number]) => string | undefined): RowFilter {
  const text = (name: (typeof filterNames)[number]) =>
    (valueOf(name) ?? '').trim().slice(0, MAX_FILTER).toLowerCase();
  return {
    job: text('job'),
    namespace: text('namespace'),
    sender: text('sender'),
    outcome: text('outcome'),
    text: text('text'),
  };
}

export function fits(row: OutcomeRow, filter: RowFilter): boolean {
  return (
    has(row.job, filter.job) &&
    has(row.namespace, filter.namespace) &&
    has(row.sender, filter.sender) &&
    isOutcome(row, filter.outcome) &&
    (filter.text === '' || textsOf(row).some((text) => has(text, filter.text)))
  );
}

function has(text: string | undefined, part: string): boolean {
  return part === '' || (text?.toLowerCase().includes(part) ?? false);
}

function isOutcome({ outcome }: OutcomeRow, wanted: string): boolean {
  if (wanted === '' || wanted === outcome) return true;
  if (wanted === 'taken') return TAKEN.has(outcome);
  return wanted === 'refused' && !TAKEN.has(outcome);
}

function textsOf(row: OutcomeRow): readonly (string | undefined)[] {
  const { job, namespace, sender, run, request_id, topic, reason, outcome, kind, type } = row;
  return [job, namespace, sender, run, request_id, topic, reason, outcome, kind, type, ...row.deviations];
}
