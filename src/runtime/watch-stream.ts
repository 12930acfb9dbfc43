import { LineDecoder, MalformedLineError } from './line-decoder.ts';
import type { ListWatch, ObjectWithMeta, WatchQuery } from './list-watch.ts';
import type { SilenceGuard } from './silence-guard.ts';
import { parseWatchEvent, type WatchEvent } from './watch-event.ts';

/** What a watch tells its reader, synchronously and in order. */
export interface WatchReader<T extends ObjectWithMeta> {
  /** The server has answered. */
  onOpen(): void;
  /** Something came, be it half a line. Called before the events of the same chunk. */
  onBytes(): void;
  onEvent(event: WatchEvent<T>): void;
}

/**
 * Reads one watch to its end. All complete lines of a chunk are handled in one go: no promise for each event.
 * @param guard aborts the watch when it stays silent
 * @throws {MalformedLineError} at a line that is no event, also one that the stream ended in
 * @throws {WatchStatusError} at an ERROR event
 * @throws {SilenceError} from the guard
 */
export async function readWatch<T extends ObjectWithMeta>(
  listWatch: ListWatch<T>,
  query: WatchQuery,
  guard: SilenceGuard,
  reader: WatchReader<T>,
): Promise<void> {
  const decoder = new LineDecoder();
  const onLine = (line: string): void => reader.onEvent(parseWatchEvent<T>(line));
  const chunks = await listWatch.watch(query, guard.signal);
  reader.onOpen();
  guard.heard();
  for await (const chunk of chunks) {
    guard.heard();
    reader.onBytes();
    decoder.push(chunk, onLine);
  }
  guard.signal.throwIfAborted();
  if (decoder.pendingBytes > 0) {
    throw new MalformedLineError(`the stream ended inside a line, after ${decoder.pendingBytes} bytes of it`);
  }
}
