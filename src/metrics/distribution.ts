/**
 * A histogram for the path of every event. prom-client's own makes a text of the labels for each observation, which takes a
 * microsecond, as long as all counters of an event together. Here an observation adds to two numbers.
 */
import {
  Histogram,
  type MetricObjectWithValues,
  type MetricValueWithName,
  type Registry,
  type RegistryContentType,
} from 'prom-client';

type Value = string | number;
type Shown = MetricObjectWithValues<MetricValueWithName<string>>;

/** The observations with one value of the label. */
interface Series {
  /** By bucket, the last of which has no bound. An observation is in one of them. */
  readonly counts: number[];
  sum: number;
}

export interface DistributionFacts {
  readonly name: string;
  readonly help: string;
  /** The name of the label, if it has one. */
  readonly label: string | undefined;
  /** The upper bounds of the buckets, the lowest first. */
  readonly buckets: readonly number[];
}

export class Distribution {
  readonly #facts: DistributionFacts;
  readonly #series = new Map<Value, Series>();

  constructor(facts: DistributionFacts) {
    this.#facts = facts;
    if (facts.label === undefined) this.#begin('');
  }

  /** Adds an observation with this value of the label. */
  observe(observed: number, label: Value = ''): void {
    const series = this.#series.get(label) ?? this.#begin(label);
    const { buckets } = this.#facts;
    let bucket = 0;
    while (bucket < buckets.length && observed > (buckets[bucket] ?? Infinity)) bucket += 1;
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
    series.sum += observed;
  }

  /** The values as Prometheus has them: a bucket counts all observations up to its bound. */
  get values(): MetricValueWithName<string>[] {
    const { name, label, buckets } = this.#facts;
    return [...this.#series].flatMap(([value, { counts, sum }]) => {
      const labels = label === undefined ? {} : { [label]: value };
      let count = 0;
      const counted = [...buckets, '+Inf'].map((le, bucket) => {
        count += counts[bucket] ?? 0;
        return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: count };
      });
      return [
        ...counted,
        { metricName: `${name}_sum`, labels, value: sum },
        { metricName: `${name}_count`, labels, value: count },
      ];
    });
  }

  #begin(label: Value): Series {
    const series = { counts: new Array<number>(this.#facts.buckets.length + 1).fill(0), sum: 0 };
    this.#series.set(label, series);
    return series;
  }
}

/** Shows a distribution in the registry. */
class ShownDistribution extends Histogram {
  readonly #distribution: Distribution;
  /** Has the facts in the form that prom-client wants, and no registry. */
  readonly #empty: Histogram;

  constructor(distribution: Distribution, facts: DistributionFacts, registry: Registry<RegistryContentType>) {
    const { name, help, label, buckets } = facts;
    const configuration = {
      name,
      help,
      labelNames: label === undefined ? [] : [label],
      buckets: [...buckets],
    };
    super({ ...configuration, registers: [registry] });
    this.#distribution = distribution;
    this.#empty = new Histogram({ ...configuration, registers: [] });
  }

  override async get(): Promise<Shown> {
    return { ...(await this.#empty.get()), values: this.#distribution.values };
  }

  /** prom-client reads this for its text format. Its types do not name it. */
  getForPromString(): Promise<Shown> {
    return this.get();
  }
}

/** Makes a distribution that the registry shows. */
export function registerDistribution(
  facts: DistributionFacts,
  registry: Registry<RegistryContentType>,
): Distribution {
  const distribution = new Distribution(facts);
  new ShownDistribution(distribution, facts, registry);
  return distribution;
}
