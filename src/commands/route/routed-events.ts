/** Where the events of files would go, and by which rule. */
import type { Settings } from '../../config/schema/schema.ts';
import { checkEvent } from '../../openlineage/check.ts';
import { describeErrors } from '../../openlineage/validation-error.ts';
import type { RuleSet } from '../../routing/rule-set.ts';
import { ruleSetInForce } from '../check-config/routing-check.ts';
import { eventsOf, placeText, type FileEvent } from '../events/event-files.ts';
import { tableOf } from '../table.ts';

/** What would become of an event. `unreadable`: a file cannot be read. */
interface Route {
  readonly outcome: 'topics' | 'dead-letter' | 'refuse' | 'drop' | 'invalid' | 'unreadable';
  /** Where the event would be written to. */
  readonly topics: readonly string[];
  /** The rule that fits; null if none does, or the rules are not asked. */
  readonly rule: string | null;
  /** Of a rule, or what is wrong. */
  readonly reason: string | null;
}

interface Result extends Route, Partial<Pick<FileEvent, 'index' | 'line'>> {
  readonly file: string;
}

interface Counted {
  readonly where: string;
  readonly rule: string | null;
  readonly events: number;
}

/** Outcomes that an operator may not expect. */
const BAD: readonly Route['outcome'][] = ['refuse', 'invalid', 'unreadable'];

export interface RouteOptions {
  /** Who sends the events; undefined for an unknown sender. */
  readonly sender: string | undefined;
  readonly isJson: boolean;
}

/**
 * Prints a line for each event to standard output, then a summary. `failed` says why there are no rules. Returns the exit
 * code: 0 if no event is refused, else 1.
 */
export async function routeFiles(
  names: readonly string[],
  settings: Settings,
  { sender, isJson }: RouteOptions,
  failed: (message: string) => number,
): Promise<number> {
  const rules = ruleSetInForce(settings);
  if ('problem' in rules) return failed(rules.problem);
  const counts = new Map<string, Counted>();
  let isGood = true;
  for await (const result of resultsOf(names, (bytes) => routeOf(bytes, rules, settings, sender))) {
    isGood &&= !BAD.includes(result.outcome);
    if (isJson) console.log(JSON.stringify(result));
    else console.log(lineOf(result));
    const where = placeOf(result);
    const { rule } = result;
    const key = `${where} ${rule}`;
    counts.set(key, { where, rule, events: (counts.get(key)?.events ?? 0) + 1 });
  }
  if (!isJson) console.log(summaryOf([...counts.values()]));
  return isGood ? 0 : 1;
}

async function* resultsOf(
  names: readonly string[],
  routeOf: (bytes: Buffer) => Route,
): AsyncGenerator<Result> {
  for await (const found of eventsOf(names)) {
    if (found.error !== undefined) {
      const { file, error: reason } = found;
      yield { file, outcome: 'unreadable', topics: [], rule: null, reason };
      continue;
    }
    const { bytes, ...place } = found;
    yield { ...place, ...routeOf(bytes) };
  }
}

/** As the pipeline does it: the check comes first. */
function routeOf(
  bytes: Buffer,
  rules: RuleSet,
  { check, producer }: Settings,
  sender: string | undefined,
): Route {
  const { event, errors } = checkEvent(bytes, check.level);
  if (errors) {
    const topics = check.invalid === 'dead-letter' ? [producer.malformedTopic] : [];
    return { outcome: 'invalid', topics, rule: null, reason: describeErrors(errors) };
  }
  const rule = rules.find(bytes, event, sender);
  if (!rule) return { outcome: 'topics', topics: [producer.mainTopic], rule: null, reason: null };
  const { name, action } = rule;
  switch (action.kind) {
    case 'topics':
      return { outcome: 'topics', topics: action.topics, rule: name, reason: null };
    case 'drop':
      return { outcome: 'drop', topics: [], rule: name, reason: null };
    case 'refuse':
      return { outcome: 'refuse', topics: [], rule: name, reason: action.reason };
    case 'dead-letter':
      return { outcome: 'dead-letter', topics: [producer.malformedTopic], rule: name, reason: action.reason };
  }
}

/** `events.json[2]: lineage.finance (rule finance)`. */
function lineOf(result: Result): string {
  const { outcome, rule, reason } = result;
  const why = rule === null ? (outcome === 'topics' ? ' (no rule fits)' : '') : ` (rule ${rule})`;
  return `${placeText(result)}: ${placeOf(result)}${why}${reason === null ? '' : `: ${reason}`}`;
}

/** Where the event goes, in words. */
function placeOf({ outcome, topics }: Route): string {
  const named = topics.join(', ');
  switch (outcome) {
    case 'topics':
      return named;
    case 'dead-letter':
      return `dead letter in ${named}`;
    case 'refuse':
      return 'refused';
    case 'drop':
      return 'dropped';
    case 'invalid':
      return named === '' ? 'refused, not valid' : `dead letter in ${named}, not valid`;
    case 'unreadable':
      return 'cannot be read';
  }
}

/** The most frequent ones first. */
function summaryOf(counts: readonly Counted[]): string {
  const sorted = counts.toSorted((one, other) => other.events - one.events);
  const rows = sorted.map(({ events, where, rule }) => [String(events), where, rule ?? '']);
  return `\n${tableOf([['events', 'where', 'rule'], ...rows])}`;
}
