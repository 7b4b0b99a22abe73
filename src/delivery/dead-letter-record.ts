/**
 * The records of the dead-letter topic. Each has the bytes of its event, and headers that say why the event is there. An
 * event becomes one in three ways: the check refuses it, a routing rule keeps it there, or Kafka refuses its record after
 * the sender got its answer.
 */
import { recordHeader, type KafkaRecord, type RecordHeader } from '../kafka/record.ts';
import type { Delivered, NeverTaken } from './port.ts';

/** Why the check refuses an event, or why a rule keeps it. */
export interface DeadLetterReason {
  /** One line, without any content of the event. */
  readonly summary: string;
  /** JSON with the single errors, for programs. */
  readonly details: string;
}

/** The code of the only error of an event that a routing rule keeps. */
export const ROUTING_RULE = 'routing_rule';

const REASON = 'dead-letter-reason';
const DETAILS = 'dead-letter-details';
const TOPIC = 'dead-letter-topic';

/** The record of an event that the check refuses, or that a rule keeps. It has no key. `arrivedAt` is in milliseconds since the epoch. */
export function deadLetterRecord(
  topic: string,
  value: Buffer,
  headers: readonly RecordHeader[],
  { summary, details }: DeadLetterReason,
  arrivedAt: number,
): KafkaRecord {
  const reasons = [recordHeader(REASON, summary), recordHeader(DETAILS, details)];
  return { topic, key: null, value, headers: [...headers, ...reasons], timestamp: arrivedAt, arrivedAt };
}

/** The record for a record that its own topic never takes: same key, bytes and headers, with the topic and the reason. */
export function deadLetterOfRecord(record: KafkaRecord, reason: string, topic: string): KafkaRecord {
  const headers = [
    ...record.headers,
    recordHeader(TOPIC, record.topic),
    recordHeader(REASON, `topic ${record.topic} does not take it: ${reason}`),
  ];
  return { ...record, topic, headers, timestamp: record.arrivedAt };
}

/** Why Kafka never takes a record, in one line. */
export function reasonOf(outcome: NeverTaken): string {
  return outcome.kind === 'refused' ? outcome.reason : tooLarge(outcome.size, outcome.limit);
}

/** The same with its kind in front. */
export function neverTakenReason(outcome: NeverTaken): string {
  return `${outcome.kind}: ${reasonOf(outcome)}`;
}

/** Why an event is not kept in the dead-letter topic: the kind of the outcome, and its reason. */
export function parkedReason(delivered: Delivered): string {
  if (delivered.kind === 'permanent') return `refused: ${delivered.reason}`;
  if (delivered.kind === 'too-large') return `too-large: ${tooLarge(delivered.size, delivered.limit)}`;
  return delivered.kind === 'retriable' ? `unavailable: ${delivered.reason}` : delivered.kind;
}

/** Why a record is in the dead-letter topic, as its headers say. */
export interface DeadLetterCause {
  /**
   * - `invalid`: the check refused the event.
   * - `rule`: a routing rule keeps the event here.
   * - `refused`: the topic did not take the record.
   * - `foreign`: another program has written it, such as Data.Rentgen's consumer. It writes what it cannot read, with the key,
   *   the time and the headers that the record had, and adds the header `reply_to`.
   */
  readonly kind: 'invalid' | 'rule' | 'refused' | 'foreign';
  /** The topic that did not take it; undefined for other kinds. */
  readonly topic: string | undefined;
  /** One line. */
  readonly reason: string;
  /** The codes of the validation errors; `too-large`, or Kafka's name of the refusal. */
  readonly codes: readonly string[];
  /** The single validation errors as the header has them, JSON. */
  readonly details: string | undefined;
}

const FOREIGN = 'another program has written it: it has no reason of http2kafka';

/** Data.Rentgen's consumer uses FastStream, which sends an answer to the topic that this header names. */
const REPLY_TO = 'reply_to';

/** Reads the headers of a record of the dead-letter topic. */
export function causeOf(headers: readonly RecordHeader[]): DeadLetterCause {
  const textOf = (name: string) =>
    headers.findLast((header) => header.name.toString() === name)?.value.toString();
  const [reason, topic, details] = [textOf(REASON), textOf(TOPIC), textOf(DETAILS)];
  if (reason === undefined) {
    return { kind: 'foreign', topic: undefined, reason: FOREIGN, codes: ['foreign'], details: undefined };
  }
  if (topic !== undefined) {
    return { kind: 'refused', topic, reason, codes: [refusalCode(reason)], details: undefined };
  }
  const codes = codesIn(details);
  const kind = codes.includes(ROUTING_RULE) ? 'rule' : 'invalid';
  return { kind, topic: undefined, reason, codes, details };
}

/** The headers that the record had before it became a dead letter. */
export function headersBefore(
  headers: readonly RecordHeader[],
  { kind }: DeadLetterCause,
): readonly RecordHeader[] {
  const added = kind === 'foreign' ? [REPLY_TO] : [REASON, DETAILS, TOPIC];
  return headers.filter(({ name }) => !added.includes(name.toString()));
}

function refusalCode(reason: string): string {
  if (/: needs \d+ bytes even compressed/.test(reason)) return 'too-large';
  return /: ([A-Z][A-Z_]+)/.exec(reason)?.[1] ?? 'refused';
}

function codesIn(details: string | undefined): readonly string[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(details ?? '');
  } catch {
    return [];
  }
  const codes = (Array.isArray(parsed) ? parsed : []).map((error: unknown) =>
    typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '',
  );
  return [...new Set(codes.filter((code) => code !== ''))];
}

/** Sizes in bytes. */
export function tooLarge(size: number, limit: number): string {
  return `needs ${size} bytes even compressed, where the topic takes ${limit}`;
}
