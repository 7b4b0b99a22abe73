/** Compares what a process counts of rules and consumers with where its events belong. */
import { metricTable } from '../../../src/metrics/metric-table.ts';
import type { ProxyProcess } from '../proxy-process.ts';
import type { Post } from '../sender.ts';
import { isTaken } from './levels.ts';

/** What does not agree, in words. `isAlive`: no answer is under way between the process and its senders. */
export async function judgePlaceCounters(
  { metrics, rules, settings }: ProxyProcess,
  own: readonly Post[],
  isAlive: boolean,
): Promise<string[]> {
  const counted = new Map<string, number>();
  const add = (name: string, value: number) => counted.set(name, (counted.get(name) ?? 0) + value);
  if (rules.length > 0)
    for (const { labels, value } of (await metrics.registry.getSingleMetric(RULES)?.get())?.values ?? [])
      add(`rule ${labels['rule'] ?? ''}`, value);
  if (settings.consumers.length > 0)
    for (const { labels, value } of (await metrics.registry.getSingleMetric(DROPS)?.get())?.values ?? [])
      add(`consumer ${labels['consumer'] ?? ''}`, value);
  const sure = new Map<string, number>();
  const possible = new Map<string, number>();
  for (const post of own) {
    const isHeard = post.outcome !== undefined && post.outcome !== 'lost';
    // One that is still without an answer may be judged by later rules.
    const fates = [post.fate, ...post.laterFates];
    const names = new Set(fates.flatMap(({ rule }) => (rule === undefined ? [] : [`rule ${rule}`])));
    for (const name of names) {
      note(possible, name);
      if (isHeard && fates.length === 1) note(sure, name);
    }
    const isKept = post.outcome === 'acknowledged' || post.outcome === 'spooled';
    if (!isKept && (isHeard || isAlive)) continue;
    for (const consumer of settings.consumers) {
      if (isTaken(post.event, consumer)) continue;
      note(possible, `consumer ${consumer}`);
      if (isKept) note(sure, `consumer ${consumer}`);
    }
  }
  return [...new Set([...counted.keys(), ...sure.keys()])].flatMap((name) => {
    const [said, least, most] = [counted.get(name) ?? 0, sure.get(name) ?? 0, possible.get(name) ?? 0];
    if (said >= least && said <= most) return [];
    return [
      `the metric of ${name} says ${said}, and it is ${least === most ? least : `${least} to ${most}`}`,
    ];
  });
}

const RULES = metricTable.ruleEvents.name;
const DROPS = metricTable.consumersDrop.name;

function note(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
