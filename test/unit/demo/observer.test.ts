import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { NotAsClaimedError, Observer } from '../../../tools/demo/observer.ts';

const quota = {
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name: 'compute', namespace: 'shop' },
};

let abort: AbortController;
let observer: Observer;
beforeEach(() => {
  vi.useFakeTimers();
  abort = new AbortController();
  observer = new Observer(abort.signal);
});
afterEach(() => vi.useRealTimers());

const missingQuota = (): string[] =>
  observer.get('ResourceQuota', 'shop', 'compute') === undefined ? ['the quota'] : [];

describe('waiting for something to be seen', () => {
  test('ends when it is seen, with the time at which it was', async () => {
    const seen = observer.until('a quota', missingQuota);
    await vi.advanceTimersByTimeAsync(40);
    observer.observe('ADDED', quota);
    await vi.advanceTimersByTimeAsync(500);
    expect(await seen).toBe(performance.now() - 500);
  });

  test('ends at once where it is there already', async () => {
    observer.observe('ADDED', quota);
    expect(await observer.until('a quota', missingQuota)).toBe(performance.now());
  });

  test('forgets what was deleted', async () => {
    observer.observe('ADDED', quota);
    observer.observe('DELETED', quota);
    expect(missingQuota()).toEqual(['the quota']);
    expect(observer.all()).toEqual([]);
  });

  test('gives up after 30 seconds, and says what was expected and what was still missing', async () => {
    const seen = observer.until('a quota in shop', missingQuota);
    const failure = expect(seen).rejects.toEqual(
      new NotAsClaimedError('a quota in shop', 'after 30 s still: the quota'),
    );
    await vi.advanceTimersByTimeAsync(30_000);
    await failure;
  });

  test('ends at once when the reader interrupts, now and from then on', async () => {
    const seen = observer.until('a quota', missingQuota);
    abort.abort(new Error('interrupted'));
    await expect(seen).rejects.toThrow('interrupted');
    await expect(observer.until('a quota', missingQuota)).rejects.toThrow('interrupted');
  });
});
