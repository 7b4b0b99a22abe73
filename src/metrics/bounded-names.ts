/**
 * Bounds the values of a label of a metric. The first `max` names keep their own value; all later names become "other".
 * Each value of a label costs the monitoring system a series.
 */
export class BoundedNames {
  readonly #names = new Set<string>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** The label's value for `name`: the name itself, or "other" if `max` other names came before. */
  labelOf(name: string): string {
    if (this.#names.has(name)) return name;
    if (this.#names.size >= this.#max) return 'other';
    this.#names.add(name);
    return name;
  }
}
