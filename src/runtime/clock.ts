/**
 * Time, injected. Everything in the runtime that measures a duration uses `monotonic()`, so a wall clock that is
 * stepped (NTP, an operator's `date -s`) neither fires a delay early nor holds it back.
 */

/** A pending callback. */
export interface Timer {
  /** Does nothing once the callback has run. */
  cancel(): void;
}

export interface Clock {
  /** Wall clock: milliseconds since the epoch. For people and for timestamps in objects; it may jump. */
  now(): number;
  /** Milliseconds from an arbitrary start; never steps back. It may stand still while a virtual machine is suspended. */
  monotonic(): number;
  /** Runs `callback` once after `delayMs`, however long that is; never early by more than the timer's resolution. */
  setTimeout(callback: () => void, delayMs: number): Timer;
  /** Resolves after `delayMs`; rejects with the signal's reason as soon as `signal` is aborted. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** Node fires a timer with a longer delay after one millisecond; an exception may well expire later than in 24.8 days. */
const LONGEST_NODE_TIMER_MS = 2 ** 31 - 1;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout(callback, delayMs) {
    let handle: NodeJS.Timeout;
    const arm = (remainingMs: number): void => {
      const stepMs = Math.min(remainingMs, LONGEST_NODE_TIMER_MS);
      handle = setTimeout(() => (remainingMs > stepMs ? arm(remainingMs - stepMs) : callback()), stepMs);
    };
    arm(Math.max(0, delayMs));
    return { cancel: () => clearTimeout(handle) };
  },
  sleep: (delayMs, signal) => sleepOn(systemClock, delayMs, signal),
};

/** `sleep` in terms of `setTimeout`, for implementations of {@link Clock}. */
export function sleepOn(
  clock: Pick<Clock, 'setTimeout'>,
  delayMs: number,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, delayMs);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
