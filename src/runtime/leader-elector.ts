/**
 * Leader election by a lease, with the timing of client-go's (https://pkg.go.dev/k8s.io/client-go/tools/leaderelection):
 *
 *           lease free, released, or unchanged for its whole duration; update accepted
 *     following -----------------------------------------------------------------> leading
 *         ^                                                                          |
 *         +---- not renewed within renewDeadlineMs; onStoppedLeading has ended ------+
 *
 * - Whether somebody else's lease has run out is measured from when *we* saw it change, on our monotonic clock. The times
 *   in the record are for people: clocks of different machines do not agree.
 * - Two candidates cannot both succeed, since each update names the version it read.
 *
 * What client-go does not promise: no request starts after the lease may have run out. A process that is stopped (SIGSTOP, a
 * debugger, a starved node) and goes on does so in the middle of its work, before any timer could tell it that it leads
 * no more. So whoever starts a request asks {@link LeaderElector.guard}, which compares clocks at that moment.
 */
import type { Clock } from './clock.ts';
import { KnownLease } from './known-lease.ts';
import type { LeaseLock, LeaseRecord } from './lease-lock.ts';
import { elapsedMs, type Moment, momentOf } from './moment.ts';

/** Told of what happens, for logs and metrics. Hooks must not throw. */
export interface LeaderElectorObserver {
  /** Somebody else, or we, hold the lease now; empty when it was released. */
  onHolderChanged?(identity: string): void;
  /** A read or write of the lease failed; it is tried again. */
  onError?(error: unknown): void;
}

export interface LeaderElectorOptions {
  readonly lock: LeaseLock;
  /** Unlike that of any other candidate, also of an earlier process on the same host: a host name with a random part. */
  readonly identity: string;
  readonly clock: Clock;
  /** Work may begin. `term` is aborted when it must end. */
  readonly onStartedLeading: (term: AbortSignal) => void;
  /**
   * Work must end; {@link LeaderElector.guard} is false already. Neither another term begins nor is the lease released
   * before the returned promise resolves. Must not reject: work that may still go on ends the process.
   */
  readonly onStoppedLeading: () => void | Promise<void>;
  readonly observer?: LeaderElectorObserver;
  /** How long followers leave a lease alone that is not renewed. Default 15 s; whole seconds. */
  readonly leaseDurationMs?: number;
  /** How long a leader goes on without a successful renewal. Below `leaseDurationMs`. Default 10 s. */
  readonly renewDeadlineMs?: number;
  /** Between attempts to get or renew the lease; those to get it are stretched by up to a fifth. Default 2 s. */
  readonly retryPeriodMs?: number;
  /** Uniform in [0, 1). Default `Math.random`. */
  readonly random?: () => number;
}

/** A request was about to start that only the leader may make. */
export class NotLeadingError extends Error {
  override readonly name = 'NotLeadingError';
}

const RETRY_JITTER = 0.2;

/** A candidate that waits for a lease to run out tries so soon after, plus as much at random. Milliseconds. */
const EXPIRY_SPREAD_MS = 100;

/** One may fail because a renewal that was given up arrives in between. */
const ATTEMPTS_TO_RELEASE = 2;

interface Term {
  readonly abort: AbortController;
  /** When the last successful renewal *began*: the server counted it from no earlier. */
  renewed: Moment;
}

export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #clock: Clock;
  readonly #lease: KnownLease;
  readonly #leaseDurationMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  readonly #random: () => number;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #term: Term | undefined;

  /** @throws {RangeError} where the durations do not fit together */
  constructor(options: LeaderElectorOptions) {
    const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2_000 } = options;
    if (options.identity === '') throw new RangeError('the identity of a candidate must not be empty');
    if (!(leaseDurationMs >= 1_000 && leaseDurationMs % 1_000 === 0)) {
      throw new RangeError(`leaseDurationMs must be whole seconds, got ${leaseDurationMs}`);
    }
    if (!(renewDeadlineMs < leaseDurationMs)) {
      throw new RangeError(
        `renewDeadlineMs must be below leaseDurationMs (${leaseDurationMs}), got ${renewDeadlineMs}`,
      );
    }
    if (!(retryPeriodMs > 0 && retryPeriodMs * (1 + RETRY_JITTER) < renewDeadlineMs)) {
      throw new RangeError(
        `retryPeriodMs must be above 0 and, with jitter, below renewDeadlineMs (${renewDeadlineMs}), got ${retryPeriodMs}`,
      );
    }
    this.#options = options;
    this.#clock = options.clock;
    this.#lease = new KnownLease(options.lock, options.clock, (identity) =>
      options.observer?.onHolderChanged?.(identity),
    );
    this.#leaseDurationMs = leaseDurationMs;
    this.#renewDeadlineMs = renewDeadlineMs;
    this.#retryPeriodMs = retryPeriodMs;
    this.#random = options.random ?? Math.random;
  }

  /**
   * Whether a request that only the leader may make can start now. To be asked synchronously, right before each: it reads the
   * clocks, and so is right even when no timer has run for an hour.
   */
  guard(): boolean {
    return this.#term !== undefined && this.#remainingMs(this.#term) > 0;
  }

  /** As {@link guard}. @throws {NotLeadingError} where it says no */
  assertLeading(): void {
    if (!this.guard())
      throw new NotLeadingError(`${this.#options.identity} does not hold ${this.#options.lock.name}`);
  }

  /** Who holds the lease, as last seen; empty where nobody does. */
  get holder(): string {
    return this.#lease.holder;
  }

  /** Begins to campaign, once. */
  start(): void {
    if (this.#running !== undefined) throw new Error('the elector was started before');
    this.#running = this.#run(this.#stop.signal);
  }

  /**
   * Ends the term, waits for `onStoppedLeading`, and releases the lease, so that the next leader need not wait for it to run
   * out. Work that is to drain in peace is stopped before the elector is.
   */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const term = await this.#campaign(stop);
      if (term === undefined) break;
      this.#term = term;
      this.#options.onStartedLeading(term.abort.signal);
      await this.#lead(term, stop);
      this.#term = undefined;
      term.abort.abort(new NotLeadingError('the term is over'));
      await this.#options.onStoppedLeading();
    }
    await this.#release();
  }

  /** Follows until the lease is ours; undefined when stopped. */
  async #campaign(stop: AbortSignal): Promise<Term | undefined> {
    while (!stop.aborted) {
      const renewed = momentOf(this.#clock);
      if (await this.#attempt(stop, this.#renewDeadlineMs)) {
        const term = { abort: new AbortController(), renewed };
        // Got, but so slowly (or with a pause in between) that it is of no use: renew first.
        if (this.#remainingMs(term) > 0) return term;
      }
      const retryMs = this.#retryPeriodMs * (1 + this.#random() * RETRY_JITTER);
      const leftMs = this.#lease.remainingMs;
      const expiryMs = leftMs > 0 ? leftMs + EXPIRY_SPREAD_MS * (1 + this.#random()) : Infinity;
      await this.#sleep(Math.min(retryMs, expiryMs), stop);
    }
    return undefined;
  }

  /** Renews until that fails for too long, or until stopped. */
  async #lead(term: Term, stop: AbortSignal): Promise<void> {
    for (;;) {
      // Where renewals fail, attempts come closer together towards the deadline, rather than the last one falling on it.
      const beforeMs = this.#remainingMs(term);
      const pauseMs = Math.max(beforeMs / 2, this.#retryPeriodMs / 8);
      await this.#sleep(Math.min(beforeMs, pauseMs, this.#retryPeriodMs), stop);
      const remainingMs = this.#remainingMs(term);
      if (stop.aborted || remainingMs <= 0) return;
      const began = momentOf(this.#clock);
      // One attempt may hang; half of the time left is for others.
      const timeoutMs = Math.min(remainingMs, Math.max(remainingMs / 2, this.#retryPeriodMs));
      if (await this.#attempt(stop, timeoutMs)) term.renewed = began;
      else if (this.holder !== this.#options.identity) return;
    }
  }

  /** One attempt to get or renew the lease, and no error. */
  async #attempt(stop: AbortSignal, timeoutMs: number): Promise<boolean> {
    const abort = new AbortController();
    const onStop = (): void => abort.abort(stop.reason);
    stop.addEventListener('abort', onStop, { once: true });
    const timer = this.#clock.setTimeout(() => abort.abort(notInTime()), timeoutMs);
    try {
      return await this.#acquireOrRenew(abort.signal);
    } catch (error) {
      if (!stop.aborted) this.#options.observer?.onError?.(error);
      return false;
    } finally {
      timer.cancel();
      stop.removeEventListener('abort', onStop);
    }
  }

  async #acquireOrRenew(signal: AbortSignal): Promise<boolean> {
    const lease = await this.#lease.current(signal);
    if (lease !== undefined && !this.#isFree(lease)) return false;
    await this.#lease.write(this.#recordAfter(lease), lease, signal);
    return true;
  }

  #isFree({ holderIdentity }: LeaseRecord): boolean {
    if (holderIdentity === this.#options.identity) return true;
    // Whoever took it from a leader may have led meanwhile: that term is over, whatever became of the other one.
    if (this.#term !== undefined) return false;
    return holderIdentity === '' || this.#lease.remainingMs <= 0;
  }

  #recordAfter(lease: LeaseRecord | undefined): LeaseRecord {
    const nowMs = this.#clock.now();
    const { identity } = this.#options;
    const kept = lease?.holderIdentity === identity ? lease : undefined;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: this.#leaseDurationMs / 1_000,
      acquireTimeMs: kept?.acquireTimeMs ?? nowMs,
      renewTimeMs: nowMs,
      leaseTransitions: kept?.leaseTransitions ?? (lease === undefined ? 0 : lease.leaseTransitions + 1),
    };
  }

  /** Lets the next leader begin at once. Only a courtesy: when it fails, the lease runs out. */
  async #release(): Promise<void> {
    if (this.holder !== this.#options.identity && !this.#lease.isWriteInDoubt) return;
    const abort = new AbortController();
    const timer = this.#clock.setTimeout(() => abort.abort(notInTime()), this.#retryPeriodMs);
    for (let left = ATTEMPTS_TO_RELEASE; left > 0 && !abort.signal.aborted; left -= 1) {
      if (await this.#tryToRelease(abort.signal)) break;
    }
    timer.cancel();
  }

  /** One attempt to release the lease, if it is ours, and no error. False where another may succeed. */
  async #tryToRelease(signal: AbortSignal): Promise<boolean> {
    try {
      const lease = await this.#lease.current(signal);
      if (lease?.holderIdentity !== this.#options.identity) return true;
      const released = { holderIdentity: '', leaseDurationSeconds: 1, renewTimeMs: this.#clock.now() };
      await this.#lease.write({ ...lease, ...released }, lease, signal);
      return true;
    } catch (error) {
      this.#options.observer?.onError?.(error);
      return false;
    }
  }

  /** Until we must have renewed. */
  #remainingMs({ renewed }: Term): number {
    return this.#renewDeadlineMs - elapsedMs(this.#clock, renewed);
  }

  async #sleep(delayMs: number, stop: AbortSignal): Promise<void> {
    await this.#clock.sleep(delayMs, stop).catch(() => undefined);
  }
}

function notInTime(): Error {
  return new Error('the lease was not served in time');
}
