/**
 * A queue of keys, not of events: what happened is read from the stores when a key's turn comes, so any number of
 * events on one key is one piece of work.
 *
 *                 add                  take                 done
 *     (absent) ----------> waiting -----------> processing ------> (absent)
 *         |                   ^                     |  add, addAfter, retry: runs again after done
 *         | addAfter          | due, or add         v
 *         +-----------------> delayed <---- processing, delayed
 *
 * - A key has at most one run to come, the earliest asked for. A sooner run stands for a later one; whoever needs a
 *   run at a later time asks for it from within the run ("requeue after"). Memory is bounded by the number of keys.
 * - A key is never handed out twice at once.
 * - Two lanes: urgent keys go first, but while normal keys wait at most {@link URGENT_IN_A_ROW} urgent ones are handed out
 *   in a row, so a flood of urgent work slows the rest and does not stop it.
 * - Every operation takes constant time, delayed ones O(log n) and one timer in all.
 */
import { type BackoffOptions, KeyedBackoff } from './backoff.ts';
import type { Clock, Timer } from './clock.ts';
import { type Deadline, DeadlineHeap } from './deadline-heap.ts';
import { Fifo } from './fifo.ts';

export type Lane = 'urgent' | 'normal';

/** Urgent keys handed out in a row while normal keys wait. One in nine goes to the normal lane. */
export const URGENT_IN_A_ROW = 8;

/** Told of what happens, for metrics. Hooks are called synchronously and must not throw. */
export interface WorkQueueObserver<K extends string> {
  /** A key has begun to wait for a worker. Not called for what is merged into a wait that is already there. */
  onAdded?(key: K, lane: Lane): void;
  /** A worker has got the key, after `waitedMs` of waiting (a delay that was asked for is not waiting). */
  onTaken?(key: K, lane: Lane, waitedMs: number): void;
  /** A run failed: the key returns to its lane after `delayMs`. `failures` counts those in a row. */
  onRetry?(key: K, failures: number, delayMs: number, lane: Lane): void;
}

export interface WorkQueueOptions<K extends string> {
  readonly clock: Clock;
  /** Between the runs of a key that fails. Default: from 100 ms up to 5 minutes. */
  readonly backoff?: BackoffOptions;
  readonly observer?: WorkQueueObserver<K>;
}

/** One run to come. A new one is made each time a key begins to wait, so that an outdated place in a lane is known by it. */
interface Run<K> extends Deadline {
  readonly key: K;
  lane: Lane;
  /** Since when it waits for a worker; undefined while it is delayed. */
  waitingSinceMs: number | undefined;
}

const DEFAULT_BACKOFF: BackoffOptions = { initialMs: 100, maxMs: 300_000 };

export class WorkQueue<K extends string> {
  readonly #clock: Clock;
  readonly #backoff: KeyedBackoff<K>;
  readonly #observer: WorkQueueObserver<K>;
  /** Every key's run to come, waiting or delayed. */
  readonly #runs = new Map<K, Run<K>>();
  /** Keys handed out, with the lane they came from. */
  readonly #processing = new Map<K, Lane>();
  readonly #delayed = new DeadlineHeap<Run<K>>();
  /** May hold outdated places (moved to the other lane): `run.lane` tells. */
  readonly #lanes: Readonly<Record<Lane, Fifo<Run<K>>>> = { urgent: new Fifo(), normal: new Fifo() };
  readonly #depths: Record<Lane, number> = { urgent: 0, normal: 0 };
  readonly #takers = new Set<(key: K | undefined) => void>();
  #urgentInARow = 0;
  #timer: { readonly dueAtMs: number; readonly handle: Timer } | undefined;
  #closed = false;
  #onDrained: (() => void) | undefined;

  constructor({ clock, backoff = DEFAULT_BACKOFF, observer = {} }: WorkQueueOptions<K>) {
    this.#clock = clock;
    this.#backoff = new KeyedBackoff(backoff);
    this.#observer = observer;
  }

  /** Asks for a run of `key` as soon as a worker is free; `urgent` also lifts a run that waits or is delayed as normal. */
  add(key: K, lane: Lane): void {
    if (this.#closed) return;
    const run = this.#runs.get(key);
    if (run === undefined) {
      this.#startWaiting(this.#newRun(key, lane));
    } else if (run.waitingSinceMs === undefined) {
      this.#delayed.remove(run);
      run.lane = strongest(run.lane, lane);
      this.#startWaiting(run);
    } else if (lane === 'urgent' && run.lane === 'normal') {
      this.#lift(run);
    }
  }

  /**
   * Asks for a run of `key` in `delayMs` milliseconds. Of several the earliest wins, and keeps the stronger lane; a key
   * that already waits runs now, in the stronger lane as well: its turn as normal may come long after the delay.
   */
  addAfter(key: K, delayMs: number, lane: Lane): void {
    if (!(delayMs > 0)) {
      this.add(key, lane);
      return;
    }
    if (this.#closed) return;
    const dueAtMs = this.#clock.monotonic() + delayMs;
    const run = this.#runs.get(key);
    if (run === undefined) {
      const delayed = this.#newRun(key, lane);
      delayed.dueAtMs = dueAtMs;
      this.#delayed.add(delayed);
    } else if (run.waitingSinceMs === undefined) {
      run.lane = strongest(run.lane, lane);
      if (dueAtMs < run.dueAtMs) {
        run.dueAtMs = dueAtMs;
        this.#delayed.moveUp(run);
      }
    } else if (lane === 'urgent' && run.lane === 'normal') {
      this.#lift(run);
    }
    this.#arm();
  }

  /**
   * Counts a failure of `key` and asks for its next run after a backoff, in the lane of the run that failed.
   * @param atLeastMs the server's Retry-After, where it gave one.
   * @returns the delay, in milliseconds.
   */
  retry(key: K, atLeastMs?: number): number {
    const delayMs = this.#backoff.next(key, atLeastMs);
    const lane = this.#processing.get(key) ?? 'normal';
    this.#observer.onRetry?.(key, this.#backoff.failures(key), delayMs, lane);
    this.addAfter(key, delayMs, lane);
    return delayMs;
  }

  /** Failures of `key` in a row. */
  failures(key: K): number {
    return this.#backoff.failures(key);
  }

  /** Forgets the failures of `key`: its next retry starts over. To be called when a run succeeded. */
  forget(key: K): void {
    this.#backoff.forget(key);
  }

  /**
   * The next key, as soon as there is one; the caller then owes a {@link done}. Resolves with undefined when there is no more
   * work for this caller: `signal` is aborted or the queue is shut down.
   */
  take(signal?: AbortSignal): Promise<K | undefined> {
    if (this.#closed || signal?.aborted) return Promise.resolve(undefined);
    const key = this.#handOut();
    if (key !== undefined) return Promise.resolve(key);
    return new Promise((resolve) => {
      const give = (given: K | undefined): void => {
        this.#takers.delete(give);
        signal?.removeEventListener('abort', onAbort);
        resolve(given);
      };
      const onAbort = (): void => give(undefined);
      this.#takers.add(give);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Ends the run of `key` begun by {@link take}. What was asked for meanwhile starts to count now. */
  done(key: K): void {
    if (!this.#processing.delete(key)) throw new Error(`done("${key}") without a take`);
    const next = this.#runs.get(key);
    if (next?.waitingSinceMs !== undefined) this.#lanes[next.lane].push(next);
    this.#serve();
    if (this.#processing.size === 0) this.#onDrained?.();
  }

  /**
   * Closes the queue: nothing is accepted or handed out any more, waiting takers get undefined. Keys that wait are dropped;
   * level-triggered work finds them again.
   * @returns when every key that was handed out is done.
   */
  shutDown(): Promise<void> {
    this.#closed = true;
    this.#timer?.handle.cancel();
    this.#timer = undefined;
    this.#runs.clear();
    this.#delayed.clear();
    for (const lane of ['urgent', 'normal'] as const) {
      this.#lanes[lane].clear();
      this.#depths[lane] = 0;
    }
    for (const give of [...this.#takers]) give(undefined);
    if (this.#processing.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onDrained = resolve;
    });
  }

  /** Keys that wait for a worker in this lane, those that are also being processed included. */
  depth(lane: Lane): number {
    return this.#depths[lane];
  }

  /** Keys whose delay runs. */
  get delayed(): number {
    return this.#delayed.size;
  }

  /** Keys handed out and not done. */
  get processing(): number {
    return this.#processing.size;
  }

  /** For how long the first key in this lane has been waiting, in milliseconds; 0 where none waits. */
  oldestAgeMs(lane: Lane): number {
    const since = this.#first(lane)?.waitingSinceMs;
    return since === undefined ? 0 : this.#clock.monotonic() - since;
  }

  #newRun(key: K, lane: Lane): Run<K> {
    const run: Run<K> = { key, lane, waitingSinceMs: undefined, dueAtMs: 0, heapIndex: -1 };
    this.#runs.set(key, run);
    return run;
  }

  #startWaiting(run: Run<K>): void {
    run.waitingSinceMs = this.#clock.monotonic();
    this.#depths[run.lane] += 1;
    this.#observer.onAdded?.(run.key, run.lane);
    // A key that is being processed gets its place when it is done.
    if (this.#processing.has(run.key)) return;
    this.#lanes[run.lane].push(run);
    this.#serve();
  }

  #lift(run: Run<K>): void {
    run.lane = 'urgent';
    this.#depths.normal -= 1;
    this.#depths.urgent += 1;
    if (!this.#processing.has(run.key)) this.#lanes.urgent.push(run);
  }

  /** Gives keys to takers while there are both. */
  #serve(): void {
    for (const give of this.#takers) {
      const key = this.#handOut();
      if (key === undefined) return;
      give(key);
    }
  }

  #handOut(): K | undefined {
    const lane = this.#nextLane();
    if (lane === undefined) return undefined;
    const run = this.#lanes[lane].shift() as Run<K>;
    this.#urgentInARow = lane === 'urgent' ? this.#urgentInARow + 1 : 0;
    this.#depths[lane] -= 1;
    this.#runs.delete(run.key);
    this.#processing.set(run.key, lane);
    this.#observer.onTaken?.(run.key, lane, this.#clock.monotonic() - (run.waitingSinceMs ?? 0));
    return run.key;
  }

  #nextLane(): Lane | undefined {
    const urgent = this.#first('urgent');
    const normal = this.#first('normal');
    if (normal === undefined) return urgent && 'urgent';
    return urgent !== undefined && this.#urgentInARow < URGENT_IN_A_ROW ? 'urgent' : 'normal';
  }

  /** The first run in a lane that still belongs there. */
  #first(lane: Lane): Run<K> | undefined {
    const fifo = this.#lanes[lane];
    for (let run = fifo.peek(); run !== undefined; run = fifo.peek()) {
      if (run.lane === lane) return run;
      fifo.shift();
    }
    return undefined;
  }

  /** One timer for all delays: at the earliest. It is left alone when that one goes; firing for nothing re-arms it. */
  #arm(): void {
    const first = this.#delayed.peek();
    if (first === undefined || (this.#timer !== undefined && this.#timer.dueAtMs <= first.dueAtMs)) return;
    this.#timer?.handle.cancel();
    const handle = this.#clock.setTimeout(() => this.#onTimer(), first.dueAtMs - this.#clock.monotonic());
    this.#timer = { dueAtMs: first.dueAtMs, handle };
  }

  #onTimer(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonic();
    for (
      let run = this.#delayed.peek();
      run !== undefined && run.dueAtMs <= nowMs;
      run = this.#delayed.peek()
    ) {
      this.#delayed.remove(run);
      this.#startWaiting(run);
    }
    this.#arm();
  }
}

function strongest(a: Lane, b: Lane): Lane {
  return a === 'urgent' ? a : b;
}
