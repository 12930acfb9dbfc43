import type { Clock } from './clock.ts';

/** Watches in a row that may be opened for nothing, before the opening of another says nothing any more. */
const OPENED_IN_VAIN = 2;

/**
 * When something was last heard that keeps a store equal to what the server holds: a complete list, an event, a bookmark.
 *
 * On a quiet resource none of these may come for long, so that a watch was opened counts as well. But a proxy can open each watch and
 * then say nothing but error pages. So an opening counts only while watches come to something: to an event, or to a silence
 * that no byte has broken.
 */
export class SignsOfLife {
  readonly #clock: Clock;
  #lastMs: number | undefined;
  #openedInVain = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Monotonic milliseconds; undefined before the first. */
  get lastMs(): number | undefined {
    return this.#lastMs;
  }

  /** The store has taken a complete list, or an event of a watch. */
  heard(): void {
    this.#lastMs = this.#clock.monotonic();
    this.#openedInVain = 0;
  }

  /** A watch from a known version was opened; not one that has a list to deliver first. */
  opened(): void {
    if (this.#openedInVain < OPENED_IN_VAIN) this.#lastMs = this.#clock.monotonic();
    this.#openedInVain += 1;
  }

  /** A watch was open for long, and not a byte came. */
  wasQuiet(): void {
    this.#openedInVain = 0;
  }
}
