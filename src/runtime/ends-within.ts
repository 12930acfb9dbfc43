import type { Clock } from './clock.ts';

/**
 * Waits for `work` up to `ms` milliseconds; what has ended already is in time even where that is 0. Work that takes longer goes on by itself.
 * @returns whether it ended in time; rejects where it does
 */
export async function endsWithin(clock: Clock, work: Promise<unknown>, ms: number): Promise<boolean> {
  const awake = new AbortController();
  const tooLate = clock.sleep(ms, awake.signal).then(
    () => false,
    () => false,
  );
  try {
    return await Promise.race([work.then(() => true), tooLate]);
  } finally {
    awake.abort();
  }
}
