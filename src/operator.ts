/** The operator: wires watches, queue, reconcilers and status together, and starts and stops them. */
import k8sOperator, { type OperatorLogger, type ResourceEvent, ResourceEventType } from '@dot-i/k8s-operator';
import { operatorName } from './api/labels.ts';
import { currentHolds } from './controller/removal-holds.ts';
import {
  createWatchedResources,
  type ServedObject,
  type WatchedResource,
  type WatchedResources,
} from './controller/watched-resources.ts';
import { type Wiring, wire } from './controller/wiring.ts';
import { Fingerprinter } from './diff/fingerprint.ts';
import { ApiClient } from './kube/api-client.ts';
import { Credentials, kubeConfigLoader } from './kube/credentials.ts';
import { KubeLeaseLock } from './kube/lease-lock.ts';
import { createListWatch } from './kube/list-watch.ts';
import type { OperatorOptions } from './options.ts';
import type { Clock } from './runtime/clock.ts';
import { Controller } from './runtime/controller.ts';
import { LeaderElector } from './runtime/leader-elector.ts';
import { Watcher } from './runtime/watcher.ts';
import { WorkQueue } from './runtime/work-queue.ts';
import type { Logger } from './telemetry/logger.ts';
import type { Metrics } from './telemetry/metrics.ts';
import type { HealthCheck } from './telemetry/probes.ts';

const { default: Operator } = k8sOperator;

/** A watch is heard once a minute at least; one unheard for so long is stale. Milliseconds. */
const staleAfterMs = 300_000;

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
  readonly #queue: WorkQueue<string>;
  readonly #wiring: Wiring;
  readonly #controller: Controller<string>;
  readonly #elector: LeaderElector | undefined;
  #resync: { cancel(): void } | undefined;
  #isLeading = false;

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
      observer: metrics.observeRequest,
    });
    const fingerprinter = new Fingerprinter();
    this.#resources = createWatchedResources(fingerprinter, {
      grantableRole: options.grantableClusterRole,
      namespace: options.namespace,
    });
    this.#queue = new WorkQueue({ clock, observer: { onRetry: () => metrics.countQueueRetry() } });
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
    this.#controller = new Controller({
      queue: this.#queue,
      workers: options.workers,
      clock,
      waitForSync: (signal) => this.#waitForSync(signal),
      reconcile: this.#wiring.reconcile,
      observer: {
        onSuccess: (_name, _result, durationMs) =>
          metrics.observeReconcile('namespace', 'success', durationMs),
        onError: (namespace, error, durationMs, failures, retryInMs) => {
          metrics.observeReconcile('namespace', 'failed', durationMs);
          logger.warn('reconcile failed', { namespace, error, failures, retryInMs });
        },
      },
    });
    this.#elector = options.leaderElect ? this.#createElector() : undefined;
    Object.assign(metrics.sources, {
      queue: () => ({
        depth: this.#queue.depth('urgent') + this.#queue.depth('normal'),
        oldestAgeSeconds:
          Math.max(this.#queue.oldestAgeMs('urgent'), this.#queue.oldestAgeMs('normal')) / 1000,
      }),
      watches: () =>
        this.#watchers.map(({ resource, lastActivityMs }) => ({
          resource,
          ageSeconds: (clock.monotonic() - (lastActivityMs ?? 0)) / 1000,
        })),
      isLeader: () => this.#isLeading,
      inFlight: () => ({ current: this.#client.limiter.inFlight, limit: this.#client.limiter.limit }),
    });
  }

  /** Begins to watch, and leads when it is its turn. Resolves once the watches have begun. */
  override async start(): Promise<void> {
    await super.start();
    if (this.#elector !== undefined) this.#elector.start();
    else this.#lead();
  }

  /** Stops work under way in order, gives the Lease up and closes every connection. */
  override async stop(): Promise<void> {
    await this.#stopLeading(this.#parts.options.drainTimeoutMs);
    await this.#elector?.stop();
    await Promise.all(this.#watchers.map((watcher) => watcher.stop()));
    await this.#client.close();
  }

  /** What /readyz answers by: a cache that has not synced, or has not heard from the API server for long, is not ready. */
  get readiness(): readonly HealthCheck[] {
    const { clock } = this.#parts;
    return this.#resources.all.map(({ id }, index) => ({
      name: `watch-${id}`,
      failure: () => {
        const watcher = this.#watchers[index];
        if (watcher?.hasSynced !== true) return 'not synced yet';
        const silentMs = clock.monotonic() - (watcher.lastActivityMs ?? 0);
        return silentMs > staleAfterMs ? `not heard from for ${Math.round(silentMs / 1000)} s` : undefined;
      },
    }));
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
          if (error.name === 'MalformedLineError') metrics.countMalformedEvent(resource.id);
          logger.warn('watch failed', { resource: resource.id, error, next, delayMs });
        },
      },
    });
    this.#watchers.push(watcher);
    watcher.start();
  }

  #route({ concerns }: WatchedResource, namespace: string, name: string): void {
    switch (concerns) {
      case 'holds':
        this.#wiring.requests.resync();
        return;
      case 'baselines':
        this.#wiring.requests.baselinesChanged();
        // What is held may be confirmed, or undone, by this.
        if (this.#wiring.gate.holds.size > 0) this.#wiring.requests.resync();
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
    for (const hold of currentHolds(this.#resources.removalHolds)?.holds.values() ?? [])
      this.#wiring.gate.restore(hold);
    // The pass over the fleet begins here, and the workers right after it.
    this.#wiring.requests.open();
  }

  #lead(): void {
    const { logger, clock, options, onFatal } = this.#parts;
    this.#isLeading = true;
    logger.info('leading', { identity: options.identity });
    this.#controller.start().then(() => {
      if (this.#isLeading) this.#wiring.statuses.start();
    }, onFatal);
    void this.#wiring.admission.refresh();
    const resync = (): void => {
      void this.#wiring.admission.refresh();
      this.#wiring.requests.resync();
      this.#resync = clock.setTimeout(resync, options.resyncIntervalMs);
    };
    this.#resync = clock.setTimeout(resync, options.resyncIntervalMs);
  }

  async #stopLeading(drainMs: number): Promise<void> {
    if (!this.#isLeading) return;
    this.#isLeading = false;
    this.#resync?.cancel();
    await this.#controller.stop(drainMs);
    this.#wiring.requests.close();
    await this.#wiring.statuses.stop();
    if (drainMs > 0) await this.#wiring.events.flush();
    this.#parts.logger.info('no longer leading');
  }

  #createElector(): LeaderElector {
    const { options, clock, logger } = this.#parts;
    return new LeaderElector({
      lock: new KubeLeaseLock(this.#client, options.namespace, operatorName),
      identity: options.identity,
      clock,
      onStartedLeading: () => this.#lead(),
      onStoppedLeading: () => this.#stopLeading(0),
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
