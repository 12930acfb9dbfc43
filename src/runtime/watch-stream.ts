import type { ListWatch, ObjectWithMeta, WatchEvent, WatchQuery } from './list-watch.ts';
import type { SilenceGuard } from './silence-guard.ts';
import { MalformedWatchError } from './watch-event.ts';

/** What a watch tells its reader, synchronously and in order. */
export interface WatchReader<T extends ObjectWithMeta> {
  /** The server has answered. */
  onOpen(): void;
  /** Something came, be it half an event. Called before the events of the same chunk. */
  onBytes(): void;
  onEvent(event: WatchEvent<T>): void;
}

/**
 * Reads one watch to its end. All complete events of a chunk are handled in one go: no promise for each event.
 * @param guard aborts the watch when it stays silent
 * @throws {MalformedWatchError} at what is no event, also where the stream ended in one
 * @throws {WatchStatusError} at an ERROR event
 * @throws {SilenceError} from the guard
 */
export async function readWatch<T extends ObjectWithMeta>(
  listWatch: ListWatch<T>,
  query: WatchQuery,
  guard: SilenceGuard,
  reader: WatchReader<T>,
): Promise<void> {
  const onEvent = (event: WatchEvent<T>): void => reader.onEvent(event);
  const { chunks, decoder } = await listWatch.watch(query, guard.signal);
  reader.onOpen();
  guard.heard();
  for await (const chunk of chunks) {
    guard.heard();
    reader.onBytes();
    decoder.push(chunk, onEvent);
  }
  guard.signal.throwIfAborted();
  if (decoder.pendingBytes > 0) {
    throw new MalformedWatchError(
      `the stream ended inside an event, after ${decoder.pendingBytes} bytes of it`,
    );
  }
}
