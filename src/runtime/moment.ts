import type { Clock } from './clock.ts';

/** A moment on both clocks. */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export function momentOf(clock: Clock): Moment {
  return { monotonicMs: clock.monotonic(), wallMs: clock.now() };
}

/**
 * How long ago a moment was, in milliseconds, for who must not take it for shorter. The clock that has gone further counts: the monotonic
 * one stands still while a virtual machine is suspended; a wall clock that is set forward only makes us more careful than need be.
 */
export function elapsedMs(clock: Clock, since: Moment): number {
  const { monotonicMs, wallMs } = momentOf(clock);
  return Math.max(monotonicMs - since.monotonicMs, wallMs - since.wallMs);
}
