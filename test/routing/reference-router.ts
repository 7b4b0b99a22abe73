/** What routing must do, written down as simply as possible: from the parsed event, rule by rule. */
import assert from 'node:assert/strict';
import { matcherOf } from '../../src/auth/pattern.ts';
import type { RuleList } from '../../src/config/schema/routing-rule.ts';
import { readRules, type RoutingRule } from '../../src/config/schema/routing-rule.ts';
import { checkEvent } from '../../src/openlineage/check.ts';
import type { EventKind } from '../../src/openlineage/event-schema.ts';
import { member } from '../../src/openlineage/json.ts';
import { textPool } from '../../src/openlineage/scanner-module.ts';
import { EventFields } from '../../src/routing/event-fields.ts';
import { scanEvent } from '../../src/openlineage/scanner.ts';
import { RuleSet } from '../../src/routing/rule-set.ts';
import type { Random } from '../openlineage/random.ts';

/** The rules of a written list; throws where one is wrong. */
export function rulesOf(...written: readonly object[]): RuleList {
  const { list, problems } = readRules(written);
  assert.deepEqual(problems, []);
  return list;
}

interface Fields {
  readonly kind: EventKind;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly producer: string | undefined;
  readonly eventType: string | undefined;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

function fieldsOf(bytes: Buffer, kind: EventKind): Fields {
  const event: unknown = JSON.parse(bytes.toString('utf8'));
  const own = member(event, kind === 'dataset' ? 'dataset' : 'job');
  return {
    kind,
    namespace: textOf(member(own, 'namespace')),
    name: textOf(member(own, 'name')),
    producer: textOf(member(event, 'producer')),
    eventType: textOf(member(event, 'eventType')),
    inputs: namespacesOf(member(event, 'inputs')),
    outputs: namespacesOf(member(event, 'outputs')),
  };
}

function namespacesOf(datasets: unknown): readonly string[] {
  const items: readonly unknown[] = Array.isArray(datasets) ? datasets : [];
  const namespaces = items.map((item) => textOf(member(item, 'namespace')));
  return [...new Set(namespaces.filter((namespace) => namespace !== undefined))];
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function fits({ when }: RoutingRule, fields: Fields, size: number, sender: string | undefined): boolean {
  const among = (words: readonly string[] | undefined, word: string | undefined) =>
    !words || (word !== undefined && words.includes(word));
  const matches = (patterns: readonly string[] | undefined, values: readonly (string | undefined)[]) =>
    !patterns || values.some((value) => value !== undefined && patterns.some((one) => matcherOf(one)(value)));
  return (
    among(when.kind, fields.kind) &&
    among(when.eventType, fields.eventType) &&
    matches(when.namespace, [fields.namespace]) &&
    matches(when.name, [fields.name]) &&
    matches(when.producer, [fields.producer]) &&
    matches(when.sender, [sender]) &&
    matches(when.inputNamespace, fields.inputs) &&
    matches(when.outputNamespace, fields.outputs) &&
    size >= (when.minBytes ?? 0) &&
    size <= (when.maxBytes ?? size)
  );
}

/** The rule of the list that fits a valid event of this kind. */
export function ruleFor(bytes: Buffer, kind: EventKind, { rules }: RuleList): RoutingRule | undefined {
  const fields = fieldsOf(bytes, kind);
  return rules.find((rule) => fits(rule, fields, bytes.length, undefined));
}

/** One for several events: it remembers what it has found. */
const made = new WeakMap<RuleList, RuleSet>();

/**
 * Fails if routing finds other fields of an event than `JSON.parse`, or another rule. Returns the index of the rule, -1 for
 * none. Undefined if the event is not valid, at neither level.
 */
export function routeOf(bytes: Buffer, list: RuleList, sender?: string): number | undefined {
  const event = checkEvent(bytes, 'core').event ?? checkEvent(bytes, 'routing').event;
  if (!event) return undefined;
  const { kind, namespace } = event;
  const expected = fieldsOf(bytes, kind);
  const rules = made.get(list) ?? new RuleSet(list);
  made.set(list, rules);
  const index = list.rules.findIndex((rule) => fits(rule, expected, bytes.length, sender));
  const check = (text: Buffer) => {
    // What the scan has noted, and what is found without it.
    scanEvent(text);
    assert.deepEqual(lookedUp(text, kind, namespace), expected);
    assert.deepEqual(lookedUp(text, kind, namespace), expected);
    assert.equal(rules.find(text, event, sender)?.name, list.rules[index]?.name);
  };
  check(bytes);
  inPool(bytes, check);
  return index;
}

function lookedUp(bytes: Buffer, kind: EventKind, namespace: string): Fields {
  const fields = new EventFields(bytes, kind);
  const inputs = fields.namespacesOf('inputs');
  const { name, producer, eventType } = fields;
  return { kind, namespace, name, producer, eventType, inputs, outputs: fields.namespacesOf('outputs') };
}

/** Large bodies lie there. What is behind the text is not part of it. */
function inPool(bytes: Buffer, check: (text: Buffer) => void): void {
  const block = textPool.take(bytes.length);
  assert.ok(block);
  const view = block.view(bytes.length);
  bytes.copy(view);
  try {
    check(view);
  } finally {
    block.unpin();
  }
}

const PATTERNS = ['*', 'a', 'a*', '*b', 'jobs', 'data', 'own', 'set', '*e*', 'Ж', '\n', 'p*', '?', 'https:*'];
const TYPES = ['START', 'COMPLETE', 'RUNNING'];

/** Some rules, of which each has some conditions. The values are those that events of tests have. */
export function someRules(random: Random): RuleList {
  const count = 1 + random.below(6);
  const several = (values: readonly string[]) =>
    Array.from({ length: 1 + random.below(2) }, () => random.of(values));
  return rulesOf(
    ...Array.from({ length: count }, (_, index) => {
      const when: Record<string, unknown> = {};
      for (const condition of [
        'namespace',
        'name',
        'producer',
        'input_namespace',
        'output_namespace',
        'sender',
      ]) {
        if (random.below(4) === 0) when[condition] = several(PATTERNS);
      }
      if (random.below(4) === 0) when['kind'] = several(['run', 'job', 'dataset']);
      if (random.below(4) === 0) when['event_type'] = several(TYPES);
      if (random.below(6) === 0) when['min_bytes'] = random.below(1000);
      if (random.below(6) === 0) when['max_bytes'] = 1000 + random.below(1000);
      return { name: `rule-${index}`, when, drop: true };
    }),
  );
}
