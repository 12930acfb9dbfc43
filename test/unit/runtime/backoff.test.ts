import { describe, expect, test } from 'vitest';
import { Backoff, KeyedBackoff } from '../../../src/runtime/backoff.ts';

const ALMOST_ONE = 1 - Number.EPSILON;

describe('a backoff', () => {
  test('doubles its ceiling up to the cap, for ever', () => {
    const backoff = new Backoff({ initialMs: 100, maxMs: 1_000, random: () => ALMOST_ONE });
    const delays = Array.from({ length: 6 }, () => Math.round(backoff.next()));
    expect(delays).toEqual([100, 200, 400, 800, 1_000, 1_000]);
    for (let failure = 0; failure < 2_000; failure += 1) backoff.next();
    expect(Math.round(backoff.next())).toBe(1_000);
  });

  test('draws each delay from nothing up to the ceiling', () => {
    const backoff = new Backoff({ initialMs: 100, maxMs: 1_000, random: () => 0.25 });
    expect([backoff.next(), backoff.next()]).toEqual([25, 50]);
  });

  test('starts over after a success', () => {
    const backoff = new Backoff({ initialMs: 100, maxMs: 1_000, random: () => 0.5 });
    backoff.next();
    backoff.next();
    backoff.reset();
    expect(backoff.failures).toBe(0);
    expect(backoff.next()).toBe(50);
  });

  test('waits at least as long as the server asked for, and not in step with its other clients', () => {
    const backoff = new Backoff({ initialMs: 100, maxMs: 1_000, random: () => 0.5 });
    expect(backoff.next(30_000)).toBe(31_500);
  });

  test('waits no longer than five minutes, whatever the server asked for', () => {
    const backoff = new Backoff({ initialMs: 100, maxMs: 1_000, random: () => 0 });
    expect(backoff.next(24 * 60 * 60 * 1_000)).toBe(300_000);
  });

  test('counts each key by itself', () => {
    const backoff = new KeyedBackoff({ initialMs: 100, maxMs: 1_000, random: () => 0.5 });
    backoff.next('a');
    expect(backoff.next('a')).toBe(100);
    expect(backoff.next('b')).toBe(50);
    backoff.forget('a');
    expect(backoff.next('a')).toBe(50);
  });

  test('remembers a bounded number of keys', () => {
    const backoff = new KeyedBackoff({ initialMs: 100, maxMs: 1_000 });
    for (let key = 0; key <= 65_536; key += 1) backoff.next(`key-${key}`);
    expect(backoff.failures('key-0')).toBe(0);
    expect(backoff.failures('key-1')).toBe(1);
  });

  test.each([
    [{ initialMs: 0, maxMs: 1 }, 'backoff initialMs must be above 0, got 0'],
    [{ initialMs: 10, maxMs: 5 }, 'backoff maxMs must not be below initialMs (10), got 5'],
  ])('refuses %o', (options, message) => {
    expect(() => new Backoff(options)).toThrow(message);
  });
});
