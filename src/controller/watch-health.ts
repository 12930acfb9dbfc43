/** Whether what is kept of each resource can still be relied on: for readiness and metrics. */
import type { Clock } from '../runtime/clock.ts';
import type { WatchState } from '../telemetry/metrics.ts';
import type { HealthCheck } from '../telemetry/probes.ts';

/** What a watcher tells of itself. */
export interface HeardWatch {
  readonly hasSynced: boolean;
  /** Monotonic milliseconds; undefined before the first answer. */
  readonly lastActivityMs: number | undefined;
}

/** A watcher opens a silent watch again after its idle timeout; one that is not heard then either is stale. */
const idleTimeoutsUntilStale = 2;

/** Judges watches by how long ago they were heard. */
export class WatchHealth {
  readonly #clock: Clock;
  readonly #idleTimeoutMs: number;
  readonly #resources: readonly string[];
  readonly #watches = new Map<string, HeardWatch>();

  /** @param resources all that must be watched, from the beginning */
  constructor(clock: Clock, idleTimeoutMs: number, resources: readonly string[]) {
    this.#clock = clock;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#resources = resources;
  }

  /** The watch of this resource has begun. */
  add(resource: string, watch: HeardWatch): void {
    this.#watches.set(resource, watch);
  }

  /** One for each resource: a cache that has not synced, or has not heard from the API server for long, is not ready. */
  get checks(): readonly HealthCheck[] {
    return this.#resources.map((resource) => ({
      name: `watch-${resource}`,
      failure: () => this.#failureOf(resource),
    }));
  }

  /** The same, for metrics. */
  get states(): readonly WatchState[] {
    return this.#resources.map((resource) => {
      const silentMs = this.#silentMs(resource);
      return {
        resource,
        ageSeconds: silentMs === undefined ? undefined : silentMs / 1000,
        isStale: this.#failureOf(resource) !== undefined,
      };
    });
  }

  #silentMs(resource: string): number | undefined {
    const heardMs = this.#watches.get(resource)?.lastActivityMs;
    return heardMs === undefined ? undefined : this.#clock.monotonic() - heardMs;
  }

  #failureOf(resource: string): string | undefined {
    const silentMs = this.#silentMs(resource);
    if (silentMs === undefined || !this.#watches.get(resource)?.hasSynced) return 'not synced yet';
    if (silentMs <= idleTimeoutsUntilStale * this.#idleTimeoutMs) return undefined;
    return `not heard from for ${Math.round(silentMs / 1000)} s`;
  }
}
