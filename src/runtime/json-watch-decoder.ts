import { LineDecoder } from './line-decoder.ts';
import type { EventDecoder, ObjectWithMeta, WatchEvent } from './list-watch.ts';
import { MalformedWatchError, toWatchEvent } from './watch-event.ts';

/** Reads a watch in JSON: one event a line. */
export class JsonWatchDecoder<T extends ObjectWithMeta> implements EventDecoder<T> {
  readonly #lines = new LineDecoder();

  get pendingBytes(): number {
    return this.#lines.pendingBytes;
  }

  push(chunk: Uint8Array, onEvent: (event: WatchEvent<T>) => void): void {
    this.#lines.push(chunk, (line) => onEvent(toWatchEvent(parse(line))));
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new MalformedWatchError(`a line of ${line.length} characters is not JSON`, { cause });
  }
}
