import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type BaselineMetrics, createBaselineMetrics } from './baseline-metrics.ts';

const prefix = 'security_baseline_';

/** One request to the API server, as src/kube tells it. */
export interface RequestObservation {
  readonly operation: { readonly verb: string; readonly resource: string };
  readonly code: string;
  readonly durationMs: number;
}

/** Where a queue's figures are read when somebody scrapes. */
export interface QueueState {
  /** Keys that wait for a worker. */
  readonly depth: number;
  /** How long the first of them has waited. Seconds. */
  readonly oldestAgeSeconds: number;
}

/** Where a watch's figures are read when somebody scrapes. */
export interface WatchState {
  readonly resource: string;
  /** Since the last sign of life (event, bookmark or list). Seconds. */
  readonly ageSeconds: number;
}

/** Exceptions, counted. */
export interface ExceptionCounts {
  readonly byState: ReadonlyMap<string, number>;
  /** Seconds until each exception in effect ends. */
  readonly secondsLeft: readonly number[];
}

/** Within how long exceptions in effect are counted as ending, by the label's value. Seconds. */
const endingWithin = { '1h': 3600, '24h': 86_400, '7d': 604_800 } as const;

/** What {@link Metrics} reads at scrape time, so that nobody has to push figures that nobody may ask for. */
export interface MetricSources {
  queue?(): QueueState;
  watches?(): readonly WatchState[];
  isLeader?(): boolean;
  /** Exceptions by state, and those in effect by how soon they end. */
  exceptions?(): ExceptionCounts;
  /** Requests in flight and the present bound on them. */
  inFlight?(): { readonly current: number; readonly limit: number };
}

/**
 * The process' metrics, in a registry of their own. No label ever holds a namespace or an object's name: at 10,000
 * namespaces that would be the largest thing the monitoring stores.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly baseline: BaselineMetrics;
  /** Filled in by the composition root as the parts come up. */
  readonly sources: MetricSources = {};

  readonly #requests = this.#counter(
    'api_requests_total',
    'Requests to the API server, by verb, resource and status code (or the kind of failure where no answer came).',
    ['verb', 'resource', 'code'],
  );
  readonly #requestDuration = this.#histogram(
    'api_request_duration_seconds',
    'Duration of requests to the API server; for watches, until the headers arrived.',
    ['verb', 'resource'],
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30],
  );
  readonly #reconciles = this.#counter('reconciles_total', 'Reconciles, by controller and result.', [
    'controller',
    'result',
  ]);
  readonly #reconcileDuration = this.#histogram(
    'reconcile_duration_seconds',
    'Duration of one reconcile, by controller.',
    ['controller'],
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
  );
  readonly #queueRetries = this.#counter(
    'queue_retries_total',
    'Keys put back because their reconcile failed.',
    [],
  );
  readonly #watchRestarts = this.#counter(
    'watch_restarts_total',
    'Watches opened again, by resource and reason.',
    ['resource', 'reason'],
  );
  readonly #relists = this.#counter('watch_relists_total', 'Lists made anew, by resource.', ['resource']);
  readonly #malformedEvents = this.#counter(
    'watch_malformed_events_total',
    'Watch events that could not be read, by resource.',
    ['resource'],
  );
  readonly #eventsDropped = this.#counter(
    'events_dropped_total',
    'Kubernetes Events that were not written, by reason: queue full, rate limit, failed.',
    ['reason'],
  );

  /** @param version ours, for the build information */
  constructor(version: string) {
    collectDefaultMetrics({ register: this.registry });
    this.baseline = createBaselineMetrics(this.registry, prefix);
    this.#gauge(
      'build_info',
      'Always 1; the version is in the labels.',
      ['version', 'node_version'],
      (gauge) => {
        gauge.set({ version, node_version: process.version }, 1);
      },
    );
    this.#gauge('leader', '1 while this replica leads, else 0.', [], (gauge) => {
      gauge.set(this.sources.isLeader?.() ? 1 : 0);
    });
    this.#gauge('queue_depth', 'Keys that wait for a worker.', [], (gauge) => {
      gauge.set(this.sources.queue?.().depth ?? 0);
    });
    this.#gauge('queue_oldest_age_seconds', 'How long the first waiting key has waited.', [], (gauge) => {
      gauge.set(this.sources.queue?.().oldestAgeSeconds ?? 0);
    });
    this.#gauge(
      'watch_age_seconds',
      'Since the last sign of life of a watch, by resource.',
      ['resource'],
      (gauge) => {
        for (const { resource, ageSeconds } of this.sources.watches?.() ?? [])
          gauge.set({ resource }, ageSeconds);
      },
    );
    this.#gauge('exceptions', 'BaselineExceptions by state.', ['state'], (gauge) => {
      gauge.reset();
      for (const [state, count] of this.sources.exceptions?.().byState ?? []) gauge.set({ state }, count);
    });
    this.#gauge(
      'exceptions_ending',
      'BaselineExceptions in effect that end within this time; each is counted in every longer one, too.',
      ['within'],
      (gauge) => {
        const secondsLeft = this.sources.exceptions?.().secondsLeft ?? [];
        for (const [within, seconds] of Object.entries(endingWithin)) {
          gauge.set({ within }, secondsLeft.filter((left) => left <= seconds).length);
        }
      },
    );
    this.#gauge('api_requests_in_flight', 'Requests in flight to the API server.', [], (gauge) => {
      gauge.set(this.sources.inFlight?.().current ?? 0);
    });
    this.#gauge('api_requests_in_flight_limit', 'Bound on them; falls on overload.', [], (gauge) => {
      gauge.set(this.sources.inFlight?.().limit ?? 0);
    });
  }

  /** Ready to be given as an ApiClient's `observer`. */
  readonly observeRequest = ({ operation, code, durationMs }: RequestObservation): void => {
    const { verb, resource } = operation;
    this.#requests.inc({ verb, resource, code });
    this.#requestDuration.observe({ verb, resource }, durationMs / 1000);
  };

  observeReconcile(controller: string, result: 'success' | 'requeued' | 'failed', durationMs: number): void {
    this.#reconciles.inc({ controller, result });
    this.#reconcileDuration.observe({ controller }, durationMs / 1000);
  }

  countQueueRetry(): void {
    this.#queueRetries.inc();
  }

  countWatchRestart(resource: string, reason: string): void {
    this.#watchRestarts.inc({ resource, reason });
  }

  countRelist(resource: string): void {
    this.#relists.inc({ resource });
  }

  countMalformedEvent(resource: string): void {
    this.#malformedEvents.inc({ resource });
  }

  /** Ready to be given as an EventRecorder's `onDropped`. */
  readonly countDroppedEvent = (reason: string): void => {
    this.#eventsDropped.inc({ reason });
  };

  #counter(name: string, help: string, labelNames: readonly string[]): Counter {
    return new Counter({ name: prefix + name, help, labelNames, registers: [this.registry] });
  }

  #histogram(name: string, help: string, labelNames: readonly string[], buckets: number[]): Histogram {
    return new Histogram({ name: prefix + name, help, labelNames, buckets, registers: [this.registry] });
  }

  #gauge(name: string, help: string, labelNames: readonly string[], read: (gauge: Gauge) => void): void {
    new Gauge({
      name: prefix + name,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        read(this);
      },
    });
  }
}
