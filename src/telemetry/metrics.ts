import { type Counter, collectDefaultMetrics, Registry } from 'prom-client';
import { type BaselineMetrics, createBaselineMetrics } from './baseline-metrics.ts';
import { FleetMetrics, type FleetState } from './fleet-metrics.ts';
import { type MetricDefinition, MetricFactory } from './metric-factory.ts';

/** One request to the API server, as src/kube tells it. */
export interface RequestObservation {
  readonly operation: { readonly verb: string; readonly resource: string };
  readonly code: string;
  readonly durationMs: number;
}

/** The queue's lanes, as src/runtime names them. */
export type QueueLane = 'urgent' | 'normal';

/** Where a lane's figures are read when somebody scrapes. */
export interface LaneState {
  /** Keys that wait for a worker. */
  readonly depth: number;
  /** How long the first of them has waited. Seconds. */
  readonly oldestAgeSeconds: number;
}

/** Where a watch's figures are read when somebody scrapes. */
export interface WatchState {
  /** Unlike that of any other watch. */
  readonly resource: string;
  /** Since the last sign of life (event, bookmark or list); undefined before the first. Seconds. */
  readonly ageSeconds: number | undefined;
  /** Whether it makes the replica unready. */
  readonly isStale: boolean;
}

/** What {@link Metrics} reads at scrape time, so that nobody has to push figures that nobody may ask for. */
export interface MetricSources {
  queue?(): Readonly<Record<QueueLane, LaneState>>;
  watches?(): readonly WatchState[];
  isLeader?(): boolean;
  /** The fleet, where this replica leads. */
  fleet?(): FleetState | undefined;
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
  readonly #factory = new MetricFactory(this.registry);

  readonly #requests = this.#factory.counter(
    'api_requests_total',
    'Requests to the API server, by verb, resource and status code (or the kind of failure where no answer came).',
    ['verb', 'resource', 'code'],
  );
  readonly #requestDuration = this.#factory.histogram(
    'api_request_duration_seconds',
    'Duration of requests to the API server; for watches, until the headers arrived.',
    ['verb', 'resource'],
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30],
  );
  readonly #reconciles = this.#factory.counter('reconciles_total', 'Reconciles, by controller and result.', [
    'controller',
    'result',
  ]);
  readonly #reconcileDuration = this.#factory.histogram(
    'reconcile_duration_seconds',
    'Duration of one reconcile, by controller.',
    ['controller'],
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
  );
  readonly #queueWait = this.#factory.histogram(
    'queue_wait_seconds',
    'How long namespaces waited for a worker, by lane: urgent (new, drifted, or due at a time) or normal (a rollout, a resync).',
    ['lane'],
    [0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300],
  );
  readonly #queueRetries = this.#factory.counter(
    'queue_retries_total',
    'Namespaces put back because their reconcile failed, by lane.',
    ['lane'],
  );
  readonly #watchRestarts = this.#factory.counter(
    'watch_restarts_total',
    'Watches opened again after a failure, by resource and by how: resumed, or with a new list.',
    ['resource', 'reason'],
  );
  readonly #relists = this.#factory.counter(
    'watch_relists_total',
    'Complete lists taken, the first one included, by resource.',
    ['resource'],
  );
  readonly #malformedEvents = this.#factory.counter(
    'watch_malformed_events_total',
    'Watch events that could not be read, by resource.',
    ['resource'],
  );
  readonly #eventsDropped: Counter<'reason'> = this.#factory.counter(
    'events_dropped_total',
    'Kubernetes Events that were not written, by reason: queue-full, rate-limit, failed.',
    ['reason'],
  );

  /** @param version ours, for the build information */
  constructor(version: string) {
    this.baseline = createBaselineMetrics(this.#factory);
    new FleetMetrics(this.#factory, () => this.sources.fleet?.());
    this.#defineGauges(version);
    collectDefaultMetrics({ register: this.registry });
    // Gauges by the name of counters, which Prometheus' linter rejects; two of them count what Node.js no longer tells.
    for (const { name } of this.registry.getMetricsAsArray()) {
      if (/^nodejs_active_.*(_total|handles|requests)$/.test(name)) this.registry.removeSingleMetric(name);
    }
  }

  /** Our own metrics, those of Node.js and the process aside. */
  get definitions(): readonly MetricDefinition[] {
    return this.#factory.definitions;
  }

  /** Ready to be given as an ApiClient's `observer`. */
  readonly observeRequest = ({ operation, code, durationMs }: RequestObservation): void => {
    const { verb, resource } = operation;
    this.#requests.inc({ verb, resource, code });
    this.#requestDuration.observe({ verb, resource }, durationMs / 1000);
  };

  observeReconcile(controller: string, result: 'success' | 'failed', durationMs: number): void {
    this.#reconciles.inc({ controller, result });
    this.#reconcileDuration.observe({ controller }, durationMs / 1000);
  }

  observeQueueWait(lane: QueueLane, waitedMs: number): void {
    this.#queueWait.observe({ lane }, waitedMs / 1000);
  }

  countQueueRetry(lane: QueueLane): void {
    this.#queueRetries.inc({ lane });
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

  #defineGauges(version: string): void {
    const { sources } = this;
    const factory = this.#factory;
    factory
      .gauge('build_info', 'Always 1; the version is in the labels.', ['version', 'node_version'])
      .set({ version, node_version: process.version }, 1);
    factory.gauge('leader', '1 while this replica leads, else 0.', [], (gauge) => {
      gauge.set(sources.isLeader?.() ? 1 : 0);
    });
    factory.gauge('queue_depth', 'Namespaces that wait for a worker, by lane.', ['lane'], (gauge) => {
      for (const [lane, { depth }] of Object.entries(sources.queue?.() ?? {})) gauge.set({ lane }, depth);
    });
    factory.gauge(
      'queue_oldest_age_seconds',
      'How long the namespace that has waited longest for a worker has waited, by lane.',
      ['lane'],
      (gauge) => {
        for (const [lane, { oldestAgeSeconds }] of Object.entries(sources.queue?.() ?? {}))
          gauge.set({ lane }, oldestAgeSeconds);
      },
    );
    factory.gauge(
      'watch_age_seconds',
      'Since the last sign of life of a watch, by resource; one in order shows one each minute.',
      ['resource'],
      (gauge) => {
        for (const { resource, ageSeconds } of sources.watches?.() ?? [])
          if (ageSeconds !== undefined) gauge.set({ resource }, ageSeconds);
      },
    );
    factory.gauge(
      'watch_stale',
      '1 for a watch that makes the replica unready: not synced yet, or silent for too long; else 0.',
      ['resource'],
      (gauge) => {
        for (const { resource, isStale } of sources.watches?.() ?? [])
          gauge.set({ resource }, isStale ? 1 : 0);
      },
    );
    factory.gauge('api_requests_in_flight', 'Requests in flight to the API server.', [], (gauge) => {
      gauge.set(sources.inFlight?.().current ?? 0);
    });
    factory.gauge('api_requests_in_flight_limit', 'Bound on them; falls on overload.', [], (gauge) => {
      gauge.set(sources.inFlight?.().limit ?? 0);
    });
  }
}
