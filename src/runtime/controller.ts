/**
 * Runs a reconcile function over the keys of a queue. The contract of a reconcile:
 *
 * - It gets a key and nothing else. What happened it reads from the stores: several events may be one run, a restart is a run
 *   without an event, and a run that finds nothing to do is normal.
 * - It never runs twice at once for one key.
 * - When it throws, it runs again after a backoff, for ever. An error may carry `retryAfterMs`, which is then kept.
 * - A later run it asks for from the queue itself (`addAfter`), as soon as it knows: only it knows in which lane, and a result would be lost
 *   where it throws.
 * - It must end soon after its signal is aborted: the process stops, or leads no more.
 */
import type { Clock } from './clock.ts';
import { endsWithin } from './ends-within.ts';
import type { WorkQueue } from './work-queue.ts';

export type Reconcile<K extends string> = (key: K, signal: AbortSignal) => Promise<void>;

/** Told of each run, for logs and metrics. */
export interface ControllerObserver<K extends string> {
  onSuccess?(key: K, durationMs: number): void;
  /** `failures` counts those in a row; the next run is in `retryInMs` at the latest. */
  onError?(key: K, error: unknown, durationMs: number, failures: number, retryInMs: number): void;
}

export interface ControllerOptions<K extends string> {
  readonly queue: WorkQueue<K>;
  readonly reconcile: Reconcile<K>;
  /** Keys in work at once, at least 1. */
  readonly workers: number;
  /** Resolves when every cache that `reconcile` reads has synced. Nothing runs before: an empty cache reads as "all is gone". */
  readonly waitForSync: (signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly observer?: ControllerObserver<K>;
}

/** What a reconcile that was told to stop is given to end in, before it is left behind. */
const ABORT_GRACE_MS = 1_000;

/** May be started again after it was stopped, over the same queue: a leader that becomes a follower, and leads again. */
export class Controller<K extends string> {
  readonly #options: ControllerOptions<K>;
  #term: Term | undefined;

  /** @throws {RangeError} where `workers` is not a positive integer */
  constructor(options: ControllerOptions<K>) {
    if (!Number.isInteger(options.workers) || options.workers < 1) {
      throw new RangeError(`workers must be a positive integer, got ${options.workers}`);
    }
    this.#options = options;
  }

  /**
   * Waits for the caches, then begins to work. Resolves when it has begun, or was stopped before; rejects where `waitForSync`
   * does, and then nothing runs.
   */
  async start(): Promise<void> {
    if (this.#term !== undefined) throw new Error('the controller is running already');
    const term: Term = { taking: new AbortController(), reconciling: new AbortController(), workers: [] };
    this.#term = term;
    try {
      await this.#options.waitForSync(term.taking.signal);
    } catch (error) {
      if (this.#term === term) this.#term = undefined;
      if (term.taking.signal.aborted) return;
      throw error;
    }
    for (let worker = 0; worker < this.#options.workers; worker += 1) term.workers.push(this.#work(term));
  }

  /**
   * Takes no more keys, and waits for the runs in work; those that go on for `drainMs` are told to stop, and after another
   * second left behind. Keys not taken stay in the queue.
   * @returns whether every run has ended.
   */
  async stop(drainMs: number): Promise<boolean> {
    const term = this.#term;
    if (term === undefined) return true;
    term.taking.abort(new Error('the controller stops'));
    const ended = Promise.all(term.workers);
    const { clock } = this.#options;
    let drained = drainMs > 0 && (await endsWithin(clock, ended, drainMs));
    if (!drained) {
      term.reconciling.abort(new Error('the controller stops'));
      drained = await endsWithin(clock, ended, ABORT_GRACE_MS);
    }
    if (this.#term === term) this.#term = undefined;
    return drained;
  }

  async #work(term: Term): Promise<void> {
    const { queue } = this.#options;
    for (;;) {
      const key = await queue.take(term.taking.signal);
      if (key === undefined) return;
      try {
        await this.#run(key, term.reconciling.signal);
      } catch (error) {
        // Only an observer throws here. The key is safe; that a hook is broken must not cost a worker, nor go unseen.
        process.emitWarning(error instanceof Error ? error : String(error));
      } finally {
        queue.done(key);
      }
    }
  }

  async #run(key: K, signal: AbortSignal): Promise<void> {
    const { queue, reconcile, clock, observer } = this.#options;
    const startMs = clock.monotonic();
    try {
      await reconcile(key, signal);
    } catch (error) {
      if (signal.aborted) {
        // Broken off, not failed: it is where it was, for whoever works next.
        queue.add(key, 'normal');
        return;
      }
      const retryInMs = queue.retry(key, retryAfterOf(error));
      observer?.onError?.(key, error, clock.monotonic() - startMs, queue.failures(key), retryInMs);
      return;
    }
    queue.forget(key);
    observer?.onSuccess?.(key, clock.monotonic() - startMs);
  }
}

/** From a start to a stop. */
interface Term {
  /** Aborted when no more keys are to be taken. */
  readonly taking: AbortController;
  /** Aborted when the runs in work are to end. */
  readonly reconciling: AbortController;
  readonly workers: Promise<void>[];
}

function retryAfterOf(error: unknown): number | undefined {
  const retryAfterMs = (error as { readonly retryAfterMs?: unknown } | null | undefined)?.retryAfterMs;
  return typeof retryAfterMs === 'number' ? retryAfterMs : undefined;
}
