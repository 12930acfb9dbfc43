import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/runtime/clock.ts';

describe('the system clock', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('keeps a delay longer than a Node timer can', async () => {
    const callback = vi.fn();
    systemClock.setTimeout(callback, 30 * 24 * 3_600_000);
    await vi.advanceTimersByTimeAsync(30 * 24 * 3_600_000 - 1);
    expect(callback).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(callback).toHaveBeenCalledOnce();
  });

  test('does not fire a cancelled timer, also one in its second leg', async () => {
    const callback = vi.fn();
    const timer = systemClock.setTimeout(callback, 30 * 24 * 3_600_000);
    await vi.advanceTimersByTimeAsync(25 * 24 * 3_600_000);
    timer.cancel();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('ends a sleep with the reason of the abort, and leaves no timer behind', async () => {
    const stop = new AbortController();
    const sleep = systemClock.sleep(1_000, stop.signal);
    stop.abort(new Error('stopping'));
    await expect(sleep).rejects.toThrow('stopping');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('does not begin a sleep under an aborted signal', async () => {
    await expect(systemClock.sleep(1_000, AbortSignal.abort(new Error('stopped')))).rejects.toThrow(
      'stopped',
    );
    expect(vi.getTimerCount()).toBe(0);
  });
});
