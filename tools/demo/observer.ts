import { type KubeConfig, Watch } from '@kubernetes/client-node';
import type { KubernetesObject } from '../../src/api/objects.ts';

/** Something was not as claimed. */
export class NotAsClaimedError extends Error {
  override readonly name = 'NotAsClaimedError';
  readonly expected: string;
  readonly seen: string;

  constructor(expected: string, seen: string) {
    super(`expected: ${expected}; seen: ${seen}`);
    this.expected = expected;
    this.seen = seen;
  }
}

interface Wait {
  readonly missing: () => readonly string[];
  readonly hold: (at: number) => void;
  readonly fail: (error: Error) => void;
}

/** Generous: a slow machine must not fail a right claim. */
const patienceMs = 30_000;

/**
 * Sees what a bystander with a watch sees, and when. It shares nothing with the operator, so that what the demo shows is not the
 * operator's own word for it.
 */
export class Observer {
  readonly #objects = new Map<string, KubernetesObject>();
  readonly #waits = new Set<Wait>();
  readonly #streams = new Map<string, AbortController>();
  readonly #signal: AbortSignal;
  #isClosed = false;
  #broken: Error | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#failAll(signal.reason), { once: true });
  }

  /**
   * Opens a watch on each path.
   *
   * @param paths such as `/api/v1/namespaces`
   */
  static async open(
    kubeConfig: KubeConfig,
    paths: readonly string[],
    signal: AbortSignal,
  ): Promise<Observer> {
    const observer = new Observer(signal);
    await Promise.all(paths.map((path) => observer.#watch(new Watch(kubeConfig), path)));
    return observer;
  }

  /** The object as last seen; cluster-scoped objects have the namespace ''. */
  get(kind: string, namespace: string, name: string): KubernetesObject | undefined {
    return this.#objects.get(`${kind}/${namespace}/${name}`);
  }

  /** All objects that are there now. */
  all(): readonly KubernetesObject[] {
    return [...this.#objects.values()];
  }

  /**
   * Waits until nothing is missing any more; looks at once, and again at each change seen.
   *
   * @param expected what is waited for, in words
   * @param missing what is not yet so; may read {@link get} and {@link all}
   * @returns when it was seen, in terms of `performance.now()`
   * @throws NotAsClaimedError after 30 seconds
   */
  async until(expected: string, missing: () => readonly string[]): Promise<number> {
    this.#signal.throwIfAborted();
    if (this.#broken !== undefined) throw this.#broken;
    if (missing().length === 0) return performance.now();
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const wait: Wait = { missing, hold: resolve, fail: reject };
    this.#waits.add(wait);
    const timer = setTimeout(() => {
      const seconds = patienceMs / 1000;
      reject(new NotAsClaimedError(expected, `after ${seconds} s still: ${missing().join('; ')}`));
    }, patienceMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waits.delete(wait);
    }
  }

  /** Takes what a watch told; public so that tests can play the API server. */
  observe(type: string, object: KubernetesObject): void {
    const { name, namespace = '' } = object.metadata;
    const key = `${object.kind}/${namespace}/${name}`;
    if (type === 'DELETED') this.#objects.delete(key);
    else if (type === 'ADDED' || type === 'MODIFIED') this.#objects.set(key, object);
    const at = performance.now();
    for (const wait of this.#waits) {
      if (wait.missing().length === 0) wait.hold(at);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const stream of this.#streams.values()) stream.abort();
  }

  /** The client ends a watch that is silent for 30 seconds; then it goes on from where it was. */
  async #watch(watch: Watch, path: string, resourceVersion?: string): Promise<void> {
    let last = resourceVersion;
    const take = (type: string, object: KubernetesObject): void => {
      if (type === 'ERROR') {
        this.#failAll(new Error(`the watch of ${path} failed: ${JSON.stringify(object)}`));
      } else {
        last = object.metadata.resourceVersion ?? last;
        this.observe(type, object);
      }
    };
    const ended = (error: Error | null | undefined): void => {
      if (this.#isClosed || this.#signal.aborted) return;
      if (error && error.name !== 'TimeoutError') this.#failAll(error);
      else this.#watch(watch, path, last).catch((cause: Error) => this.#failAll(cause));
    };
    this.#streams.set(path, await watch.watch(path, { resourceVersion: last }, take, ended));
  }

  #failAll(error: Error): void {
    this.#broken = error;
    for (const wait of this.#waits) wait.fail(error);
  }
}
