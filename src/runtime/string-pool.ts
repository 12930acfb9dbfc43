/** Returns a string equal to the given one, the same one each time. */
export type Intern = (text: string) => string;

/** Strings held at most, twice. Enough for the namespaces and names of a large cluster; a few MiB when full. */
const STRINGS_PER_GENERATION = 32_768;

/**
 * Keeps one copy of strings that recur (namespaces, names, fingerprints). Two generations: when the young one is
 * full the old one is dropped, so that what is no longer seen goes, and the pool does not grow with every
 * namespace that ever was.
 */
export class StringPool {
  #young = new Map<string, string>();
  #old = new Map<string, string>();

  readonly intern: Intern = (text) => {
    const young = this.#young.get(text);
    if (young !== undefined) return young;
    const kept = this.#old.get(text) ?? detach(text);
    if (this.#young.size >= STRINGS_PER_GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(kept, kept);
    return kept;
  };
}

/**
 * A copy that shares no memory. V8 represents a substring by a pointer into its parent, and a concatenation by
 * pointers to its parts; a name cut out of a large text would keep all of that text alive. (UTF-8 and back gives one byte a
 * character for ASCII, which these are; it cannot carry half a surrogate pair, which then stays as it is.)
 */
function detach(text: string): string {
  return text.isWellFormed() ? Buffer.from(text, 'utf8').toString('utf8') : text;
}
