/** Which letters a command is about: the options `--since`, `--until`, `--reason`, `--sender` and `--job`. */
import { matcherOf } from '../../auth/pattern.ts';
import { duration } from '../../config/schema/kind.ts';
import type { TopicReader } from '../../kafka/reading/topic-reader.ts';
import type { PartitionRange } from '../../kafka/reading/topic-record.ts';
import { jobText, type Letter } from './letter.ts';

export interface Selection {
  /** Milliseconds since the epoch. */
  readonly since: number | undefined;
  readonly until: number | undefined;
  readonly matches: (letter: Letter) => boolean;
}

/** What the options say; a message for the user if one is wrong. */
export function selectionOf(options: ReadonlyMap<string, string>): Selection | string {
  const times: (number | undefined)[] = [];
  for (const name of ['--since', '--until']) {
    const text = options.get(name);
    const time = text === undefined ? undefined : timeOf(text);
    if (Number.isNaN(time)) {
      return `${name} is a time such as 2026-11-29T08:00:00Z, or an age such as 90m, 2h or 7d, not ${JSON.stringify(text)}`;
    }
    times.push(time);
  }
  const [since, until] = times;
  const reason = reasonMatcher(options.get('--reason'));
  const sender = optionalMatcher(options.get('--sender'));
  const job = optionalMatcher(options.get('--job'));
  return {
    since,
    until,
    matches: (letter) =>
      (since === undefined || letter.timestamp >= since) &&
      (until === undefined || letter.timestamp < until) &&
      reason(letter) &&
      sender(letter.sender) &&
      job(jobText(letter.job)),
  };
}

/** The offset of each partition from which on there may be letters of the selection. */
export async function startsOf(
  reader: TopicReader,
  ranges: readonly PartitionRange[],
  { since }: Selection,
): Promise<readonly { partition: number; from: number; end: number }[]> {
  return Promise.all(
    ranges.map(async ({ partition, start, end }) => {
      if (since === undefined) return { partition, from: start, end };
      return { partition, from: (await reader.offsetSince(partition, since)) ?? end, end };
    }),
  );
}

const AGES = duration({ from: 0, to: Number.MAX_SAFE_INTEGER });

/** Milliseconds since the epoch; NaN if the text is no time. */
function timeOf(text: string): number {
  const age = AGES.read(text);
  if (typeof age === 'number') return Date.now() - age;
  // A date without a time of day is one in UTC, and so is a time without a zone.
  if (!/^\d{4}-\d{2}-\d{2}([T ]|$)/.test(text)) return Number.NaN;
  const hasZone = /(Z|[+-]\d{2}:?\d{2})$/i.test(text.slice(10));
  return Date.parse(hasZone || text.length === 10 ? text : `${text}Z`);
}

function optionalMatcher(pattern: string | undefined): (text: string | undefined) => boolean {
  if (pattern === undefined) return () => true;
  const matches = matcherOf(pattern);
  return (text) => text !== undefined && matches(text);
}

/** A code fits as a whole, a reason by any part. */
function reasonMatcher(pattern: string | undefined): (letter: Letter) => boolean {
  if (pattern === undefined) return () => true;
  const code = matcherOf(pattern);
  const part = matcherOf(`*${pattern.toLowerCase()}*`);
  return ({ cause: { codes, kind, reason } }) => code(kind) || codes.some(code) || part(reason.toLowerCase());
}
