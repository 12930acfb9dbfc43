import type { Clock } from '../runtime/clock.ts';

/** Urgent requests (a namespace just created, drift) go before normal ones (a rollout, status, events). */
export type Priority = 'urgent' | 'normal';

/** What a finished request says about the server. */
export type Outcome =
  /** Answered, whatever the answer. */
  | 'answered'
  /** 429, 503 or no answer in time: the server has too much to do. */
  | 'overloaded'
  /** Not sent, aborted, or the connection broke: says nothing of its load. */
  | 'unknown';

export interface InFlightLimiterOptions {
  readonly clock: Clock;
  /** Requests in flight that are always allowed. Default 2: with one, a single stuck request would stop everything. */
  readonly min?: number;
  /** Requests in flight at most, and to begin with. Default 32: more gave no more creates per second. */
  readonly max?: number;
  /**
   * Time after a decrease in which no further one happens. Milliseconds, default 1,000. The requests that were in
   * flight together fail together, and are one sign of overload and not thirty.
   */
  readonly cooldownMs?: number;
}

/**
 * While urgent requests come, normal ones get no more than this part of the places: each that is in flight makes every answer
 * later, and whoever hardens a new namespace waits for several in a row.
 */
const NORMAL_SHARE_BESIDE_URGENT = 1 / 4;

/** How long after the last urgent request more are to be expected. Milliseconds; longer than an answer of a busy server takes. */
const URGENT_LINGERS_MS = 200;

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
  readonly signal: AbortSignal | undefined;
  readonly onAbort: () => void;
}

/**
 * Bounds the requests in flight and adapts the bound to the server, as TCP does: halved on overload, one more for each
 * full round of answers while the bound is reached. Waiters go first in, first out within their priority; a rollout makes room while
 * a new namespace is hardened. Watches do not count: they would hold their place for ever.
 */
export class InFlightLimiter {
  readonly #clock: Clock;
  readonly #min: number;
  readonly #max: number;
  readonly #cooldownMs: number;
  // A Set keeps insertion order, and lets an aborted waiter leave from the middle.
  readonly #waiting: Readonly<Record<Priority, Set<Waiter>>> = { urgent: new Set(), normal: new Set() };
  #limit: number;
  #inFlight = 0;
  #decreasedAt = Number.NEGATIVE_INFINITY;
  #urgentUntil = Number.NEGATIVE_INFINITY;

  /** @throws RangeError unless 1 <= min <= max */
  constructor(options: InFlightLimiterOptions) {
    this.#clock = options.clock;
    this.#max = options.max ?? 32;
    this.#min = options.min ?? Math.min(2, this.#max);
    this.#cooldownMs = options.cooldownMs ?? 1000;
    if (!(this.#min >= 1 && this.#min <= this.#max)) {
      throw new RangeError(
        `in-flight limit: min ${this.#min} must be at least 1 and at most max ${this.#max}`,
      );
    }
    this.#limit = this.#max;
  }

  /** The present bound, a whole number. */
  get limit(): number {
    return Math.floor(this.#limit);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get waiting(): number {
    return this.#waiting.urgent.size + this.#waiting.normal.size;
  }

  /**
   * Takes a place; give it back with {@link release}, whatever happens.
   * @returns undefined where a place is free at once, so that the fast path makes no promise
   * @throws the signal's reason, through the promise, where it fires first
   */
  acquire(priority: Priority = 'normal', signal?: AbortSignal): Promise<void> | undefined {
    signal?.throwIfAborted();
    if (priority === 'urgent') this.#urgentUntil = this.#clock.monotonic() + URGENT_LINGERS_MS;
    // Nobody is overtaken: urgent ones go before normal ones anyway.
    const ahead = priority === 'urgent' ? this.#waiting.urgent.size : this.waiting;
    if (ahead === 0 && this.#inFlight < this.#limitOf(priority)) {
      this.#inFlight += 1;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        resolve,
        reject,
        signal,
        onAbort: () => {
          this.#waiting[priority].delete(waiter);
          reject(signal?.reason);
        },
      };
      signal?.addEventListener('abort', waiter.onAbort, { once: true });
      this.#waiting[priority].add(waiter);
    });
  }

  release(outcome: Outcome): void {
    const wasSaturated = this.#inFlight >= this.limit;
    this.#inFlight -= 1;
    if (outcome === 'overloaded') this.#decrease();
    else if (outcome === 'answered' && wasSaturated) {
      this.#limit = Math.min(this.#max, this.#limit + 1 / this.#limit);
    }
    this.#admit();
  }

  #decrease(): void {
    const now = this.#clock.monotonic();
    if (now - this.#decreasedAt < this.#cooldownMs) return;
    this.#decreasedAt = now;
    this.#limit = Math.max(this.#min, Math.floor(this.#limit / 2));
  }

  #limitOf(priority: Priority): number {
    if (priority === 'urgent' || this.#clock.monotonic() >= this.#urgentUntil) return this.limit;
    return Math.max(this.#min, Math.floor(this.#limit * NORMAL_SHARE_BESIDE_URGENT));
  }

  #admit(): void {
    for (const priority of ['urgent', 'normal'] as const) {
      const limit = this.#limitOf(priority);
      for (const next of this.#waiting[priority]) {
        if (this.#inFlight >= limit) break;
        this.#waiting[priority].delete(next);
        next.signal?.removeEventListener('abort', next.onAbort);
        this.#inFlight += 1;
        next.resolve();
      }
    }
  }
}
