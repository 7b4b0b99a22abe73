/** Searches the datasets of an event for names that deviate from OpenLineage's naming rules. It stops at any dataset. */
import { member } from '../json.ts';
import { storeRules } from './stores.ts';

export const namingDeviationKinds = {
  unknown_store:
    'the namespace is none of a store that the rules name, such as `my-namespace` or `duckdb://…`',
  namespace_form: 'the namespace of a known store has another form, such as `postgres://db` without a port',
  name_form: 'the name has another form than those of its store, such as `public.orders` in Postgres',
} as const;

export type NamingDeviation = keyof typeof namingDeviationKinds;

const KINDS = Object.keys(namingDeviationKinds).length;

/** A longer text is none that the rules give. */
const MAX_LENGTH = 1000;

/** A dataset that is named against the rules. */
export interface Misnamed {
  readonly namespace: string;
  readonly name: string;
}

export class NamingSearch {
  /** Each deviation with the first dataset that has it. */
  readonly found = new Map<NamingDeviation, Misnamed>();
  readonly #lists: readonly (readonly unknown[])[];
  #list = 0;
  #next = 0;

  constructor(event: unknown) {
    const dataset = member(event, 'dataset');
    const lists = [member(event, 'inputs'), member(event, 'outputs'), [dataset]];
    this.#lists = lists.filter((list) => Array.isArray(list));
  }

  /** Looks at so many more datasets. True when it has seen all, or found every kind of deviation. */
  advance(datasets: number): boolean {
    for (let left = datasets; left > 0;) {
      const list = this.#lists[this.#list];
      if (list === undefined || this.found.size === KINDS) return true;
      if (this.#next === list.length) {
        this.#list += 1;
        this.#next = 0;
        continue;
      }
      const dataset = namesOf(list[this.#next]);
      const deviation = dataset && deviationOf(dataset);
      if (dataset && deviation !== undefined && !this.found.has(deviation))
        this.found.set(deviation, dataset);
      this.#next += 1;
      left -= 1;
    }
    return false;
  }
}

/** How the name of a dataset deviates from the rules; undefined if it does not, or is no dataset. */
export function namingDeviationOf(dataset: unknown): NamingDeviation | undefined {
  const names = namesOf(dataset);
  return names && deviationOf(names);
}

function namesOf(dataset: unknown): Misnamed | undefined {
  const namespace = member(dataset, 'namespace');
  const name = member(dataset, 'name');
  return typeof namespace === 'string' && typeof name === 'string' ? { namespace, name } : undefined;
}

function deviationOf({ namespace, name }: Misnamed): NamingDeviation | undefined {
  const rule = namespace.length > MAX_LENGTH ? undefined : storeRules.get(namespace.split(':', 1)[0] ?? '');
  if (!rule) return 'unknown_store';
  if (!rule.namespace.test(namespace)) return 'namespace_form';
  return rule.name.test(name.slice(0, MAX_LENGTH)) ? undefined : 'name_form';
}
