/**
 * Holds removals that look like an accident: many namespaces losing a baseline's protection within a short time, or baselines that vanished
 * together with their CRD. What is held is said, until somebody confirms it or undoes its cause.
 */
import { allowDeletionAnnotation, confirmRemovalAnnotation } from '../api/labels.ts';
import type { SecurityBaseline } from '../api/types.generated.ts';
import type { DesiredState } from '../baseline/desired-state.ts';
import type { ObservedObject } from '../diff/observed.ts';
import type { ObservedNamespace } from '../diff/observed-namespace.ts';
import type { Clock } from '../runtime/clock.ts';

/** The CRD of baselines, as far as removals depend on it. */
export interface CrdState {
  readonly isTerminating: boolean;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** Why a removal is held. */
export type HoldReason =
  /** More namespaces than the threshold allows would lose the baseline's protection. */
  | 'ManyNamespaces'
  /** The CRD is gone, or going: no baseline can be read, so none can be known to be gone. */
  | 'BaselinesUnreadable'
  /** The CRD is younger than the object: the baseline may have gone with an earlier one, by accident. */
  | 'CrdRecreated';

/** One baseline whose removal is held. */
export interface Hold {
  readonly uid: string;
  /** The baseline's name, as its objects carry it. */
  readonly name: string;
  readonly reason: HoldReason;
  /** How many namespaces would lose its protection. */
  readonly namespaces: number;
}

/** What the gate works with. */
export interface RemovalGateParts {
  readonly clock: Clock;
  /** Up to so many namespaces may lose a baseline's protection within the window. */
  readonly threshold: number;
  readonly windowMs: number;
  /** The baseline with this UID, while it exists. */
  readonly baseline: (uid: string) => SecurityBaseline | undefined;
  /** The namespaces that hold objects or labels of this baseline although it does not select them. */
  readonly losers: (uid: string) => readonly string[];
  /** Reads the CRD, from the API server rather than a cache: its deletion comes before that of the baselines. */
  readonly readCrd: () => Promise<CrdState | undefined>;
  /** Whether somebody has confirmed this removal where holds are listed. */
  readonly isConfirmed: (uid: string) => boolean;
  /** A removal begins to be held, is held for another reason, or no longer. */
  readonly onChange: (holds: ReadonlyMap<string, Hold>) => void;
}

/** A question to the gate: may this namespace lose what this baseline gave it? */
export interface Loss {
  readonly uid: string;
  readonly name: string;
  /** When the youngest of the objects was created; 0 where there are none. Milliseconds since the epoch. */
  readonly createdAt: number;
}

/** A count is good for so long; counting goes over every object. */
const recountAfterMs = 1000;

/** Decides on removals; remembers what it holds until it is confirmed or undone. */
export class RemovalGate {
  readonly #parts: RemovalGateParts;
  readonly #holds = new Map<string, Hold>();
  /** For each baseline, the namespaces that began to lose its protection lately, and when, in that order. Monotonic milliseconds. */
  readonly #begun = new Map<string, Map<string, number>>();
  readonly #counted = new Map<string, { readonly losers: readonly string[]; readonly at: number }>();
  /**
   * What was confirmed where holds are listed: the generation of the baseline then, undefined for one that is gone. The confirmation itself goes with
   * the hold, when the first namespace begins to lose; it is for them all.
   */
  readonly #confirmed = new Map<string, number | undefined>();
  /** Baselines whose deletion came with the annotation that allows it. */
  readonly #allowed = new Set<string>();

  constructor(parts: RemovalGateParts) {
    this.#parts = parts;
  }

  /** What is held, by the baseline's UID. */
  get holds(): ReadonlyMap<string, Hold> {
    return this.#holds;
  }

  /** A hold that stood when the operator last ran stays one. */
  restore(hold: Hold): void {
    if (!this.#holds.has(hold.uid)) this.#holds.set(hold.uid, hold);
  }

  /** A baseline has been deleted; its annotations may have allowed that. */
  deleted({ metadata }: SecurityBaseline): void {
    const allowed = metadata.annotations?.[allowDeletionAnnotation] === String(metadata.generation);
    if (allowed && metadata.uid !== undefined) this.#allowed.add(metadata.uid);
  }

  /** Whether this namespace may lose it now. */
  async mayLose(loss: Loss, namespace: string): Promise<boolean> {
    const reason = await this.#reasonToHold(loss, namespace);
    if (reason === undefined) {
      this.#release(loss.uid);
      const begun = this.#begunLately(loss.uid);
      // Anew, so that what began longest ago stays at the front.
      begun.delete(namespace);
      this.#begun.set(loss.uid, begun.set(namespace, this.#parts.clock.monotonic()));
      return true;
    }
    this.#hold({ uid: loss.uid, name: loss.name, reason, namespaces: this.#losers(loss.uid).length });
    return false;
  }

  /** Forgets holds whose cause has been undone: nobody would lose anything any more. */
  reconsider(): void {
    this.#counted.clear();
    for (const { uid } of [...this.#holds.values()]) if (this.#losers(uid).length === 0) this.#release(uid);
  }

  async #reasonToHold({ uid, createdAt }: Loss, namespace: string): Promise<HoldReason | undefined> {
    const { baseline, readCrd, threshold } = this.#parts;
    const current = baseline(uid);
    if (current !== undefined) {
      const { annotations, generation } = current.metadata;
      if (annotations?.[confirmRemovalAnnotation] === String(generation)) return undefined;
    } else {
      const crd = await readCrd();
      if (crd === undefined || crd.isTerminating) return 'BaselinesUnreadable';
      if (this.#isConfirmed(uid, undefined) || this.#allowed.has(uid)) return undefined;
      if (crd.createdAt > createdAt && createdAt > 0) return 'CrdRecreated';
    }
    if (this.#isConfirmed(uid, current?.metadata.generation)) return undefined;
    if (this.#holds.get(uid)?.reason === 'ManyNamespaces') return 'ManyNamespaces';
    const begun = this.#begunLately(uid);
    // Removals take several passes where a write fails: what has begun goes on, and counts once.
    if (begun.has(namespace)) return undefined;
    const losing = new Set([...begun.keys(), ...this.#losers(uid), namespace]);
    return losing.size > threshold ? 'ManyNamespaces' : undefined;
  }

  #isConfirmed(uid: string, generation: number | undefined): boolean {
    if (this.#parts.isConfirmed(uid)) this.#confirmed.set(uid, generation);
    return this.#confirmed.has(uid) && this.#confirmed.get(uid) === generation;
  }

  #losers(uid: string): readonly string[] {
    const now = this.#parts.clock.monotonic();
    const known = this.#counted.get(uid);
    if (known !== undefined && now - known.at < recountAfterMs) return known.losers;
    const losers = this.#parts.losers(uid);
    this.#counted.set(uid, { losers, at: now });
    return losers;
  }

  #begunLately(uid: string): Map<string, number> {
    const since = this.#parts.clock.monotonic() - this.#parts.windowMs;
    const begun = this.#begun.get(uid) ?? new Map<string, number>();
    for (const [namespace, at] of begun) {
      if (at > since) return begun;
      begun.delete(namespace);
    }
    this.#begun.delete(uid);
    return begun;
  }

  #hold(hold: Hold): void {
    const before = this.#holds.get(hold.uid);
    if (before?.reason === hold.reason && before.namespaces === hold.namespaces) return;
    this.#holds.set(hold.uid, hold);
    this.#parts.onChange(this.#holds);
  }

  #release(uid: string): void {
    if (this.#holds.delete(uid)) this.#parts.onChange(this.#holds);
  }
}

/**
 * What the namespace would lose, one entry for each baseline that no longer gives it anything. An item that a baseline
 * drops while it goes on selecting the namespace is no loss but an edit, and so is a baseline recreated under its name.
 */
export function lossesOf(
  desired: DesiredState,
  namespace: ObservedNamespace,
  leftovers: readonly ObservedObject[],
): readonly Loss[] {
  const stays = new Set([...desired.baselines, ...desired.auditing].flatMap(({ uid, name }) => [uid, name]));
  const losses = new Map<string, Loss>();
  for (const { baselineUid: uid, baseline: name, createdAt } of leftovers) {
    if (stays.has(uid) || stays.has(name)) continue;
    const known = losses.get(uid);
    losses.set(uid, { uid, name, createdAt: Math.max(known?.createdAt ?? 0, createdAt) });
  }
  for (const uid of namespace.marks.podSecurityBy.split(',')) {
    if (uid === '' || stays.has(uid) || losses.has(uid)) continue;
    losses.set(uid, { uid, name: '', createdAt: 0 });
  }
  return [...losses.values()];
}
