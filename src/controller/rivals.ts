/**
 * Others that keep changing what we keep putting back. We go on, with backoff, so that two controllers do not write as fast as the API
 * server lets them; and name the other one.
 */
import type { Change } from '../diff/change-set.ts';
import { describeChange } from '../diff/change-set.ts';
import type { Clock } from '../runtime/clock.ts';

/** So many repairs of one object in a row are drift; more are a rival. */
const patience = 3;
/** Without a repair for so long, the quarrel is over. Milliseconds. */
const peaceAfterMs = 60_000;
/** The wait before the next repair doubles from this ... */
const firstWaitMs = 250;
/** ... up to this: a hole must not stand open for long because somebody is persistent. */
const longestWaitMs = 5000;
/** More objects than are ever fought over at once; a bound all the same. */
const maxRemembered = 10_000;

interface Quarrel {
  repairs: number;
  lastRepairAt: number;
}

/** Remembers repairs. */
export class Rivals {
  readonly #clock: Clock;
  readonly #quarrels = new Map<string, Quarrel>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long to wait before making this change, in milliseconds; 0 to make it now. */
  waitFor(namespace: string, change: Change): number {
    const quarrel = this.#quarrels.get(keyOf(namespace, change));
    if (quarrel === undefined || quarrel.repairs < patience) return 0;
    const now = this.#clock.monotonic();
    if (now - quarrel.lastRepairAt > peaceAfterMs) return 0;
    const waitMs = Math.min(firstWaitMs * 2 ** (quarrel.repairs - patience), longestWaitMs);
    return Math.max(0, quarrel.lastRepairAt + waitMs - now);
  }

  /** A change put back what somebody had changed. Returns whether this has become a quarrel just now. */
  repaired(namespace: string, change: Change): boolean {
    const key = keyOf(namespace, change);
    const now = this.#clock.monotonic();
    const known = this.#quarrels.get(key);
    const isFresh = known === undefined || now - known.lastRepairAt > peaceAfterMs;
    const repairs = isFresh ? 1 : known.repairs + 1;
    this.#quarrels.delete(key);
    if (this.#quarrels.size >= maxRemembered) this.#forgetOldest();
    this.#quarrels.set(key, { repairs, lastRepairAt: now });
    return repairs === patience;
  }

  /** The number of objects that are being fought over. */
  get count(): number {
    const since = this.#clock.monotonic() - peaceAfterMs;
    let count = 0;
    for (const { repairs, lastRepairAt } of this.#quarrels.values()) {
      if (repairs >= patience && lastRepairAt > since) count += 1;
    }
    return count;
  }

  #forgetOldest(): void {
    for (const key of this.#quarrels.keys()) {
      this.#quarrels.delete(key);
      return;
    }
  }
}

/** What is done differs (deleted, edited): the object is the same. */
function keyOf(namespace: string, change: Change): string {
  const [, ...object] = describeChange(change).split(' ');
  return `${namespace} ${object.join(' ')}`;
}
