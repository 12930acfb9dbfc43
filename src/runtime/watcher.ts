/**
 * Keeps a store equal to what the API server holds, for ever: one list, then a watch, resumed wherever it broke.
 *
 *                    start
 *                      |
 *                      v     unsupported, or came to no end twice
 *           +---> streamed list ----------------> paginated list <---+
 *           |          |       \                   |       |         | expired continue token,
 *           |          |        \ failed           |       +---------+ or any other failure (backoff)
 *           |          |         +-> backoff       |
 *           |          | whole list swapped in     | whole list swapped in
 *           |          v                           v
 *           |       watching <------------------ watching
 *           |          |
 *           |          +-- ended by the server, broken, silent, malformed, ERROR event:
 *           |          |       resume from the last version (backoff, unless it had been healthy)
 *           +----------+-- 410 Gone or Expired; silent again; last list too long ago: list anew
 *
 * - A list becomes visible as a whole. While one is taken, after whatever failure, readers see the last known state.
 * - The last version comes from events and bookmarks, so even a quiet resource is resumed without a list.
 * - An optional resource that the server does not serve is an empty list, asked for again each minute.
 * - Nothing else lists: a healthy watcher takes one list when it starts, and one each `relistIntervalMs`.
 */
import { Backoff, type BackoffOptions } from './backoff.ts';
import type { Clock } from './clock.ts';
import { readPages } from './list-pages.ts';
import type { ListWatch, ObjectWithMeta, WatchEvent, WatchFailureError } from './list-watch.ts';
import { SignsOfLife } from './signs-of-life.ts';
import { guarded, SilenceError } from './silence-guard.ts';
import type { Relist, Store, StoreRecord } from './store.ts';
import { readWatch } from './watch-stream.ts';

/** How a list was taken. */
export type ListMode = 'streamed' | 'paginated';

/** Told of what happens, for logs and metrics. Hooks must not throw. */
export interface WatcherObserver {
  /** A complete list has been swapped in. */
  onListed?(mode: ListMode, objects: number, durationMs: number): void;
  /**
   * A list or watch failed; a watch that the server ended by itself, as it should, is no failure. A `MalformedWatchError`
   * means that there is an event which cannot be read, or that somebody between us and the API server damages what it says.
   */
  onFailure?(error: Error, next: 'list' | 'resume', delayMs: number): void;
}

export interface WatcherOptions<R extends StoreRecord, T extends ObjectWithMeta> {
  readonly listWatch: ListWatch<T>;
  readonly store: Store<R, T>;
  readonly clock: Clock;
  readonly observer?: WatcherObserver;
  /** Between attempts that fail. Default: from 200 ms up to 10 s. */
  readonly backoff?: Omit<BackoffOptions, 'random'>;
  /**
   * A connection that says nothing for so long is taken for dead, and resumed. The API server sends a bookmark each
   * minute while anything at all is written to it. Default 150 s.
   */
  readonly silenceMs?: number;
  /** A net under everything else: a list at least so often, stretched by up to a tenth. Default 12 h. */
  readonly relistIntervalMs?: number;
  /**
   * A server that does not serve the resource holds none of it: that counts as a complete list, and it is asked again each
   * minute. Only for resources that not every server has; else their absence would read as "everything was deleted". Default false.
   */
  readonly optional?: boolean;
  /** Uniform in [0, 1). Default `Math.random`. */
  readonly random?: () => number;
}

/** The server is asked to end each watch after 5 to 10 minutes, so that watchers spread over its replicas. Seconds. */
const SHORTEST_WATCH_S = 300;

/** A watch that delivered and lived so long is healthy: it may be resumed at once. */
const HEALTHY_AFTER_MS = 1_000;

/** A server without an optional resource is asked for it again after so long. */
const UNSERVED_RETRY_MS = 60_000;

/** What an event before the end of a streamed list adds to its objects. */
const listedBy = { ADDED: 1, MODIFIED: 0, DELETED: -1 } as const;

/** Streamed lists, or silent watches, in a row, before another way is tried. */
const ATTEMPTS = 2;

/**
 * A watch from a version that the server has not reached (etcd was restored from a backup) is not refused, only silent. But so is,
 * for some minutes, the watch of a server on which nothing at all happens, since it repeats no bookmark. So silence is answered
 * with a list, but not soon after another. Milliseconds.
 */
const TRUSTED_AFTER_LIST_MS = 1_800_000;

export class Watcher<R extends StoreRecord, T extends ObjectWithMeta = ObjectWithMeta> {
  readonly resource: string;
  readonly #listWatch: ListWatch<T>;
  readonly #store: Store<R, T>;
  readonly #clock: Clock;
  readonly #observer: WatcherObserver;
  readonly #backoff: Backoff;
  /** A watch that lived so long without a word is healthy too: no attempts are closer together where all fail. */
  readonly #healthyIfQuietMs: number;
  readonly #silenceMs: number;
  readonly #relistIntervalMs: number;
  readonly #optional: boolean;
  readonly #random: () => number;
  readonly #signsOfLife: SignsOfLife;
  readonly #synced = Promise.withResolvers<void>();
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #hasSynced = false;
  #mustList = true;
  #listedMs = 0;
  #listDueMs = 0;
  #streamingSupported = true;
  #unfinishedStreams = 0;
  #silences = 0;
  #healthy = false;

  constructor(options: WatcherOptions<R, T>) {
    const { listWatch, store, clock, observer = {}, optional = false, random = Math.random } = options;
    const { backoff = { initialMs: 200, maxMs: 10_000 } } = options;
    const { silenceMs = 150_000, relistIntervalMs = 12 * 3_600_000 } = options;
    this.resource = listWatch.resource;
    this.#listWatch = listWatch;
    this.#store = store;
    this.#clock = clock;
    this.#observer = observer;
    this.#backoff = new Backoff({ ...backoff, random });
    this.#healthyIfQuietMs = Math.min(backoff.maxMs, silenceMs);
    this.#silenceMs = silenceMs;
    this.#relistIntervalMs = relistIntervalMs;
    this.#optional = optional;
    this.#random = random;
    this.#signsOfLife = new SignsOfLife(clock);
  }

  /** Whether the store has held a complete list once; from then on it always does. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /**
   * The last of the {@link SignsOfLife}, on the clock's monotonic time; undefined before the first list is complete. A watch in
   * order is heard each minute. Older than twice `silenceMs`, the store must be taken for stale.
   */
  get lastActivityMs(): number | undefined {
    return this.#signsOfLife.lastMs;
  }

  /** Resolves when the first list is complete; rejects with the signal's reason when that comes first. */
  waitForSync(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) reject(signal.reason);
      const onAbort = (): void => reject(signal?.reason);
      signal?.addEventListener('abort', onAbort, { once: true });
      void this.#synced.promise.then(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
    });
  }

  /** Begins to list and watch, once. It goes on until {@link stop}, or until `signal` is aborted. */
  start(signal?: AbortSignal): void {
    if (this.#running !== undefined) throw new Error(`the watcher of ${this.resource} was started before`);
    const onAbort = (): void => this.#stop.abort(signal?.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#running = this.#run(this.#stop.signal).finally(() => signal?.removeEventListener('abort', onAbort));
  }

  /** Ends the watch; resolves when nothing of it is left. The store keeps what it has. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#healthy = false;
      let failure: Error | undefined;
      try {
        await this.#attempt(signal);
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error));
      }
      if (signal.aborted) return;
      await this.#recover(failure, signal);
    }
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    if (!this.#mustList && this.#clock.monotonic() < this.#listDueMs) {
      await this.#watch(signal, undefined);
    } else if (this.#streamingSupported && this.#unfinishedStreams < ATTEMPTS) {
      await this.#watch(signal, this.#store.beginRelist());
    } else {
      await this.#listPages(signal);
      await this.#watch(signal, undefined);
    }
  }

  /** Draws the conclusions from how an attempt ended, and waits before the next one. */
  async #recover(
    failure: (Error & Partial<WatchFailureError>) | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    if (failure?.watchFailure === 'unsupported' && this.#streamingSupported) {
      this.#streamingSupported = false;
      return;
    }
    if (failure?.watchFailure === 'unserved' && this.#optional) {
      this.#holdNothing();
      await this.#clock.sleep(UNSERVED_RETRY_MS, signal).catch(() => undefined);
      return;
    }
    this.#silences = failure instanceof SilenceError ? this.#silences + 1 : 0;
    const suspicious =
      this.#silences >= ATTEMPTS && this.#clock.monotonic() >= this.#listedMs + TRUSTED_AFTER_LIST_MS;
    if (failure?.watchFailure === 'expired' || suspicious) this.#mustList = true;
    if (this.#healthy) this.#backoff.reset();
    const retryAfterMs = failure?.retryAfterMs;
    const delayMs = this.#healthy && retryAfterMs === undefined ? 0 : this.#backoff.next(retryAfterMs);
    if (failure !== undefined) {
      this.#observer.onFailure?.(failure, this.#mustList ? 'list' : 'resume', delayMs);
    }
    if (delayMs > 0) await this.#clock.sleep(delayMs, signal).catch(() => undefined);
  }

  /** Watches until the stream ends; with `relist` the stream begins with the initial list. */
  async #watch(signal: AbortSignal, relist: Relist<T> | undefined): Promise<void> {
    const startMs = this.#clock.monotonic();
    let initial = relist;
    let listed = 0;
    let delivered = 0;
    let quiet = false;
    const onEvent = (event: WatchEvent<T>): void => {
      if (initial === undefined) {
        this.#applyEvent(event);
        this.#signsOfLife.heard();
      } else if (event.type !== 'BOOKMARK') {
        // A streamed list goes on to tell what happens, until it is complete.
        if (event.type === 'DELETED') initial.remove(event.object);
        else initial.add(event.object);
        listed += listedBy[event.type];
      } else if (event.endsInitialEvents) {
        initial.commit(event.resourceVersion);
        initial = undefined;
        this.#onListed('streamed', listed, startMs);
      }
      delivered += 1;
    };
    const onOpen = (): void => {
      quiet = true;
      // Counted once the server has let us in: that it cannot be reached says nothing about what it offers.
      if (initial === undefined) this.#signsOfLife.opened();
      else this.#unfinishedStreams += 1;
    };
    const onBytes = (): void => {
      quiet = false;
    };
    const query = {
      ...(relist === undefined && { resourceVersion: this.#store.reached }),
      sendInitialEvents: relist !== undefined,
      timeoutSeconds: Math.round(SHORTEST_WATCH_S * (1 + this.#random())),
    };
    try {
      await guarded(this.#clock, this.#silenceMs, signal, (guard) =>
        readWatch(this.#listWatch, query, guard, { onOpen, onBytes, onEvent }),
      );
    } finally {
      const livedMs = this.#clock.monotonic() - startMs;
      this.#healthy = livedMs >= (delivered > 0 ? HEALTHY_AFTER_MS : this.#healthyIfQuietMs);
      if (this.#healthy && quiet) this.#signsOfLife.wasQuiet();
    }
  }

  #applyEvent(event: WatchEvent<T>): void {
    if (event.type === 'BOOKMARK') this.#store.advance(event.resourceVersion);
    else this.#store.apply(event.type, event.object);
  }

  async #listPages(signal: AbortSignal): Promise<void> {
    const startMs = this.#clock.monotonic();
    const relist = this.#store.beginRelist();
    const { objects, resourceVersion } = await guarded(this.#clock, this.#silenceMs, signal, (guard) =>
      readPages(this.#listWatch, guard, relist),
    );
    relist.commit(resourceVersion);
    this.#onListed('paginated', objects, startMs);
  }

  /** The server has answered that it does not serve the resource. */
  #holdNothing(): void {
    this.#signsOfLife.heard();
    if (this.#store.size > 0) this.#store.swap([], this.#store.reached);
    this.#mustList = true;
    this.#hasSynced = true;
    this.#synced.resolve();
  }

  #onListed(mode: ListMode, objects: number, startMs: number): void {
    const nowMs = this.#clock.monotonic();
    this.#signsOfLife.heard();
    this.#unfinishedStreams = 0;
    this.#mustList = false;
    this.#listedMs = nowMs;
    this.#listDueMs = nowMs + this.#relistIntervalMs * (1 + this.#random() / 10);
    this.#hasSynced = true;
    this.#synced.resolve();
    this.#observer.onListed?.(mode, objects, nowMs - startMs);
  }
}
