import { eventually } from '../support/eventually.ts';
import { RestError } from '../support/rest-client.ts';
import { form } from './form.ts';

/** The API server is away or has too much to do: not what the request deserved. */
function isPassing(error: unknown): boolean {
  return !(error instanceof RestError) || error.status === 429 || error.status >= 500;
}

/**
 * Sends a request again for as long as the API server is away.
 *
 * @param send may be called after the API server did it and could not say so any more
 * @throws what it was refused with
 */
export async function patiently<Result>(send: () => Promise<Result>): Promise<Result> {
  const { outcome } = await eventually(
    async () => {
      try {
        return { outcome: { result: await send() } };
      } catch (error) {
        if (isPassing(error)) throw error;
        return { outcome: { error } };
      }
    },
    { what: 'the API server answers', timeoutMs: form.patienceMs },
  );
  if ('error' in outcome) throw outcome.error;
  return outcome.result;
}

/** Runs `work` on each item, so many at once. */
export async function inParallel<Item>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}
