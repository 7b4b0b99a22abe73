/** The form of a routing rule, as a user writes it, and how it is read. `src/routing/` applies it. */
import { Type, type TSchema } from 'typebox';
import { nearestName, suggestion } from '../nearest-name.ts';
import { shownValue as shown } from '../shown-value.ts';
import { boolean, bytes, list, oneOf, text, type Kind, type PartProblem } from './kind.ts';
import { topic } from './text-kinds.ts';

/** What an event must be, so that a rule fits. A member that is undefined is no condition. Of a list, one must match. */
export interface RuleConditions {
  readonly kind?: readonly ('run' | 'job' | 'dataset')[] | undefined;
  readonly eventType?: readonly ('START' | 'RUNNING' | 'COMPLETE' | 'ABORT' | 'FAIL' | 'OTHER')[] | undefined;
  /** Patterns of the namespace of the event's own job or dataset, and of its name. */
  readonly namespace?: readonly string[] | undefined;
  readonly name?: readonly string[] | undefined;
  /** Patterns of the namespace of an input or output dataset. */
  readonly inputNamespace?: readonly string[] | undefined;
  readonly outputNamespace?: readonly string[] | undefined;
  readonly producer?: readonly string[] | undefined;
  /** Patterns of the sender's name. */
  readonly sender?: readonly string[] | undefined;
  /** The size of the event. */
  readonly minBytes?: number | undefined;
  readonly maxBytes?: number | undefined;
}

/** What happens to an event that a rule fits. */
export type RuleAction =
  | { readonly kind: 'topics'; readonly topics: readonly string[] }
  /** The event is kept for the dead-letter topic. */
  | { readonly kind: 'dead-letter'; readonly reason: string }
  | { readonly kind: 'refuse'; readonly reason: string }
  | { readonly kind: 'drop' };

export interface RoutingRule {
  readonly name: string;
  readonly when: RuleConditions;
  readonly action: RuleAction;
}

/** The rules of a setting or a file, in the order in which they are tried. */
export class RuleList {
  readonly rules: readonly RoutingRule[];
  /** As the user wrote it. */
  readonly written: unknown;

  constructor(rules: readonly RoutingRule[], written: unknown) {
    this.rules = rules;
    this.written = written;
  }

  /** The topics that the rules name, each once. */
  get topics(): readonly string[] {
    const named = this.rules.flatMap(({ action }) => (action.kind === 'topics' ? action.topics : []));
    return [...new Set(named)];
  }
}

/** Each rule costs memory for each namespace and name of the events: see src/routing/matching-rules.ts. */
const MAX_RULES = 1000;

/** A rule has few topics: each event is written to all of them. */
const MAX_TOPICS = 10;

const ruleName = text('name', 'a name of up to 64 letters, digits, dots, dashes and underscores', {
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
});
const patterns = list(text('pattern', 'patterns, in which * stands for any characters'), { commas: false });
const size = bytes({ from: 0, to: 1024 ** 3 });
const reason = text('reason', 'a text of up to 500 characters: why', { maxLength: 500 });
const topics = list(topic);

/** The conditions by the names that users write, each with the name in `RuleConditions`. */
const CONDITIONS = {
  kind: ['kind', list(oneOf(['run', 'job', 'dataset']))],
  event_type: ['eventType', list(oneOf(['START', 'RUNNING', 'COMPLETE', 'ABORT', 'FAIL', 'OTHER']))],
  namespace: ['namespace', patterns],
  name: ['name', patterns],
  input_namespace: ['inputNamespace', patterns],
  output_namespace: ['outputNamespace', patterns],
  producer: ['producer', patterns],
  sender: ['sender', patterns],
  min_bytes: ['minBytes', size],
  max_bytes: ['maxBytes', size],
} as const satisfies Record<string, readonly [keyof RuleConditions, Kind<unknown>]>;

const ACTIONS = { topics, dead_letter: reason, refuse: reason, drop: boolean() } as const;

const MEMBERS = ['name', 'when', ...Object.keys(ACTIONS)];
const ONE_ACTION = 'one of topics, dead_letter, refuse and drop was expected';

/** The kind of the setting, and of the list in a file of its own. */
export const ruleList: Kind<RuleList> = {
  label: 'list of routing rules',
  expected: 'a list of routing rules',
  written: writtenForm(),
  read: (written) => {
    const { list, problems } = readRules(written);
    return problems.length === 0 ? list : undefined;
  },
  holds: (value) => value instanceof RuleList,
  format: (value) => (value instanceof RuleList ? value.written : value),
  problems: (written) => readRules(written).problems,
};

const DEAD_LETTERS = 'producer.malformed_topic has dead letters only; use `dead_letter:` with a reason';

/** The message if a rule names the dead-letter topic. */
export function deadLetterTopicError({ written }: RuleList, deadLetterTopic: string): string | undefined {
  const [problem] = readRules(written, deadLetterTopic).problems;
  return problem && `[${problem.path[0]}] ${problem.message}`;
}

export interface RulesRead {
  readonly list: RuleList;
  readonly problems: readonly PartProblem[];
}

/**
 * Reads a list of rules: a JSON value, or JSON as text. The list has the rules without a problem. No rule may name
 * `deadLetterTopic`.
 */
export function readRules(written: unknown, deadLetterTopic?: string): RulesRead {
  const value = fromText(written);
  if (!Array.isArray(value)) {
    const problem = { path: [], message: `${shown(written)} where a list of rules was expected` };
    return { list: new RuleList([], []), problems: [problem] };
  }
  const items: readonly unknown[] = value;
  const problems: PartProblem[] = [];
  if (items.length > MAX_RULES) {
    problems.push({ path: [], message: `${items.length} rules, where at most ${MAX_RULES} are possible` });
  }
  const rules: RoutingRule[] = [];
  const names = new Map<string, number>();
  for (const [index, item] of items.entries()) {
    const reading = new RuleReading(index, item, problems);
    const rule = reading.read();
    if (!rule) continue;
    if (rule.action.kind === 'topics' && rule.action.topics.some((topic) => topic === deadLetterTopic)) {
      reading.note(['topics'], DEAD_LETTERS);
    }
    const earlier = names.get(rule.name);
    if (earlier === undefined) names.set(rule.name, index);
    else reading.note(['name'], `the rule [${earlier}] has the same name`);
    rules.push(rule);
  }
  return { list: new RuleList(rules, value), problems };
}

function fromText(written: unknown): unknown {
  if (typeof written !== 'string') return written ?? [];
  if (written.trim() === '') return [];
  try {
    return JSON.parse(written);
  } catch {
    return written;
  }
}

/** Reads one rule, and notes what is wrong with it. */
class RuleReading {
  readonly #index: number;
  readonly #members: ReadonlyMap<string, unknown> | undefined;
  readonly #problems: PartProblem[];
  readonly #before: number;

  constructor(index: number, item: unknown, problems: PartProblem[]) {
    this.#index = index;
    this.#members = membersOf(item);
    this.#problems = problems;
    this.#before = problems.length;
  }

  /** Undefined if something is wrong. */
  read(): RoutingRule | undefined {
    const members = this.#members;
    if (!members) {
      this.note([], 'a rule with `name:`, `when:` and what to do was expected');
      return undefined;
    }
    for (const member of members.keys()) {
      if (!MEMBERS.includes(member)) this.note([member], unknown('member', member, MEMBERS));
    }
    if (!members.has('name')) this.note([], 'the name is missing');
    const name = members.has('name') ? this.#value(['name'], ruleName, members.get('name')) : undefined;
    const when = this.#readConditions(members.get('when'));
    const action = this.#readAction(members);
    if (name === undefined || !action || this.#problems.length > this.#before) return undefined;
    return { name, when, action };
  }

  note(path: readonly string[], message: string): void {
    const name = this.#members?.get('name');
    const who = typeof name === 'string' ? `rule ${shown(name)}: ` : '';
    this.#problems.push({ path: [this.#index, ...path], message: who + message });
  }

  #value<T>(path: readonly string[], kind: Kind<T>, written: unknown): T | undefined {
    const value = kind.read(written);
    if (kind.holds(value)) return value;
    this.note(path, `${shown(written)} where ${kind.expected} was expected`);
    return undefined;
  }

  #readConditions(written: unknown): RuleConditions {
    const members =
      written === undefined || written === null ? new Map<string, unknown>() : membersOf(written);
    if (!members) {
      this.note(['when'], `${shown(written)} where conditions were expected, such as "namespace: prod-*"`);
      return {};
    }
    const known: readonly string[] = Object.keys(CONDITIONS);
    for (const condition of members.keys()) {
      if (!known.includes(condition)) this.note(['when', condition], unknown('condition', condition, known));
    }
    const of = <T>(condition: keyof typeof CONDITIONS, kind: Kind<T>): T | undefined => {
      const written = members.get(condition);
      if (!members.has(condition)) return undefined;
      const value = this.#value(['when', condition], kind, written);
      if (Array.isArray(value) && value.length === 0) {
        this.note(['when', condition], 'it is empty, and matches no event; remove the condition');
      }
      return value;
    };
    const when = {
      kind: of('kind', CONDITIONS.kind[1]),
      eventType: of('event_type', CONDITIONS.event_type[1]),
      namespace: of('namespace', patterns),
      name: of('name', patterns),
      inputNamespace: of('input_namespace', patterns),
      outputNamespace: of('output_namespace', patterns),
      producer: of('producer', patterns),
      sender: of('sender', patterns),
      minBytes: of('min_bytes', size),
      maxBytes: of('max_bytes', size),
    };
    const { minBytes = 0, maxBytes = Number.POSITIVE_INFINITY } = when;
    if (minBytes > maxBytes) {
      this.note(['when', 'min_bytes'], `no event has ${minBytes} bytes or more, and ${maxBytes} or fewer`);
    }
    return when;
  }

  /** Notes what is wrong, so the rule is not used then. */
  #readAction(members: ReadonlyMap<string, unknown>): RuleAction | undefined {
    const named = Object.keys(ACTIONS).filter((action) => members.has(action));
    if (named.length !== 1) {
      const isMisspelt = [...members.keys()].some((member) => !MEMBERS.includes(member));
      if (named.length > 0) this.note([], `${named.join(' and ')}, where ${ONE_ACTION}`);
      else if (!isMisspelt) this.note([], ONE_ACTION);
      return undefined;
    }
    if (members.has('topics')) {
      const value = this.#value(['topics'], topics, members.get('topics'));
      if (value && (value.length === 0 || value.length > MAX_TOPICS || new Set(value).size < value.length)) {
        this.note(['topics'], `${shown(value)} where 1 to ${MAX_TOPICS} different topics were expected`);
      }
      return value && { kind: 'topics', topics: value };
    }
    if (members.has('drop')) {
      const value = this.#value(['drop'], ACTIONS.drop, members.get('drop'));
      if (value === false) this.note(['drop'], 'only true has a meaning');
      return { kind: 'drop' };
    }
    const [action = ''] = named;
    const why = this.#value([action], reason, members.get(action));
    if (why === undefined) return undefined;
    return { kind: action === 'refuse' ? 'refuse' : 'dead-letter', reason: why };
  }
}

function membersOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? new Map<string, unknown>(Object.entries(value)) : undefined;
}

function unknown(what: string, name: string, known: readonly string[]): string {
  return `there is no ${what} ${shown(name)}.${suggestion(nearestName(name, known))}`;
}

/** For editors. */
function writtenForm(): TSchema {
  const oneOrMore = (kind: TSchema) => Type.Union([kind, Type.Array(kind)]);
  const one = text().written;
  const forms: Record<keyof typeof CONDITIONS, TSchema> = {
    kind: oneOrMore(Type.Enum(['run', 'job', 'dataset'])),
    event_type: oneOrMore(Type.Enum(['START', 'RUNNING', 'COMPLETE', 'ABORT', 'FAIL', 'OTHER'])),
    namespace: oneOrMore(one),
    name: oneOrMore(one),
    input_namespace: oneOrMore(one),
    output_namespace: oneOrMore(one),
    producer: oneOrMore(one),
    sender: oneOrMore(one),
    min_bytes: size.written,
    max_bytes: size.written,
  };
  const conditions = Object.entries(forms).map(([name, form]): [string, TSchema] => [
    name,
    Type.Optional(form),
  ]);
  return Type.Array(
    Type.Object(
      {
        name: ruleName.written,
        when: Type.Optional(Type.Object(Object.fromEntries(conditions), { additionalProperties: false })),
        topics: Type.Optional(oneOrMore(topic.written)),
        dead_letter: Type.Optional(reason.written),
        refuse: Type.Optional(reason.written),
        drop: Type.Optional(Type.Literal(true)),
      },
      { additionalProperties: false },
    ),
  );
}
