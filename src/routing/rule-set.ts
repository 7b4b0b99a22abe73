/** The rules that are in force, made for the path of every event: the first that fits decides. */
import type { RoutingRule, RuleAction, RuleList } from '../config/schema/routing-rule.ts';
import type { EventKind } from '../openlineage/event-schema.ts';
import { EventFields } from './event-fields.ts';
import { MatchingRules, type Matching } from './matching-rules.ts';

/** A rule that fits an event. */
export interface FittingRule {
  readonly name: string;
  /** The name of the rule in the metrics. They are bounded. */
  readonly label: string;
  readonly action: RuleAction;
}

/** What the check has found of an event. */
export interface RoutedEvent {
  readonly kind: EventKind;
  readonly namespace: string;
}

/** Bits of the kinds of events. */
const KIND_BITS = { run: 1, job: 2, dataset: 4 } as const;
const EVERY_KIND = 7;

export class RuleSet {
  readonly rules: readonly FittingRule[];
  /** True if a rule asks for what must be looked up in the event. That has a cost for large events. */
  readonly readsEvents: boolean;
  readonly #kinds: Uint8Array;
  readonly #minBytes: Float64Array;
  readonly #maxBytes: Float64Array;
  readonly #namespace: MatchingRules;
  readonly #sender: MatchingRules;
  readonly #name: MatchingRules;
  readonly #producer: MatchingRules;
  readonly #eventType: MatchingRules;
  readonly #inputs: MatchingRules;
  readonly #outputs: MatchingRules;

  /** `labelOf` gives the name of a rule in the metrics. */
  constructor({ rules }: RuleList, labelOf: (name: string) => string = (name) => name) {
    this.rules = rules.map(({ name, action }) => ({ name, label: labelOf(name), action }));
    this.#kinds = Uint8Array.from(rules, ({ when }) =>
      when.kind ? when.kind.reduce((bits, kind) => bits | KIND_BITS[kind], 0) : EVERY_KIND,
    );
    this.#minBytes = Float64Array.from(rules, ({ when }) => when.minBytes ?? 0);
    this.#maxBytes = Float64Array.from(rules, ({ when }) => when.maxBytes ?? Number.POSITIVE_INFINITY);
    const matching = (patterns: (when: RoutingRule['when']) => readonly string[] | undefined) =>
      new MatchingRules(rules.map(({ when }) => patterns(when)));
    this.#namespace = matching((when) => when.namespace);
    this.#sender = matching((when) => when.sender);
    this.#name = matching((when) => when.name);
    this.#producer = matching((when) => when.producer);
    this.#eventType = matching((when) => when.eventType);
    this.#inputs = matching((when) => when.inputNamespace);
    this.#outputs = matching((when) => when.outputNamespace);
    const lookedUp = [this.#name, this.#producer, this.#eventType, this.#inputs, this.#outputs];
    this.readsEvents = lookedUp.some(({ isAsked }) => isAsked);
  }

  /** The first rule that fits a valid event; undefined if none does. `sender` is undefined for an unknown one. */
  find(bytes: Buffer, { kind, namespace }: RoutedEvent, sender: string | undefined): FittingRule | undefined {
    const kindBit = KIND_BITS[kind];
    const size = bytes.length;
    const byNamespace = this.#namespace.of(namespace);
    const bySender = this.#sender.of(sender);
    const lookup = this.readsEvents ? new Lookup(bytes, kind) : undefined;
    const { length } = this.rules;
    for (let index = 0; index < length; index++) {
      if (
        byNamespace[index] === 1 &&
        bySender[index] === 1 &&
        ((this.#kinds[index] ?? 0) & kindBit) !== 0 &&
        size >= (this.#minBytes[index] ?? 0) &&
        size <= (this.#maxBytes[index] ?? 0) &&
        (!lookup || this.#fits(index, lookup))
      ) {
        return this.rules[index];
      }
    }
    return undefined;
  }

  /** The conditions on what is looked up, those that cost least first. */
  #fits(index: number, lookup: Lookup): boolean {
    return (
      (!this.#eventType.asks(index) ||
        (lookup.eventType ??= this.#eventType.of(lookup.fields.eventType))[index] === 1) &&
      (!this.#name.asks(index) || (lookup.name ??= this.#name.of(lookup.fields.name))[index] === 1) &&
      (!this.#producer.asks(index) ||
        (lookup.producer ??= this.#producer.of(lookup.fields.producer))[index] === 1) &&
      (!this.#inputs.asks(index) ||
        (lookup.inputs ??= this.#inputs.ofAny(lookup.fields.namespacesOf('inputs')))[index] === 1) &&
      (!this.#outputs.asks(index) ||
        (lookup.outputs ??= this.#outputs.ofAny(lookup.fields.namespacesOf('outputs')))[index] === 1)
    );
  }
}

/** What was looked up in one event so far: the rules that match each of its values. */
class Lookup {
  readonly fields: EventFields;
  eventType: Matching | undefined;
  name: Matching | undefined;
  producer: Matching | undefined;
  inputs: Matching | undefined;
  outputs: Matching | undefined;

  constructor(bytes: Buffer, kind: EventKind) {
    this.fields = new EventFields(bytes, kind);
  }
}
