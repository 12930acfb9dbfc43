/** Counts the namespaces that lose protection within a window, over all baselines. */
import type { Clock } from '../runtime/clock.ts';

/** What is counted, and up to where that is ordinary. */
export interface RemovalCountParts {
  readonly clock: Clock;
  /** Up to so many namespaces may lose protection within the window. */
  readonly threshold: number;
  readonly windowMs: number;
  /** Everything that would be lost now: the namespaces, by the UID of the baseline. Goes over every object. */
  readonly losing: () => ReadonlyMap<string, ReadonlySet<string>>;
  /** Whether the namespace is there, and stays: one that is deleted needs no protection. */
  readonly isThere: (namespace: string) => boolean;
}

/** A count is good for so long. Milliseconds. */
const recountAfterMs = 1000;

const none: ReadonlySet<string> = new Set();

/** Those that would lose something, and those that began to lately. A namespace counts once, whatever it loses. */
export class RemovalCount {
  readonly #parts: RemovalCountParts;
  /** When each began: never more than the threshold. Monotonic milliseconds. */
  readonly #begun = new Map<string, number>();
  #known: { readonly losing: ReadonlyMap<string, ReadonlySet<string>>; readonly at: number } | undefined;

  constructor(parts: RemovalCountParts) {
    this.#parts = parts;
  }

  /** This namespace begins to lose something, or goes on with it. */
  began(namespace: string): void {
    this.#begun.set(namespace, this.#parts.clock.monotonic());
  }

  /** The next question counts anew. */
  forget(): void {
    this.#known = undefined;
  }

  /** The namespaces that would lose what this baseline gave. */
  losing(uid: string): ReadonlySet<string> {
    return this.#losing().get(uid) ?? none;
  }

  /** Whether more would lose something with this one than may. Stops counting there. */
  areMany(namespace: string, counts: (uid: string) => boolean): boolean {
    return this.#count(namespace, counts, this.#parts.threshold + 1) > this.#parts.threshold;
  }

  /**
   * How many would lose something with this one, or did lately.
   *
   * @param counts whether what this baseline gave is counted
   */
  total(namespace: string, counts: (uid: string) => boolean): number {
    return this.#count(namespace, counts, Number.POSITIVE_INFINITY);
  }

  #count(namespace: string, counts: (uid: string) => boolean, enough: number): number {
    const found = new Set(this.#begunLately()).add(namespace);
    for (const [uid, namespaces] of this.#losing()) {
      if (found.size >= enough) break;
      if (!counts(uid)) continue;
      for (const each of namespaces) if (found.add(each).size >= enough) break;
    }
    return found.size;
  }

  #losing(): ReadonlyMap<string, ReadonlySet<string>> {
    const now = this.#parts.clock.monotonic();
    if (this.#known === undefined || now - this.#known.at >= recountAfterMs) {
      this.#known = { losing: this.#parts.losing(), at: now };
    }
    return this.#known.losing;
  }

  #begunLately(): Iterable<string> {
    const { clock, windowMs, isThere } = this.#parts;
    const since = clock.monotonic() - windowMs;
    for (const [namespace, at] of this.#begun) {
      if (at <= since || !isThere(namespace)) this.#begun.delete(namespace);
    }
    return this.#begun.keys();
  }
}
