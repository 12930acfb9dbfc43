import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Of everything that is ours. */
export const metricPrefix = 'security_baseline_';

/** What a metric is, for its reference page. */
export interface MetricDefinition {
  /** With the prefix. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

/** Makes metrics in one registry, and remembers what it made. */
export class MetricFactory {
  readonly definitions: MetricDefinition[] = [];
  readonly #registers: Registry[];

  constructor(registry: Registry) {
    this.#registers = [registry];
  }

  counter<L extends string>(name: string, help: string, labels: readonly L[] = []): Counter<L> {
    return new Counter(this.#define('counter', name, help, labels));
  }

  /** @param buckets upper bounds, in the unit of the name */
  histogram<L extends string>(
    name: string,
    help: string,
    labels: readonly L[],
    buckets: number[],
  ): Histogram<L> {
    return new Histogram({ ...this.#define('histogram', name, help, labels), buckets });
  }

  /** @param read fills the gauge when somebody scrapes, in the order in which gauges were made; must not wait */
  gauge<L extends string>(
    name: string,
    help: string,
    labels: readonly L[],
    read?: (gauge: Gauge<L>) => void,
  ): Gauge<L> {
    return new Gauge<L>({
      ...this.#define('gauge', name, help, labels),
      ...(read && {
        collect() {
          read(this);
        },
      }),
    });
  }

  #define<L extends string>(
    type: MetricDefinition['type'],
    plainName: string,
    help: string,
    labelNames: readonly L[],
  ) {
    const name = metricPrefix + plainName;
    this.definitions.push({ name, type, help, labels: labelNames });
    return { name, help, labelNames, registers: this.#registers };
  }
}
