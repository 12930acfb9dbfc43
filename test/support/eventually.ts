import { setTimeout as sleep } from 'node:timers/promises';

/** How long {@link eventually} waits, and for what. */
export interface EventuallyOptions {
  /** Names the state that is waited for, for the failure message, such as `the namespace is gone`. */
  readonly what: string;
  /** Gives up after this long; 15 seconds by default. Generous: a slow machine must not fail a right test. */
  readonly timeoutMs?: number;
}

const pollIntervalMs = 25;

/**
 * Waits until a check passes: until it returns without throwing, and something other than `false`. Assertions
 * can be used in it as they are.
 *
 * @returns what the check returned.
 * @throws after the timeout, with the check's last error as the cause.
 */
export async function eventually<Result>(
  check: () => Result | Promise<Result>,
  { what, timeoutMs = 15_000 }: EventuallyOptions,
): Promise<Exclude<Result, false>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    let lastError: unknown;
    try {
      const result = await check();
      if (result !== false) return result as Exclude<Result, false>;
      lastError = new Error('the check returned false');
    } catch (error) {
      lastError = error;
    }
    if (Date.now() >= deadline) {
      const reason = lastError instanceof Error ? lastError.message : String(lastError);
      throw new Error(`Not within ${timeoutMs} ms: ${what}. Last: ${reason}`, { cause: lastError });
    }
    await sleep(pollIntervalMs);
  }
}
