/** Maps what changed to the namespaces that must be looked at: a request says which, never what happened. */
import type { Clock } from '../runtime/clock.ts';
import type { Lane } from '../runtime/work-queue.ts';
import type { ClusterView } from './cluster-view.ts';
import type { DesiredStates } from './desired-states.ts';
import type { NamespaceStates } from './namespace-states.ts';

/** Takes requests. */
export interface RequestQueue {
  add(namespace: string, lane: Lane): void;
}

/** What the mapping works with. */
export interface NamespaceRequestsParts {
  readonly cluster: ClusterView;
  readonly desiredStates: DesiredStates;
  readonly states: NamespaceStates;
  readonly queue: RequestQueue;
  readonly clock: Clock;
  /** Every namespace has been looked at since the caches synced and we lead. */
  readonly onFirstPassDone?: (namespaces: number, durationMs: number) => void;
}

/**
 * A namespace just created or found drifted is urgent; what a baseline's change or a start brings for the whole fleet is not.
 */
export class NamespaceRequests {
  readonly #parts: NamespaceRequestsParts;
  #refreshIsDue = false;
  /** Before every cache has synced, an absent baseline means nothing. */
  #isOpen = false;
  /** Namespaces that the pass over the whole fleet has still to reach. */
  #unvisited = new Set<string>();
  /** Those that were there when the resync under way began. */
  #resyncing: readonly string[] = [];
  #passBeganMs = 0;
  #passSize = 0;

  constructor(parts: NamespaceRequestsParts) {
    this.#parts = parts;
  }

  /** Every cache has synced and we lead: asks for every namespace once. What is known of one that is gone is forgotten. */
  open(): void {
    const { cluster, desiredStates, states, queue, clock } = this.#parts;
    this.#isOpen = true;
    desiredStates.update(cluster.baselines, cluster.facts);
    // Left from when we led before: what has gone since was nobody's to forget.
    for (const { name } of states) if (cluster.namespace(name) === undefined) states.forget(name);
    for (const namespace of cluster.namespaces()) {
      states.expect(namespace, desiredStates.of(namespace), 'rollout', clock.monotonic());
      this.#unvisited.add(namespace.name);
      queue.add(namespace.name, 'normal');
    }
    this.#passBeganMs = clock.monotonic();
    this.#passSize = this.#unvisited.size;
  }

  /** No more requests: we no longer lead. */
  close(): void {
    this.#isOpen = false;
    this.#unvisited.clear();
    this.#resyncing = [];
  }

  /** Whether the states are those of the fleet: every cache has synced, and we lead. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether every namespace has been looked at since {@link open}, so that the states tell the truth. */
  get isFirstPassDone(): boolean {
    return this.#isOpen && this.#unvisited.size === 0;
  }

  /** A namespace has been reconciled, with whatever result. */
  visited(name: string): void {
    if (!this.#unvisited.delete(name) || this.#unvisited.size > 0) return;
    const { clock, onFirstPassDone } = this.#parts;
    onFirstPassDone?.(this.#passSize, clock.monotonic() - this.#passBeganMs);
  }

  /**
   * Asks for a part of all namespaces, unhurried: all parts, in turn, catch what everything else has missed. What comes meanwhile is looked
   * at as it comes.
   *
   * @param part from 0 to below `parts`
   */
  resync(part: number, parts: number): void {
    if (!this.#isOpen) return;
    const { cluster, queue } = this.#parts;
    if (part === 0) this.#resyncing = Array.from(cluster.namespaces(), ({ name }) => name);
    const size = Math.ceil(this.#resyncing.length / parts);
    for (const name of this.#resyncing.slice(part * size, (part + 1) * size)) queue.add(name, 'normal');
  }

  /** A namespace was created, changed or deleted. */
  namespaceChanged(name: string): void {
    if (!this.#isOpen) return;
    const { cluster, desiredStates, states, queue, clock } = this.#parts;
    const namespace = cluster.namespace(name);
    if (namespace === undefined) {
      states.forget(name);
      this.visited(name);
      return;
    }
    states.expect(namespace, desiredStates.of(namespace), 'new', clock.monotonic());
    queue.add(name, 'urgent');
  }

  /** An object of a managed kind was created, changed or deleted in a namespace. */
  objectChanged(namespace: string): void {
    if (this.#isOpen && this.#parts.states.get(namespace) !== undefined) {
      this.#parts.queue.add(namespace, 'urgent');
    }
  }

  /** A baseline, or what baselines depend on, changed. Many such changes at once are one pass over the fleet. */
  baselinesChanged(): void {
    if (this.#refreshIsDue) return;
    this.#refreshIsDue = true;
    this.#parts.clock.setTimeout(() => {
      this.#refreshIsDue = false;
      if (this.#isOpen) this.#refresh();
    }, 0);
  }

  #refresh(): void {
    const { cluster, desiredStates, states, queue, clock } = this.#parts;
    desiredStates.update(cluster.baselines, cluster.facts);
    for (const namespace of cluster.namespaces()) {
      const isNew = states.expect(namespace, desiredStates.of(namespace), 'rollout', clock.monotonic());
      if (isNew) queue.add(namespace.name, 'normal');
    }
  }
}
