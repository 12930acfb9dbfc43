import type { Clock, Timer } from './clock.ts';

/** Nothing came for too long: the connection is taken for dead. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError';
}

/**
 * Aborts work that makes no progress. A connection whose other end is gone (a dropped NAT entry, a host that lost power)
 * gives no error, it only stays silent.
 */
export class SilenceGuard {
  readonly #clock: Clock;
  readonly #allowedMs: number;
  readonly #parent: AbortSignal;
  readonly #controller = new AbortController();
  readonly #onParentAbort = (): void => this.#controller.abort(this.#parent.reason);
  #lastHeardMs: number;
  #timer: Timer;

  /** @param parent aborts the work too */
  constructor(clock: Clock, allowedMs: number, parent: AbortSignal) {
    this.#clock = clock;
    this.#allowedMs = allowedMs;
    this.#parent = parent;
    this.#lastHeardMs = clock.monotonic();
    this.#timer = this.#arm(allowedMs);
    if (parent.aborted) this.#onParentAbort();
    else parent.addEventListener('abort', this.#onParentAbort, { once: true });
  }

  /** For the work; its reason is a {@link SilenceError} or the parent's. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something came. Only notes the time, since it is called for every chunk; the timer looks at it when it fires. */
  heard(): void {
    this.#lastHeardMs = this.#clock.monotonic();
  }

  /** The work is over. Aborts what may be left of it. */
  dispose(): void {
    this.#timer.cancel();
    this.#parent.removeEventListener('abort', this.#onParentAbort);
    this.#controller.abort();
  }

  #arm(delayMs: number): Timer {
    return this.#clock.setTimeout(() => {
      const silentMs = this.#clock.monotonic() - this.#lastHeardMs;
      if (silentMs < this.#allowedMs) this.#timer = this.#arm(this.#allowedMs - silentMs);
      else this.#controller.abort(new SilenceError(`nothing came for ${Math.round(silentMs / 1_000)} s`));
    }, delayMs);
  }
}

/**
 * Does work under a guard of its own.
 * @throws {SilenceError} where the guard has ended the work, whatever the work made of that
 */
export async function guarded<R>(
  clock: Clock,
  allowedMs: number,
  parent: AbortSignal,
  work: (guard: SilenceGuard) => Promise<R>,
): Promise<R> {
  const guard = new SilenceGuard(clock, allowedMs, parent);
  try {
    return await work(guard);
  } catch (error) {
    throw guard.signal.reason instanceof SilenceError ? guard.signal.reason : error;
  } finally {
    guard.dispose();
  }
}
