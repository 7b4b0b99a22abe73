/** What is wrong with routing rules beyond their form: rules that can never fit an event. */
import { matcherOf } from '../../auth/pattern.ts';
import { recognisesSenders } from '../../config/rules/auth-rules.ts';
import type { RoutingRule, RuleConditions, RuleList } from '../../config/schema/routing-rule.ts';
import type { Settings } from '../../config/schema/schema.ts';
import { RuleSet } from '../../routing/rule-set.ts';
import { readRulesFile } from '../../routing/rules-file.ts';
import { errorText } from '../../support/error-text.ts';
import type { Finding } from './finding.ts';
import type { AskedTopic } from './topic-check.ts';

/**
 * The rules that the proxy would use.
 * @throws when the file of rules cannot be read or is invalid, with a message for the user.
 */
export function rulesInForce({ routing, producer }: Settings): RuleList {
  return routing.file === undefined
    ? routing.rules
    : readRulesFile(routing.file, producer.malformedTopic).list;
}

/** The same, ready for events; where there are none, why not. */
export function ruleSetInForce(settings: Settings): RuleSet | { readonly problem: string } {
  try {
    return new RuleSet(rulesInForce(settings));
  } catch (error) {
    return { problem: `routing.file: ${errorText(error)}` };
  }
}

/** The topics of the rules, each with the first rule that names it. */
export function topicsOfRules(settings: Settings): readonly AskedTopic[] {
  const { rules, topics } = rulesInForce(settings);
  return topics.map((name) => {
    const index = rules.findIndex(({ action }) => action.kind === 'topics' && action.topics.includes(name));
    return { place: placeOf(settings, index, rules[index]), name };
  });
}

/** A warning for each rule that can never fit, as far as that is certain. */
export function findDeadRules(settings: Settings): readonly Finding[] {
  const { rules } = rulesInForce(settings);
  return rules.flatMap((rule, index) => {
    const place = placeOf(settings, index, rule);
    const found = neverFits(rule, settings) ?? coveredBy(rule, rules.slice(0, index));
    return found ? [{ severity: 'warning', place, ...found }] : [];
  });
}

type Problem = Pick<Finding, 'message' | 'advice'>;

/** `routing.rules[2] (finance)`. */
function placeOf({ routing }: Settings, index: number, rule: RoutingRule | undefined): string {
  return `${routing.file === undefined ? 'routing.rules' : 'routing.file: rules'}[${index}] (${rule?.name ?? ''})`;
}

function neverFits({ when }: RoutingRule, settings: Settings): Problem | undefined {
  const { maxRequestSize } = settings.producer;
  if ((when.minBytes ?? 0) > maxRequestSize) {
    return {
      message: `the rule never fits: min_bytes is ${when.minBytes}, and producer.max_request_size is ${maxRequestSize}`,
      advice: 'A larger event is refused with 413.',
    };
  }
  if (when.sender && !recognisesSenders(settings)) {
    return {
      message: 'the rule never fits: it has a condition on the sender, and the proxy authenticates no sender',
      advice: 'Configure a way to authenticate senders, or remove the condition.',
    };
  }
  return undefined;
}

function coveredBy(rule: RoutingRule, earlier: readonly RoutingRule[]): Problem | undefined {
  const covering = earlier.find((one) => covers(one.when, rule.when));
  return (
    covering && {
      message: `the rule never fits: the rule ${covering.name} before it fits each of its events`,
      advice: `Put it before the rule ${covering.name}, or remove it.`,
    }
  );
}

/** True if each event that `later` fits is certainly one that `earlier` fits. */
function covers(earlier: RuleConditions, later: RuleConditions): boolean {
  return (
    hasAll(earlier.kind, later.kind) &&
    hasAll(earlier.eventType, later.eventType) &&
    // Each valid event has a namespace and a name.
    (takesAll(earlier.namespace) || matchesAll(earlier.namespace, later.namespace)) &&
    (takesAll(earlier.name) || matchesAll(earlier.name, later.name)) &&
    matchesAll(earlier.inputNamespace, later.inputNamespace) &&
    matchesAll(earlier.outputNamespace, later.outputNamespace) &&
    matchesAll(earlier.producer, later.producer) &&
    matchesAll(earlier.sender, later.sender) &&
    (earlier.minBytes ?? 0) <= (later.minBytes ?? 0) &&
    (earlier.maxBytes ?? Number.POSITIVE_INFINITY) >= (later.maxBytes ?? Number.POSITIVE_INFINITY)
  );
}

function hasAll(earlier: readonly string[] | undefined, later: readonly string[] | undefined): boolean {
  return !earlier || (later?.every((word) => earlier.includes(word)) ?? false);
}

function takesAll(patterns: readonly string[] | undefined): boolean {
  return patterns?.some((pattern) => /^\*+$/.test(pattern)) ?? false;
}

/** Stands for any characters. It is in no pattern that a user writes: it is no character. */
const ANY = '\uffff';

/**
 * True if each text that a later pattern matches is one that an earlier pattern matches. An asterisk of the later one can
 * only be matched by one of the earlier one: then it does not matter what it stands for.
 */
function matchesAll(earlier: readonly string[] | undefined, later: readonly string[] | undefined): boolean {
  if (!earlier) return true;
  return (
    later?.every((pattern) => {
      const text = pattern.replaceAll('*', ANY);
      return earlier.some((one) => matcherOf(one)(text));
    }) ?? false
  );
}
