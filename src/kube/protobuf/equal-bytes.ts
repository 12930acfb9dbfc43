/** Longer ones are made anew each time: hardly two are equal. Bytes. */
const longest = 2048;
/**
 * All keys together, since somebody may write objects that differ each time. What is made of them may be twenty times as large (a list
 * of empty rules takes two bytes for each). Bytes.
 */
const capacity = 128 * 1024;

/** What was made of bytes, remembered by the bytes, within bounds. */
export class EqualBytes<T> {
  readonly #known = new Map<string, T>();
  #size = 0;

  /** What `make` made of equal bytes before, or makes now. */
  of(bytes: Buffer, start: number, end: number, make: () => T): T {
    if (end - start > longest) return make();
    // A character for each byte, whatever they mean: as a key that does.
    const key = bytes.toString('latin1', start, end);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = make();
    if (this.#size + key.length > capacity) {
      this.#known.clear();
      this.#size = 0;
    }
    this.#known.set(key, made);
    this.#size += key.length;
    return made;
  }
}
