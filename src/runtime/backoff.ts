/**
 * Capped exponential backoff with full jitter: each delay is drawn from nothing up to a ceiling that doubles.
 * Full jitter spreads clients that failed together better than a fixed delay with a little noise does.
 * Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */

export interface BackoffOptions {
  /** Ceiling of the first delay. Milliseconds, above 0. */
  readonly initialMs: number;
  /** Ceiling of every delay. Milliseconds, not below `initialMs`. */
  readonly maxMs: number;
  /** Uniform in [0, 1). Default `Math.random`. */
  readonly random?: () => number;
}

/** A server's Retry-After is kept, and stretched by up to this part of it, so that its clients do not return as one. */
const RETRY_AFTER_SPREAD = 0.1;

/** The longest Retry-After that is kept, in milliseconds: a proxy that says "tomorrow" must not stop the repair of a hole until then. */
const MAX_RETRY_AFTER_MS = 300_000;

/** Counts the failures of one thing. */
export class Backoff {
  readonly #schedule: Schedule;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#schedule = new Schedule(options);
  }

  /** Consecutive failures so far. */
  get failures(): number {
    return this.#failures;
  }

  /**
   * Counts a failure.
   * @param atLeastMs the server's Retry-After, where it gave one; more than five minutes count as five.
   * @returns how long to wait before the next attempt, in milliseconds.
   */
  next(atLeastMs = 0): number {
    this.#failures += 1;
    return this.#schedule.delayMs(this.#failures, atLeastMs);
  }

  /** To be called on success: the next failure starts over. */
  reset(): void {
    this.#failures = 0;
  }
}

/** Keys remembered by a {@link KeyedBackoff}. Beyond it the one that failed first starts over, which costs a retry. */
const MAX_KEYS = 65_536;

/** Counts failures by key. Keeps one number for each key that has failed and was not forgotten since. */
export class KeyedBackoff<K extends string> {
  readonly #schedule: Schedule;
  readonly #failures = new Map<K, number>();

  constructor(options: BackoffOptions) {
    this.#schedule = new Schedule(options);
  }

  /** Consecutive failures of `key` so far. */
  failures(key: K): number {
    return this.#failures.get(key) ?? 0;
  }

  /** As {@link Backoff.next}, for one key. */
  next(key: K, atLeastMs = 0): number {
    const failures = this.failures(key) + 1;
    if (failures === 1 && this.#failures.size >= MAX_KEYS) {
      for (const oldest of this.#failures.keys()) {
        this.#failures.delete(oldest);
        break;
      }
    }
    this.#failures.set(key, failures);
    return this.#schedule.delayMs(failures, atLeastMs);
  }

  /** As {@link Backoff.reset}, for one key. */
  forget(key: K): void {
    this.#failures.delete(key);
  }
}

class Schedule {
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;

  constructor({ initialMs, maxMs, random = Math.random }: BackoffOptions) {
    if (!(initialMs > 0)) throw new RangeError(`backoff initialMs must be above 0, got ${initialMs}`);
    if (!(maxMs >= initialMs)) {
      throw new RangeError(`backoff maxMs must not be below initialMs (${initialMs}), got ${maxMs}`);
    }
    this.#initialMs = initialMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  delayMs(failures: number, atLeastMs: number): number {
    // 2 ** 1024 is Infinity, and so capped like every other: failures may be counted for ever.
    const ceilingMs = Math.min(this.#maxMs, this.#initialMs * 2 ** (failures - 1));
    const jitter = this.#random();
    const retryAfterMs = Math.min(atLeastMs, MAX_RETRY_AFTER_MS) * (1 + jitter * RETRY_AFTER_SPREAD);
    return Math.max(jitter * ceilingMs, retryAfterMs);
  }
}
