import { type Clock, sleepOn, type Timer } from '../../../src/runtime/clock.ts';

interface PendingTimer {
  readonly dueAtMs: number;
  readonly callback: () => void;
}

/** Virtual time: it stands still until a test moves it. */
export class FakeClock implements Clock {
  #monotonicMs = 1_000;
  #wallMs = Date.UTC(2026, 0, 1);
  readonly #timers = new Set<PendingTimer>();

  /** Timers that have not fired; to show that nothing is left behind, or that many delays share one. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#wallMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    const timer = { dueAtMs: this.#monotonicMs + Math.max(0, delayMs), callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** Lets `ms` pass, firing each timer at its time and letting everything it wakes run before the next one. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonicMs + ms;
    await flush();
    for (let next = this.#nextDue(end); next !== undefined; next = this.#nextDue(end)) {
      this.#pass(Math.max(0, next.dueAtMs - this.#monotonicMs));
      this.#timers.delete(next);
      next.callback();
      await flush();
    }
    this.#pass(Math.max(0, end - this.#monotonicMs));
    await flush();
  }

  /** The process is stopped (SIGSTOP) and continued: time passes and no timer has run yet. */
  pause(ms: number): void {
    this.#pass(ms);
  }

  /** The machine is suspended: the wall clock goes on, the monotonic one stands still, and no timer runs. */
  suspend(ms: number): void {
    this.#wallMs += ms;
  }

  /** The wall clock is set; forward, or back where negative. */
  stepWallClock(ms: number): void {
    this.#wallMs += ms;
  }

  #pass(ms: number): void {
    this.#monotonicMs += ms;
    this.#wallMs += ms;
  }

  #nextDue(end: number): PendingTimer | undefined {
    let next: PendingTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAtMs <= end && (next === undefined || timer.dueAtMs < next.dueAtMs)) next = timer;
    }
    return next;
  }
}

/** Lets everything run that waits for nothing but its turn. A turn of the event loop comes after all microtasks. */
export function flush(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
