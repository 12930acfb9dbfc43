import { systemClock } from '../../src/runtime/clock.ts';

const timeoutMs = 30_000;
const pollIntervalMs = 25;

/**
 * Asks until nothing is missing any more.
 *
 * @param missing tells what is missing, such as `CRD x is served`; undefined where nothing is
 * @throws after 30 seconds, with what is missing then
 */
export async function untilComplete(missing: () => Promise<string | undefined>): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (let left = await missing(); left !== undefined; left = await missing()) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${left}`);
    await systemClock.sleep(pollIntervalMs);
  }
}
