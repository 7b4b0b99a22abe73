/** Compares the counters of a process with what its senders were answered and what the brokers answered it. */
import { errorCodeOf } from '../../../src/kafka/error-code.ts';
import { metricTable } from '../../../src/metrics/metric-table.ts';
import { judgePlaceCounters } from '../places/place-counters.ts';
import type { ProxyProcess } from '../proxy-process.ts';
import type { Post } from '../sender.ts';
import { isWritten } from './broker-answers.ts';

interface Sample {
  readonly value: number;
  readonly metricName?: string;
  readonly labels: Readonly<Partial<Record<string, string | number>>>;
}

interface Metric {
  get(): Promise<{ readonly values: readonly Sample[] }>;
}

/**
 * What does not agree, in words. `isAlive`: no answer is under way between the process and its senders. A process that
 * was killed may have counted answers that nobody heard.
 */
export async function judgeCounters(
  process: ProxyProcess,
  posts: readonly Post[],
  isAlive: boolean,
): Promise<string[]> {
  const own = posts.filter((post) => post.process === process.number);
  return [
    ...(await judgeOutcomes(process, own, isAlive)),
    ...(await judgeBatches(process)),
    ...(await judgeSpooled(process, own)),
    ...(await judgePlaceCounters(process, own, isAlive)),
  ];
}

async function judgeOutcomes(
  { metrics }: ProxyProcess,
  own: readonly Post[],
  isAlive: boolean,
): Promise<string[]> {
  const counted = new Map<string, number>();
  for (const { labels, value } of await valuesOf(eventsOf(metrics))) {
    const outcome = `${labels.outcome ?? ''}`;
    counted.set(outcome, (counted.get(outcome) ?? 0) + value);
  }
  const answered = new Map<string, number>();
  for (const post of own) {
    const outcome = labelOf(post);
    if (outcome !== undefined) answered.set(outcome, (answered.get(outcome) ?? 0) + 1);
  }
  const unheard = isAlive ? 0 : own.filter(({ outcome }) => outcome === 'lost').length;
  return [...new Set([...counted.keys(), ...answered.keys()])].flatMap((outcome) => {
    const [said, heard] = [counted.get(outcome) ?? 0, answered.get(outcome) ?? 0];
    if (said >= heard && said <= heard + unheard) return [];
    return [`events_total says ${said} ${outcome}, and the senders heard it ${heard} times`];
  });
}

/** Its sums go from the tally to the registry when they are read. */
function eventsOf({ registry }: ProxyProcess['metrics']): Metric {
  const metric = registry.getSingleMetric(metricTable.events.name);
  if (!metric) throw new Error('there is no metric of the events');
  return metric;
}

/** The label of the counter for an answer. */
function labelOf({ outcome, refusal }: Post): string | undefined {
  if (outcome === undefined || outcome === 'lost') return undefined;
  if (outcome === 'dead-letter') return 'dead_letter';
  return outcome === 'refused' ? refusal?.split(':', 1)[0] : outcome;
}

async function judgeBatches({ metrics, client, stoppingSince }: ProxyProcess): Promise<string[]> {
  const taken = client.heard.filter(isWritten);
  const sum = (key: 'records' | 'bytes') => taken.reduce((total, answer) => total + answer[key], 0);
  const records = metrics.batchRecords.values;
  const facts = [
    ['batches_total', await totalOf(metrics.batches), taken.length],
    ['batch_bytes_total', await totalOf(metrics.batchBytes), sum('bytes')],
    [
      'batch_records_sum',
      records.find(({ metricName }) => metricName?.endsWith('_sum'))?.value ?? 0,
      sum('records'),
    ],
  ] as const;
  // A batch is settled before its answer when the process stops.
  const isRight = (said: number, heard: number) =>
    stoppingSince === Infinity ? said === heard : said <= heard;
  return [
    ...facts.flatMap(([name, said, heard]) =>
      isRight(said, heard) ? [] : [`${name} says ${said}, and the brokers answered ${heard}`],
    ),
    ...(await judgeRetries(metrics.retries, client.heard, isRight)),
  ];
}

async function judgeRetries(
  retries: Metric,
  heard: ProxyProcess['client']['heard'],
  isRight: (said: number, heard: number) => boolean,
): Promise<string[]> {
  const answers = new Map<string, number>();
  for (const { errorCode } of heard) {
    if (errorCode === undefined) continue;
    const { name, meaning } = errorCodeOf(errorCode);
    if (meaning !== 'retry' && meaning !== 'unknown' && meaning !== 'producer-lost') continue;
    answers.set(name, (answers.get(name) ?? 0) + 1);
  }
  return (await valuesOf(retries)).flatMap(({ labels, value }) => {
    const reason = `${labels.reason ?? ''}`;
    const times = answers.get(reason);
    if (times === undefined || isRight(value, times)) return [];
    return [`retries_total says ${value} ${reason}, and the brokers answered it ${times} times`];
  });
}

/** Events that the disk keeps for others than their senders are counted, too. */
async function judgeSpooled({ metrics }: ProxyProcess, own: readonly Post[]): Promise<string[]> {
  const said = await totalOf(metrics.spooled);
  const heard = own.filter(({ outcome }) => outcome === 'spooled').length;
  return said >= heard ? [] : [`spooled_events_total says ${said}, and ${heard} senders heard it`];
}

async function valuesOf(metric: Metric): Promise<readonly Sample[]> {
  return (await metric.get()).values;
}

async function totalOf(metric: Metric): Promise<number> {
  return (await valuesOf(metric)).reduce((total, { value }) => total + value, 0);
}
