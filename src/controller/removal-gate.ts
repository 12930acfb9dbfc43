/**
 * Holds removals that look like an accident: many namespaces losing protection within a short time, or baselines that vanished together with
 * their CRD. What is held is said, until somebody confirms it or undoes its cause.
 */
import { allowDeletionAnnotation, confirmRemovalAnnotation } from '../api/labels.ts';
import type { SecurityBaseline } from '../api/types.generated.ts';
import type { Timer } from '../runtime/clock.ts';
import type { Loss } from './losses.ts';
import { RemovalCount, type RemovalCountParts } from './removal-count.ts';
import { type CarriedRemovals, gone, type Hold, type HoldReason, nothingCarried } from './removal-holds.ts';

/** The CRD of baselines, as far as removals depend on it. */
export interface CrdState {
  readonly isTerminating: boolean;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** What the gate works with. */
export interface RemovalGateParts extends RemovalCountParts {
  /** The baseline with this UID, while it exists. */
  readonly baseline: (uid: string) => SecurityBaseline | undefined;
  /** Whether this namespace would lose what this baseline gave it. */
  readonly isLosing: (uid: string, namespace: string) => boolean;
  /**
   * Reads the CRD, from the API server rather than a cache: its deletion comes before that of the baselines. Undefined where there is none, or
   * it cannot be read; does not reject.
   */
  readonly readCrd: () => Promise<CrdState | undefined>;
  /** Whether somebody has confirmed this removal where holds are listed. */
  readonly isConfirmed: (uid: string) => boolean;
  /** Whether this replica leads; one that does not knows nothing of the fleet. */
  readonly isLeading: () => boolean;
  /** Asks for another look at these namespaces: they may be let go now. */
  readonly lookAgain: (namespaces: Iterable<string>) => void;
  /** What outlasts a restart has changed. */
  readonly onChange: () => void;
}

/** The removal of what one baseline gave, from when the first namespace asked until nothing of it is left. */
interface Removal {
  readonly uid: string;
  name: string;
  /** Namespaces that lose it, or have lost it since they were counted. */
  losing: Set<string>;
  /**
   * Of a baseline that is gone: the CRD, read after that was known. A sound one settles it for good, since the deletion of a CRD comes
   * before that of its objects.
   */
  crd: Promise<CrdState | undefined> | undefined;
  /** Monotonic milliseconds. */
  heldSince: number;
  /** Until when the deletion of the baseline, which its annotation allows, may still be without consequences. Monotonic milliseconds. */
  allowedUntil: number | undefined;
  /** The key (see {@link RemovalGate}) that was confirmed. */
  confirmed: string | undefined;
  /** The key that was confirmed for an earlier removal. */
  spent: string | undefined;
}

/** What is held is counted again so often, and the CRD read again: once for each baseline, not each namespace. Milliseconds. */
const recheckMs = 10_000;
/** So long after a deletion, what it takes away is known. Milliseconds. */
const deletionSettlesMs = 10_000;

/**
 * Decides on removals; remembers what it holds until it is confirmed or undone. A confirmation has a key: the baseline's generation, so that a
 * later edit is not confirmed with it, or {@link gone}. It is for one removal, and ends when nothing of that is left.
 */
export class RemovalGate {
  readonly #parts: RemovalGateParts;
  readonly #count: RemovalCount;
  readonly #removals = new Map<string, Removal>();
  readonly #holds = new Map<string, Hold>();
  #recheck: Timer | undefined;

  constructor(parts: RemovalGateParts) {
    this.#parts = parts;
    this.#count = new RemovalCount(parts);
  }

  /** What is held, by the baseline's UID. */
  get holds(): ReadonlyMap<string, Hold> {
    return this.#holds;
  }

  /** What outlasts a restart. */
  get carried(): CarriedRemovals {
    const confirmed = new Map<string, string>();
    const spent = new Map<string, string>();
    for (const removal of this.#removals.values()) {
      if (removal.confirmed !== undefined) confirmed.set(removal.uid, removal.confirmed);
      if (removal.spent !== undefined) spent.set(removal.uid, removal.spent);
    }
    return { holds: this.#holds, confirmed, spent };
  }

  /** Takes over from the last leader; undefined where it left nothing. */
  restore({ holds, confirmed, spent }: CarriedRemovals = nothingCarried): void {
    this.#holds.clear();
    for (const [uid, { allowedUntil }] of this.#removals)
      if (allowedUntil === undefined) this.#removals.delete(uid);
    for (const hold of holds.values()) {
      this.#holds.set(hold.uid, hold);
      this.#removalOf(hold.uid, hold.name);
    }
    for (const [uid, key] of confirmed) this.#removalOf(uid).confirmed = key;
    for (const [uid, key] of spent) this.#removalOf(uid).spent = key;
    if (holds.size > 0) this.#recheckLater();
  }

  /** A baseline has been deleted; its annotations may have allowed that. */
  deleted({ metadata }: SecurityBaseline): void {
    const isAllowed = metadata.annotations?.[allowDeletionAnnotation] === String(metadata.generation);
    if (!isAllowed || metadata.uid === undefined) return;
    this.#removalOf(metadata.uid, metadata.name).allowedUntil =
      this.#parts.clock.monotonic() + deletionSettlesMs;
  }

  /** Whether this namespace may lose it now. */
  async mayLose(loss: Loss, namespace: string): Promise<boolean> {
    const removal = this.#removalOf(loss.uid, loss.name);
    removal.losing.add(namespace);
    const reason = await this.#reasonToHold(removal, loss, namespace);
    if (reason !== undefined) {
      this.#hold(removal, reason, namespace);
      return false;
    }
    this.#release(removal);
    if (removal.confirmed !== this.#keyOf(removal)) this.#count.began(namespace);
    return true;
  }

  /** Lets go what has been confirmed, and ends what is over. Cheap while nothing has changed. */
  reconsider(): void {
    if (!this.#parts.isLeading()) return;
    this.#count.forget();
    for (const removal of [...this.#removals.values()]) {
      const { reason } = this.#holds.get(removal.uid) ?? {};
      if (this.#isOver(removal)) this.#end(removal);
      else if (reason !== undefined && reason !== 'BaselinesUnreadable' && this.#isMeant(removal))
        this.#confirm(removal);
    }
  }

  async #reasonToHold(removal: Removal, loss: Loss, namespace: string): Promise<HoldReason | undefined> {
    const current = this.#parts.baseline(removal.uid);
    let isOlderThanCrd = false;
    if (current === undefined || current.metadata.deletionTimestamp !== undefined) {
      removal.crd ??= this.#parts.readCrd();
      const crd = await removal.crd;
      if (crd === undefined || crd.isTerminating) return 'BaselinesUnreadable';
      isOlderThanCrd = crd.createdAt > loss.createdAt;
    } else removal.crd = undefined;
    if (removal.confirmed === this.#keyOf(removal)) return undefined;
    const reason = this.#standing(removal) ?? (isOlderThanCrd ? 'CrdRecreated' : undefined);
    const counts = (uid: string): boolean => uid === removal.uid || this.#counts(uid);
    if (reason === undefined && !this.#count.areMany(namespace, counts)) return undefined;
    if (!this.#isMeant(removal)) return reason ?? 'ManyNamespaces';
    this.#confirm(removal);
    return undefined;
  }

  /** What is held stays held until it is confirmed or undone, also where fewer would lose it by now. */
  #standing({ uid }: Removal): HoldReason | undefined {
    const { reason } = this.#holds.get(uid) ?? {};
    return reason === 'BaselinesUnreadable' ? undefined : reason;
  }

  #keyOf({ uid }: Pick<Removal, 'uid'>): string {
    const baseline = this.#parts.baseline(uid);
    return baseline === undefined ? gone : String(baseline.metadata.generation);
  }

  /** Whether somebody has confirmed it, by allowing the deletion, where holds are listed, or on the baseline. */
  #isMeant(removal: Partial<Removal> & Pick<Removal, 'uid'>): boolean {
    const { uid, confirmed, spent, allowedUntil } = removal;
    const key = this.#keyOf(removal);
    if (confirmed === key || (allowedUntil !== undefined && key === gone)) return true;
    if (this.#holds.has(uid) && this.#parts.isConfirmed(uid)) return true;
    const annotations = this.#parts.baseline(uid)?.metadata.annotations;
    return spent !== key && annotations?.[confirmRemovalAnnotation] === key;
  }

  /** Beside what is asked about, what is confirmed does not count, nor what has long been held: nothing could move until that is decided. */
  #counts(uid: string): boolean {
    const { clock, windowMs } = this.#parts;
    const removal = this.#removals.get(uid);
    const since = this.#holds.has(uid) ? removal?.heldSince : undefined;
    const isHeldLong = since !== undefined && since <= clock.monotonic() - windowMs;
    return !isHeldLong && !this.#isMeant(removal ?? { uid });
  }

  #confirm(removal: Removal): void {
    removal.confirmed = this.#keyOf(removal);
    if (!this.#release(removal)) this.#parts.onChange();
  }

  #hold(removal: Removal, reason: HoldReason, namespace: string): void {
    const { uid, name } = removal;
    const before = this.#holds.get(uid);
    // A CRD that cannot be read for a while makes nothing else of what waits for somebody to decide.
    if (before?.reason === reason || (before !== undefined && reason === 'BaselinesUnreadable')) return;
    const { clock, threshold, baseline, onChange } = this.#parts;
    if (before === undefined) removal.heldSince = clock.monotonic();
    removal.losing = new Set(this.#count.losing(uid)).add(namespace);
    const namespaces = removal.losing.size;
    const isOneOfMany = reason === 'ManyNamespaces' && namespaces <= threshold;
    this.#holds.set(uid, {
      uid,
      name: name === '' ? (baseline(uid)?.metadata.name ?? '') : name,
      reason,
      namespaces,
      ...(isOneOfMany ? { ofAll: this.#count.total(namespace, (each) => this.#counts(each)) } : {}),
    });
    this.#recheckLater();
    onChange();
  }

  /** @returns whether it was held */
  #release({ uid }: Removal): boolean {
    if (!this.#holds.delete(uid)) return false;
    this.#parts.onChange();
    this.#parts.lookAgain(this.#count.losing(uid));
    return true;
  }

  /** Whether nothing of it is left. Asks of one namespace where it still goes on, which is nearly always. */
  #isOver(removal: Removal): boolean {
    const { uid, losing, allowedUntil, confirmed } = removal;
    for (const namespace of losing) {
      if (this.#parts.isLosing(uid, namespace)) return false;
      losing.delete(namespace);
    }
    if (allowedUntil !== undefined && this.#parts.clock.monotonic() < allowedUntil) return false;
    if (confirmed === undefined && allowedUntil === undefined && !this.#holds.has(uid)) return true;
    removal.losing = new Set(this.#count.losing(uid));
    return removal.losing.size === 0;
  }

  /** A confirmation that stands on the baseline still is remembered: it is not for the next removal, too. */
  #end(removal: Removal): void {
    const { uid, confirmed, spent } = removal;
    const { annotations = {} } = this.#parts.baseline(uid)?.metadata ?? {};
    const key = this.#keyOf(removal);
    const isStanding = annotations[confirmRemovalAnnotation] === key;
    this.#removals.delete(uid);
    if (isStanding) this.#removalOf(uid, removal.name).spent = key;
    const isNews = confirmed !== undefined || spent !== (isStanding ? key : undefined);
    if (this.#holds.delete(uid) || isNews) this.#parts.onChange();
  }

  #recheckLater(): void {
    this.#recheck ??= this.#parts.clock.setTimeout(() => {
      this.#recheck = undefined;
      if (this.#parts.isLeading()) this.#recheckHolds();
      if (this.#holds.size > 0) this.#recheckLater();
    }, recheckMs);
  }

  /** Counts anew, and has one namespace of each baseline ask again where the CRD could not be read. */
  #recheckHolds(): void {
    this.#count.forget();
    let isNews = false;
    for (const [uid, hold] of this.#holds) {
      const removal = this.#removalOf(uid);
      removal.losing = new Set(this.#count.losing(uid));
      const namespaces = removal.losing.size;
      if (namespaces > 0 && namespaces !== hold.namespaces) {
        this.#holds.set(uid, { ...hold, namespaces });
        isNews = true;
      }
      removal.crd = undefined;
      if (hold.ofAll !== undefined && !this.#isStillMany(removal)) this.#release(removal);
      if (hold.reason === 'BaselinesUnreadable') this.#parts.lookAgain([...removal.losing].slice(0, 1));
    }
    if (isNews) this.#parts.onChange();
    this.reconsider();
  }

  /** What is few by itself was held beside others, which may have been undone. */
  #isStillMany({ uid, losing }: Removal): boolean {
    const [namespace] = losing;
    const counts = (each: string): boolean => each === uid || this.#counts(each);
    return namespace === undefined || this.#count.areMany(namespace, counts);
  }

  #removalOf(uid: string, name = ''): Removal {
    const known = this.#removals.get(uid);
    if (known !== undefined) {
      if (known.name === '') known.name = name;
      return known;
    }
    const removal: Removal = {
      uid,
      name,
      losing: new Set(),
      crd: undefined,
      heldSince: Number.NEGATIVE_INFINITY,
      allowedUntil: undefined,
      confirmed: undefined,
      spent: undefined,
    };
    this.#removals.set(uid, removal);
    return removal;
  }
}
