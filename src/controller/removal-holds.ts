/**
 * Where held removals are listed and confirmed: a ConfigMap in the operator's namespace, since a baseline that is gone has no status to
 * say it in. It also carries them, and what has been confirmed, over a restart.
 */

import { group } from '../api/labels.ts';
import type { KubernetesObject } from '../api/objects.ts';
import type { StoreReader, StoreRecord } from '../runtime/store.ts';

/** Why a removal is held. */
export type HoldReason =
  /** More namespaces than the threshold allows would lose protection, this baseline's or any. */
  | 'ManyNamespaces'
  /** The CRD is gone, or going, or cannot be read: no baseline can be read, so none can be known to be gone. */
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
  /** Where so many alone would be ordinary: how many would lose any baseline's, or did within the window. */
  readonly ofAll?: number;
}

/** In place of a baseline's generation: the baseline is gone. */
export const gone = 'gone';

/** What outlasts a restart; each by the baseline's UID. */
export interface CarriedRemovals {
  readonly holds: ReadonlyMap<string, Hold>;
  /** Removals that are confirmed and go on: at which generation of the baseline, or {@link gone}. */
  readonly confirmed: ReadonlyMap<string, string>;
  /** Generations whose confirmation stands on the baseline still, though the removal that it was for is over. */
  readonly spent: ReadonlyMap<string, string>;
}

/** Nothing is held, or has been confirmed. */
export const nothingCarried: CarriedRemovals = { holds: new Map(), confirmed: new Map(), spent: new Map() };

/** The ConfigMap's name. */
export const removalHoldsName = 'security-baseline-removal-holds';

/** The ConfigMap as it stands. */
export interface RemovalHoldsRecord extends StoreRecord, CarriedRemovals {
  /** The UIDs of baselines whose removal people have confirmed here. */
  readonly asked: readonly string[];
}

/** The annotation by which people confirm the removal of what this baseline gave. */
export function confirmAnnotation(uid: string): string {
  return `${askedPrefix}${uid}`;
}

const askedPrefix = `${group}/confirm-`;
/** Ours, as the next: what was confirmed. */
const confirmedPrefix = `${group}/confirmed-`;
const spentPrefix = `${group}/spent-`;

/** Reads the ConfigMap; an entry that is not ours or not readable is no hold. */
export function readRemovalHolds(object: KubernetesObject): Omit<RemovalHoldsRecord, keyof StoreRecord> {
  const data = (object.data ?? {}) as Readonly<Record<string, string>>;
  const holds = new Map<string, Hold>();
  for (const [uid, text] of Object.entries(data)) {
    const hold = parseHold(text);
    if (hold !== undefined) holds.set(uid, { ...hold, uid });
  }
  const annotations = Object.entries(object.metadata.annotations ?? {});
  const startingWith = (prefix: string): Map<string, string> =>
    new Map(
      annotations.flatMap(([key, value]) =>
        key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [],
      ),
    );
  return {
    holds,
    asked: [...startingWith(askedPrefix).keys()],
    confirmed: startingWith(confirmedPrefix),
    spent: startingWith(spentPrefix),
  };
}

/** Whether people have confirmed this removal since it has been listed here. */
export function isAsked(record: RemovalHoldsRecord | undefined, uid: string): boolean {
  return record?.holds.has(uid) === true && record.asked.includes(uid);
}

/** What to write so that the ConfigMap tells exactly this, a merge patch; undefined where it does already. */
export function removalHoldsPatch(
  wanted: CarriedRemovals,
  current: RemovalHoldsRecord | undefined,
): object | undefined {
  const texts = (holds: ReadonlyMap<string, Hold> = new Map()): [string, string][] =>
    [...holds].map(([uid, { uid: _, ...hold }]) => [uid, JSON.stringify(hold)]);
  const marks = ({ confirmed, spent }: Pick<CarriedRemovals, 'confirmed' | 'spent'>): [string, string][] => [
    ...[...confirmed].map(([uid, key]): [string, string] => [`${confirmedPrefix}${uid}`, key]),
    ...[...spent].map(([uid, key]): [string, string] => [`${spentPrefix}${uid}`, key]),
  ];
  // What people confirmed is for the removal that was listed then, and goes with it.
  const answered = (current?.asked ?? []).filter((uid) => !wanted.holds.has(uid) || !current?.holds.has(uid));
  const data = difference(texts(wanted.holds), texts(current?.holds));
  const annotations = difference(marks(wanted), [
    ...(current === undefined ? [] : marks(current)),
    ...answered.map((uid): [string, string] => [confirmAnnotation(uid), '']),
  ]);
  const isSame = Object.keys(data).length + Object.keys(annotations).length === 0;
  return isSame ? undefined : { metadata: { annotations }, data };
}

/** The entries to set, and null for those to take away. */
function difference(
  wanted: readonly (readonly [string, string])[],
  current: readonly (readonly [string, string])[],
): Record<string, string | null> {
  const there = new Map(current);
  const patch: Record<string, string | null> = {};
  for (const [key, value] of wanted) {
    if (there.get(key) !== value) patch[key] = value;
    there.delete(key);
  }
  for (const key of there.keys()) patch[key] = null;
  return patch;
}

/** The first (and only) ConfigMap of the store. */
export function currentHolds(store: StoreReader<RemovalHoldsRecord>): RemovalHoldsRecord | undefined {
  const [record] = store;
  return record;
}

function parseHold(text: string): Omit<Hold, 'uid'> | undefined {
  try {
    const { name, reason, namespaces, ofAll } = JSON.parse(text) as Partial<Hold>;
    if (name === undefined || reason === undefined) return undefined;
    return { name, reason, namespaces: namespaces ?? 0, ...(ofAll === undefined ? {} : { ofAll }) };
  } catch {
    return undefined;
  }
}
