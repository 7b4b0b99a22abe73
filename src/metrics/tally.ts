/**
 * A counter for the path of every event. One increment reads three maps. prom-client's own counter builds a string of
 * the labels each time, which takes ten times as long. It gets the sums only when the metrics are read.
 */
import type { Counter } from 'prom-client';

type Value = string | number;

export class Tally {
  readonly #labels: readonly string[];
  readonly #counts = new Map<Value, Map<Value, Map<Value, number>>>();

  /** `labels` are the names of the labels, at most three. */
  constructor(labels: readonly string[]) {
    this.#labels = labels;
  }

  /** Adds one for these values of the labels. */
  inc(first: Value, second: Value = '', third: Value = ''): void {
    this.#add(1, first, second, third);
  }

  /** Shows these values of the labels with the count 0, until the first `inc`. */
  begin(first: Value, second: Value = '', third: Value = ''): void {
    this.#add(0, first, second, third);
  }

  #add(count: number, first: Value, second: Value, third: Value): void {
    let bySecond = this.#counts.get(first);
    if (!bySecond) this.#counts.set(first, (bySecond = new Map<Value, Map<Value, number>>()));
    let byThird = bySecond.get(second);
    if (!byThird) bySecond.set(second, (byThird = new Map<Value, number>()));
    byThird.set(third, (byThird.get(third) ?? 0) + count);
  }

  /** Sets `counter` to all counts so far. */
  copyTo(counter: Counter): void {
    counter.reset();
    for (const [first, bySecond] of this.#counts) {
      for (const [second, byThird] of bySecond) {
        for (const [third, count] of byThird) {
          const values = [first, second, third];
          const labels = this.#labels.map((name, index): [string, Value] => [name, values[index] ?? '']);
          counter.inc(Object.fromEntries(labels), count);
        }
      }
    }
  }
}
