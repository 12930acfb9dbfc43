/** The operator: wires watches, queue, reconcilers and status together, and starts and stops them. */
import k8sOperator, { type OperatorLogger, type ResourceEvent, ResourceEventType } from '@dot-i/k8s-operator';
import { operatorName } from './api/labels.ts';
import { Leadership } from './controller/leadership.ts';
import { currentHolds } from './controller/removal-holds.ts';
import { WatchHealth } from './controller/watch-health.ts';
import {
  createWatchedResources,
  type ServedObject,
  type WatchedResource,
  type WatchedResources,
} from './controller/watched-resources.ts';
import { type Wiring, wire } from './controller/wiring.ts';
import { Fingerprinter } from './diff/fingerprint.ts';
import { ApiClient, type RequestOutcome } from './kube/api-client.ts';
import { Credentials, kubeConfigLoader } from './kube/credentials.ts';
import { KubeLeaseLock } from './kube/lease-lock.ts';
import { createListWatch } from './kube/list-watch.ts';
import type { OperatorOptions } from './options.ts';
import type { Clock } from './runtime/clock.ts';
import { Controller } from './runtime/controller.ts';
import { LeaderElector } from './runtime/leader-elector.ts';
import { Watcher } from './runtime/watcher.ts';
import { type Lane, WorkQueue } from './runtime/work-queue.ts';
import type { Logger } from './telemetry/logger.ts';
import type { LaneState, MetricSources, Metrics } from './telemetry/metrics.ts';
import type { HealthCheck } from './telemetry/probes.ts';

const { default: Operator } = k8sOperator;

/** Watches that fail so were told something that could not be read. */
const unreadable: readonly string[] = ['MalformedWatchError', 'UnknownFieldError'];

/** What the operator is given. */
export interface OperatorParts {
  readonly options: OperatorOptions;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Called when leadership is lost for good reason and the process should end, to start over. */
  readonly onFatal: (error: unknown) => void;
}

/**
 * The lifecycle is that of `Operator`: `start` calls `init`, which registers the watches. Its own `watchResource` ends
 * the process on a broken watch, loses failed events and cannot resume, so it is overridden with a {@link Watcher}.
 */
export class SecurityBaselineOperator extends Operator {
  readonly #parts: OperatorParts;
  readonly #client: ApiClient;
  readonly #resources: WatchedResources;
  readonly #watchers: Watcher<
    { namespace: string; name: string; uid: string; resourceVersion: string },
    ServedObject
  >[] = [];
  readonly #watchHealth: WatchHealth;
  readonly #queue: WorkQueue<string>;
  readonly #wiring: Wiring;
  readonly #elector: LeaderElector | undefined;
  readonly #leadership: Leadership;

  constructor(parts: OperatorParts) {
    super(messagesTo(parts.logger));
    this.#parts = parts;
    const { options, clock, logger, metrics, version } = parts;
    this.#client = new ApiClient({
      credentials: new Credentials({
        load: kubeConfigLoader(options.kubeconfig === undefined ? {} : { kubeconfig: options.kubeconfig }),
        clock,
        onRefreshError: (error) => logger.warn('credentials not reread', { error }),
      }),
      clock,
      version,
      connections: options.maxRequestsInFlight,
      beforeRequest: (isWrite) => {
        if (isWrite) this.#elector?.assertLeading();
      },
      observer: (outcome) => this.#observeRequest(outcome),
    });
    const fingerprinter = new Fingerprinter();
    this.#resources = createWatchedResources(fingerprinter, {
      grantableRole: options.grantableClusterRole,
      namespace: options.namespace,
    });
    this.#watchHealth = new WatchHealth(
      clock,
      options.watchIdleTimeoutMs,
      this.#resources.all.map(({ id }) => id),
    );
    this.#queue = new WorkQueue({
      clock,
      observer: {
        onTaken: (_name, lane, waitedMs) => metrics.observeQueueWait(lane, waitedMs),
        onRetry: (_name, _failures, _delayMs, lane) => metrics.countQueueRetry(lane),
      },
    });
    this.#wiring = wire({
      client: this.#client,
      resources: this.#resources,
      fingerprinter,
      queue: this.#queue,
      clock,
      logger,
      metrics,
      settings: options,
    });
    const controller = new Controller({
      queue: this.#queue,
      workers: options.workers,
      clock,
      waitForSync: (signal) => this.#waitForSync(signal),
      reconcile: this.#wiring.reconcile,
      observer: {
        onSuccess: (namespace, durationMs) => {
          metrics.observeReconcile('namespace', 'success', durationMs);
          this.#wiring.logs.of(namespace).debug('reconciled', { durationMs });
          this.#wiring.logs.end(namespace);
        },
        onError: (namespace, error, durationMs, failures, retryInMs) => {
          metrics.observeReconcile('namespace', 'failed', durationMs);
          this.#wiring.logs.of(namespace).warn('reconcile failed', { error, failures, retryInMs });
          this.#wiring.logs.end(namespace);
        },
      },
    });
    this.#leadership = new Leadership({
      ...this.#wiring,
      controller,
      clock,
      logger,
      identity: options.identity,
      resyncIntervalMs: options.resyncIntervalMs,
      onFatal: parts.onFatal,
    });
    this.#elector = options.leaderElect ? this.#createElector() : undefined;
    Object.assign(metrics.sources, this.#metricSources());
  }

  /** Begins to watch, and leads when it is its turn. Resolves once the watches have begun. */
  override async start(): Promise<void> {
    await super.start();
    if (this.#elector !== undefined) this.#elector.start();
    else this.#leadership.begin();
  }

  /** Stops work under way in order, gives the Lease up and closes every connection. */
  override async stop(): Promise<void> {
    await this.#leadership.end(this.#parts.options.drainTimeoutMs);
    await this.#elector?.stop();
    await Promise.all(this.#watchers.map((watcher) => watcher.stop()));
    await this.#client.close();
  }

  /** What /readyz answers by: a cache that has not synced, or has not heard from the API server for long, is not ready. */
  get readiness(): readonly HealthCheck[] {
    return this.#watchHealth.checks;
  }

  #metricSources(): MetricSources {
    const lane = (name: Lane): LaneState => ({
      depth: this.#queue.depth(name),
      oldestAgeSeconds: this.#queue.oldestAgeMs(name) / 1000,
    });
    return {
      queue: () => ({ urgent: lane('urgent'), normal: lane('normal') }),
      watches: () => this.#watchHealth.states,
      isLeader: () => this.#leadership.isLeading,
      fleet: () => this.#wiring.fleet(),
      inFlight: () => ({ current: this.#client.limiter.inFlight, limit: this.#client.limiter.limit }),
    };
  }

  /** A namespace's requests are those of the reconcile that is in work there; Events are written on the side. */
  #observeRequest(outcome: RequestOutcome): void {
    const { logger, metrics } = this.#parts;
    metrics.observeRequest(outcome);
    const { operation, code, durationMs } = outcome;
    const { verb, resource, namespace, name } = operation;
    const log = namespace === undefined || resource === 'events' ? logger : this.#wiring.logs.of(namespace);
    log.debug('requested', { verb, resource, namespace, name, code, durationMs });
  }

  protected override async init(): Promise<void> {
    this.#resources.baselines.onChange(({ type, previous }) => {
      if (type === 'deleted') this.#wiring.gate.deleted(previous.baseline);
    });
    for (const resource of this.#resources.all) {
      const { type, selection } = resource;
      await this.watchResource(
        type.group,
        type.version,
        type.plural,
        async ({ meta }) => {
          this.#route(resource, meta.namespace ?? '', meta.name);
        },
        selection.namespace,
      );
    }
  }

  /** Watches the resource of {@link init}'s table that this names; tells of each change that matters. */
  protected override async watchResource(
    apiGroup: string,
    version: string,
    plural: string,
    onEvent: (event: ResourceEvent) => Promise<void>,
    namespace?: string,
  ): Promise<void> {
    const resource = this.#resources.all.find(
      ({ type, selection }) =>
        type.group === apiGroup && type.plural === plural && selection.namespace === namespace,
    );
    if (resource === undefined) throw new Error(`${plural}.${apiGroup} is not a watched resource`);
    const { clock, logger, metrics } = this.#parts;
    const apiVersion = apiGroup === '' ? version : `${apiGroup}/${version}`;
    resource.store.onChange(({ type, current, previous }) => {
      const { uid: _, ...meta } = current ?? previous;
      const event = {
        meta: { ...meta, id: `${plural}.${apiVersion}`, apiVersion, kind: '' },
        type: eventTypes[type],
        object: { metadata: meta },
      };
      onEvent(event).catch((error: unknown) => this.#parts.onFatal(error));
    });
    const watcher = new Watcher({
      listWatch: createListWatch<ServedObject>(this.#client, resource.type, resource.selection),
      silenceMs: this.#parts.options.watchIdleTimeoutMs,
      store: resource.store,
      optional: resource.optional ?? false,
      clock,
      observer: {
        onListed: (mode, objects, durationMs) => {
          metrics.countRelist(resource.id);
          logger.info('listed', { resource: resource.id, mode, objects, durationMs: Math.round(durationMs) });
        },
        onFailure: (error, next, delayMs) => {
          metrics.countWatchRestart(resource.id, next);
          if (unreadable.includes(error.name)) metrics.countMalformedEvent(resource.id);
          logger.warn('watch failed', { resource: resource.id, error, next, delayMs });
        },
      },
    });
    this.#watchers.push(watcher);
    this.#watchHealth.add(resource.id, watcher);
    watcher.start();
  }

  #route({ concerns }: WatchedResource, namespace: string, name: string): void {
    switch (concerns) {
      case 'holds':
        this.#wiring.gate.reconsider();
        return;
      case 'baselines':
        this.#wiring.requests.baselinesChanged();
        // What is held may be confirmed by this.
        this.#wiring.gate.reconsider();
        this.#wiring.statuses.changed();
        return;
      case 'namespaces':
        this.#wiring.requests.namespaceChanged(name);
        return;
      case 'objects':
        this.#wiring.requests.objectChanged(namespace);
    }
  }

  async #waitForSync(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#watchers.map((watcher) => watcher.waitForSync(signal)));
    this.#wiring.gate.restore(currentHolds(this.#resources.removalHolds));
    // The pass over the fleet begins here, and the workers right after it.
    this.#wiring.requests.open();
  }

  #createElector(): LeaderElector {
    const { options, clock, logger } = this.#parts;
    return new LeaderElector({
      lock: new KubeLeaseLock(this.#client, options.namespace, operatorName),
      identity: options.identity,
      clock,
      onStartedLeading: () => this.#leadership.begin(),
      onStoppedLeading: () => this.#leadership.end(0),
      observer: {
        onHolderChanged: (holder) => logger.info('the lease is held', { holder }),
        onError: (error) => logger.warn('lease not read or renewed', { error }),
      },
    });
  }
}

const eventTypes = {
  added: ResourceEventType.Added,
  changed: ResourceEventType.Modified,
  deleted: ResourceEventType.Deleted,
} as const;

function messagesTo(logger: Logger): OperatorLogger {
  return {
    debug: (message) => logger.debug(message),
    info: (message) => logger.info(message),
    warn: (message) => logger.warn(message),
    error: (message) => logger.error(message),
  };
}
