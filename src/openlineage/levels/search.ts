/**
 * A search for what a level or a consumer objects to in an event. It stops and goes on at any value, so that a large
 * event can be searched in turns with other requests.
 */
import { excerpt, MAX_ERRORS, type ValidationError } from '../validation-error.ts';

/** One objection. `reason` is a value of a label: a small set of names for each level or consumer. */
export interface Objection extends ValidationError {
  readonly reason: string;
}

/** The objection without its reason, as an answer shows it. */
export function errorOf({ location, message, code, context, input }: Objection): ValidationError {
  return { location, message, code, context, input };
}

export interface Search {
  /** Searches at most `values` more values. True when the search has ended. */
  advance(values: number): boolean;
  /** What it has found so far, at most `MAX_ERRORS`. */
  readonly objections: readonly Objection[];
}

/** Where a value is: the key in its container, and the place of the container. */
export interface Place {
  readonly key: string | number;
  readonly container: Place | undefined;
}

export const BODY: Place = { key: 'body', container: undefined };

/** The path from the body to the place. */
export function locationOf(place: Place): readonly (string | number)[] {
  const keys: (string | number)[] = [];
  for (let at: Place | undefined = place; at; at = at.container) keys.push(at.key);
  return keys.reverse();
}

/** A search that has ended already. */
export class SettledSearch implements Search {
  readonly objections: readonly Objection[];

  constructor(objections: readonly Objection[]) {
    this.objections = objections;
  }

  advance(): boolean {
    return true;
  }
}

/** What is to be searched next: a value, or the rest of the items of an array, or of the members of an object. */
type Task<Type> =
  | { readonly kind: 'value'; readonly type: Type; readonly value: unknown; readonly place: Place }
  | {
      readonly kind: 'items';
      readonly type: Type;
      readonly items: readonly unknown[];
      readonly place: Place;
      next: number;
    }
  | {
      readonly kind: 'members';
      readonly type: Type;
      readonly object: object;
      readonly names: readonly string[];
      readonly place: Place;
      next: number;
    };

/** Searches the values of an event one after the other, each against its type. A subclass knows the types. */
export abstract class ValueSearch<Type> implements Search {
  readonly objections: Objection[] = [];
  /** What comes first is last. */
  readonly #tasks: Task<Type>[] = [];

  advance(values: number): boolean {
    for (let left = values; left > 0; left--) {
      const task = this.#tasks.at(-1);
      if (task === undefined || this.objections.length >= MAX_ERRORS) return true;
      if (task.kind === 'value') {
        this.#tasks.pop();
        this.visit(task.type, task.value, task.place);
      } else {
        this.#visitNext(task);
      }
    }
    return false;
  }

  #visitNext(task: Exclude<Task<Type>, { kind: 'value' }>): void {
    const index = task.next++;
    const { type, place } = task;
    if (task.kind === 'items') {
      if (task.next >= task.items.length) this.#tasks.pop();
      if (index < task.items.length) {
        this.visit(type, task.items[index], { key: index, container: place });
      }
      return;
    }
    if (task.next >= task.names.length) this.#tasks.pop();
    const name = task.names[index];
    if (name !== undefined) this.visit(type, Reflect.get(task.object, name), { key: name, container: place });
  }

  /** Checks the value itself, and adds what is inside it. */
  protected abstract visit(type: Type, value: unknown, place: Place): void;

  /** Adds values to be searched next, in this order. */
  protected add(
    values: readonly { readonly type: Type; readonly value: unknown; readonly place: Place }[],
  ): void {
    for (let index = values.length - 1; index >= 0; index--) {
      const one = values[index];
      if (one) this.#tasks.push({ kind: 'value', ...one });
    }
  }

  protected addItems(type: Type, items: readonly unknown[], place: Place): void {
    if (items.length > 0) this.#tasks.push({ kind: 'items', type, items, place, next: 0 });
  }

  /** Adds the members of these names, all of one type. */
  protected addMembers(type: Type, object: object, names: readonly string[], place: Place): void {
    if (names.length > 0) this.#tasks.push({ kind: 'members', type, object, names, place, next: 0 });
  }

  protected object(
    reason: string,
    code: string,
    message: string,
    place: Place,
    value: unknown,
    context = {},
  ): void {
    const location = locationOf(place);
    this.objections.push({ reason, location, message, code, context, input: excerpt(plain(value)) });
  }
}

/** JSON has no BigInt. */
function plain(value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
