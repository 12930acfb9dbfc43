import { MalformedWatchError } from './watch-event.ts';

/** Longer lines are refused: an object is at most a few MiB (etcd takes no more), so this is no watch stream. Bytes. */
const LONGEST_LINE = 32 * 1024 * 1024;

const NEWLINE = 0x0a;

/**
 * Cuts a stream of bytes into lines, wherever the chunks were cut. Lines are sought in the bytes, before decoding: no
 * byte of a longer UTF-8 sequence looks like a newline, so a character split over two chunks needs no care.
 */
export class LineDecoder {
  /**
   * Replaces what is not UTF-8: the API server passes on what tenants write into managed fields, and one such line must not stop a
   * watch. Names, UIDs and versions it has checked.
   */
  readonly #text = new TextDecoder('utf-8', { ignoreBOM: true });
  /** The beginning of a line whose end has not come. Joined once, so a long line costs no more than its length. */
  #pieces: Uint8Array[] = [];
  #pendingBytes = 0;

  /** Bytes of an unfinished line. Not 0 at the end of a stream: it was cut short. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Calls `onLine` for each line that is complete with this chunk, at once. Empty lines are left out. */
  push(chunk: Uint8Array, onLine: (line: string) => void): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const line = this.#complete(chunk.subarray(start, end));
      start = end + 1;
      if (line.length > 0) onLine(this.#text.decode(line));
    }
    if (start === chunk.length) return;
    this.#pieces.push(chunk.subarray(start));
    this.#pendingBytes += chunk.length - start;
    if (this.#pendingBytes > LONGEST_LINE)
      throw new MalformedWatchError(`a line exceeds ${LONGEST_LINE} bytes`);
  }

  #complete(lastPiece: Uint8Array): Uint8Array {
    if (this.#pieces.length === 0) return lastPiece;
    const line = Buffer.concat([...this.#pieces, lastPiece]);
    this.#pieces = [];
    this.#pendingBytes = 0;
    return line;
  }
}
