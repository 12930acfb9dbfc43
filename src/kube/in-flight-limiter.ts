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
 * While urgent requests are under way, normal ones get no more than this part of the places: each that is in flight makes every
 * answer later, and whoever hardens a new namespace waits for several in a row.
 */
const NORMAL_SHARE_BESIDE_URGENT = 1 / 4;

/** Urgent requests that go before one that waits and is normal; the next turn is its own. */
const URGENT_IN_A_ROW = 8;

/** How long after an urgent request's end the next one of its kind is to be expected. Milliseconds. */
const URGENT_LINGERS_MS = 200;

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
  readonly signal: AbortSignal | undefined;
  readonly onAbort: () => void;
}

/**
 * Bounds the requests in flight and adapts the bound to the server, as TCP does: halved on overload, one more for each
 * full round of answers while the bound holds somebody back. Waiters go first in, first out within their priority. A rollout makes room
 * while a new namespace is hardened; a flood of urgent requests slows the rest and does not stop it.
 * Watches do not count: they would hold their place for ever.
 */
export class InFlightLimiter {
  readonly #clock: Clock;
  readonly #min: number;
  readonly #max: number;
  readonly #cooldownMs: number;
  // A Set keeps insertion order, and lets an aborted waiter leave from the middle.
  readonly #waiting: Readonly<Record<Priority, Set<Waiter>>> = { urgent: new Set(), normal: new Set() };
  readonly #inFlight: Record<Priority, number> = { urgent: 0, normal: 0 };
  #limit: number;
  /** Urgent requests that have gone before a normal one that waited, since the last normal one. */
  #overtaken = 0;
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
    return this.#inFlight.urgent + this.#inFlight.normal;
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
    if (this.#waiting[priority].size === 0 && this.#hasPlace(priority)) {
      this.#inFlight[priority] += 1;
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
      // Places become free by time, too, where urgent requests have ceased.
      this.#admit();
    });
  }

  /** Gives a place back that was taken with the same priority. */
  release(outcome: Outcome, priority: Priority = 'normal'): void {
    const isHoldingBack = this.inFlight >= this.limit || this.waiting > 0;
    this.#inFlight[priority] -= 1;
    if (priority === 'urgent') this.#urgentUntil = this.#clock.monotonic() + URGENT_LINGERS_MS;
    if (outcome === 'overloaded') this.#decrease();
    else if (outcome === 'answered' && isHoldingBack) {
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

  #hasPlace(priority: Priority): boolean {
    if (this.inFlight >= this.limit) return false;
    if (priority === 'urgent') return true;
    const isUrgentTime = this.#inFlight.urgent > 0 || this.#clock.monotonic() < this.#urgentUntil;
    const share = isUrgentTime ? NORMAL_SHARE_BESIDE_URGENT : 1;
    return this.#inFlight.normal < Math.max(1, Math.floor(this.#limit * share));
  }

  #admit(): void {
    for (;;) {
      const priority = this.#nextInTurn();
      const [next] = priority === undefined ? [] : this.#waiting[priority];
      if (priority === undefined || next === undefined) return;
      this.#waiting[priority].delete(next);
      next.signal?.removeEventListener('abort', next.onAbort);
      this.#inFlight[priority] += 1;
      this.#overtaken = priority === 'urgent' && this.#waiting.normal.size > 0 ? this.#overtaken + 1 : 0;
      next.resolve();
    }
  }

  /** Of those that wait and have a place. */
  #nextInTurn(): Priority | undefined {
    const isReady = (priority: Priority) => this.#waiting[priority].size > 0 && this.#hasPlace(priority);
    if (isReady('urgent') && !(this.#overtaken >= URGENT_IN_A_ROW && isReady('normal'))) return 'urgent';
    return isReady('normal') ? 'normal' : undefined;
  }
}
