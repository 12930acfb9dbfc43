/**
 * An immutable set of small whole numbers. Only the words between the first and the last member are stored:
 * parties are numbered namespace by namespace, so that a set within one namespace costs a word or two even
 * in a cluster of ten thousand pods.
 */
export class Bits {
  readonly #offset: number;
  readonly #words: Uint32Array;

  private constructor(offset: number, words: Uint32Array) {
    this.#offset = offset;
    this.#words = words;
  }

  static readonly empty = new Bits(0, new Uint32Array(0));

  static of(members: Iterable<number>): Bits {
    const sorted = [...members];
    if (sorted.length === 0) return Bits.empty;
    let first = Number.POSITIVE_INFINITY;
    let last = 0;
    for (const member of sorted) {
      if (member < first) first = member;
      if (member > last) last = member;
    }
    const offset = first >>> 5;
    const words = new Uint32Array((last >>> 5) - offset + 1);
    for (const member of sorted)
      words[(member >>> 5) - offset] = wordAt(words, (member >>> 5) - offset) | (1 << (member & 31));
    return new Bits(offset, words);
  }

  /** From `start` (in) to `end` (out). */
  static range(start: number, end: number): Bits {
    return Bits.of(Array.from({ length: Math.max(0, end - start) }, (_, i) => start + i));
  }

  get isEmpty(): boolean {
    return this.#words.length === 0;
  }

  get size(): number {
    let count = 0;
    for (const _ of this) count++;
    return count;
  }

  has(member: number): boolean {
    const at = (member >>> 5) - this.#offset;
    return at >= 0 && at < this.#words.length && (wordAt(this.#words, at) & (1 << (member & 31))) !== 0;
  }

  and(other: Bits): Bits {
    const offset = Math.max(this.#offset, other.#offset);
    const end = Math.min(this.#offset + this.#words.length, other.#offset + other.#words.length);
    if (offset >= end) return Bits.empty;
    const words = this.#words.slice(offset - this.#offset, end - this.#offset);
    const shift = offset - other.#offset;
    for (let i = 0; i < words.length; i++) words[i] = wordAt(words, i) & wordAt(other.#words, i + shift);
    return Bits.#trimmed(offset, words);
  }

  or(other: Bits): Bits {
    if (this.isEmpty) return other;
    if (other.isEmpty) return this;
    const offset = Math.min(this.#offset, other.#offset);
    const end = Math.max(this.#offset + this.#words.length, other.#offset + other.#words.length);
    const words = new Uint32Array(end - offset);
    words.set(this.#words, this.#offset - offset);
    const shift = other.#offset - offset;
    for (let i = 0; i < other.#words.length; i++) {
      words[i + shift] = wordAt(words, i + shift) | wordAt(other.#words, i);
    }
    return new Bits(offset, words);
  }

  andNot(other: Bits): Bits {
    const words = this.#words.slice();
    const shift = this.#offset - other.#offset;
    const from = Math.max(0, -shift);
    const to = Math.min(words.length, other.#words.length - shift);
    for (let i = from; i < to; i++) words[i] = wordAt(words, i) & ~wordAt(other.#words, i + shift);
    return Bits.#trimmed(this.#offset, words);
  }

  /** Members in ascending order. */
  *[Symbol.iterator](): Generator<number> {
    for (let i = 0; i < this.#words.length; i++) {
      for (let word = wordAt(this.#words, i); word !== 0; word &= word - 1) {
        yield (this.#offset + i) * 32 + (31 - Math.clz32(word & -word));
      }
    }
  }

  equals(other: Bits): boolean {
    return (
      this.#offset === other.#offset &&
      this.#words.length === other.#words.length &&
      this.#words.every((word, i) => word === other.#words[i])
    );
  }

  /** Equal for equal sets (FNV-1a over the words). */
  get hash(): number {
    return this.#words.reduce((hash, word) => Math.imul(hash ^ word, 0x01000193), 0x811c9dc5 ^ this.#offset);
  }

  static #trimmed(offset: number, words: Uint32Array): Bits {
    let start = 0;
    let end = words.length;
    while (end > 0 && words[end - 1] === 0) end--;
    while (start < end && words[start] === 0) start++;
    if (start === end) return Bits.empty;
    return new Bits(offset + start, start === 0 && end === words.length ? words : words.slice(start, end));
  }
}

/** Callers stay within bounds; the fallback only satisfies the type. */
function wordAt(words: Uint32Array, index: number): number {
  return words[index] ?? 0;
}
