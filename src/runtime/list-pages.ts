import type { ListWatch, ObjectWithMeta } from './list-watch.ts';
import type { SilenceGuard } from './silence-guard.ts';
import type { Relist } from './store.ts';

/** As client-go asks for; a server handles that well, and forgets none of its watchers for long. */
const PAGE_SIZE = 500;

/**
 * Reads one list to its end, page by page.
 * @param guard aborts the list when a page does not come
 * @returns how many objects there were, and the version that a watch is to go on from
 */
export async function readPages<T extends ObjectWithMeta>(
  listWatch: ListWatch<T>,
  guard: SilenceGuard,
  relist: Relist<T>,
): Promise<{ readonly objects: number; readonly resourceVersion: string }> {
  let objects = 0;
  let resourceVersion: string | undefined;
  let continueToken: string | undefined;
  do {
    const query = { limit: PAGE_SIZE, ...(continueToken !== undefined && { continueToken }) };
    const page = await listWatch.list(query, guard.signal);
    guard.heard();
    for (const object of page.items) relist.add(object);
    objects += page.items.length;
    // The first page's version: were a later page newer, the watch would only repeat what it shows.
    resourceVersion ??= page.resourceVersion;
    continueToken = page.continueToken;
  } while (continueToken !== undefined);
  return { objects, resourceVersion };
}
