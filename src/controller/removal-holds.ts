/**
 * Where held removals are listed and confirmed: a ConfigMap in the operator's namespace, since a baseline that is gone has no status to
 * say it in. It also carries them over a restart.
 */

import { group } from '../api/labels.ts';
import type { KubernetesObject } from '../api/objects.ts';
import type { StoreReader, StoreRecord } from '../runtime/store.ts';
import type { Hold } from './removal-gate.ts';

/** The ConfigMap's name. */
export const removalHoldsName = 'security-baseline-removal-holds';

/** The ConfigMap as it stands. */
export interface RemovalHoldsRecord extends StoreRecord {
  /** By the baseline's UID. */
  readonly holds: ReadonlyMap<string, Hold>;
  readonly confirmed: readonly string[];
}

/** The annotation that confirms the removal of what this baseline gave. */
export function confirmAnnotation(uid: string): string {
  return `${group}/confirm-${uid}`;
}

const confirmPrefix = confirmAnnotation('');

/** Reads the ConfigMap; an entry that is not ours or not readable is no hold. */
export function readRemovalHolds(object: KubernetesObject): Omit<RemovalHoldsRecord, keyof StoreRecord> {
  const data = (object.data ?? {}) as Readonly<Record<string, string>>;
  const holds = new Map<string, Hold>();
  for (const [uid, text] of Object.entries(data)) {
    const hold = parseHold(text);
    if (hold !== undefined) holds.set(uid, { ...hold, uid });
  }
  const confirmed = Object.keys(object.metadata.annotations ?? {})
    .filter((key) => key.startsWith(confirmPrefix))
    .map((key) => key.slice(confirmPrefix.length));
  return { holds, confirmed };
}

/** What to write so that the ConfigMap lists exactly these; a merge patch. */
export function removalHoldsPatch(
  holds: ReadonlyMap<string, Hold>,
  current: RemovalHoldsRecord | undefined,
): object {
  const data: Record<string, string | null> = {};
  const annotations: Record<string, null> = {};
  for (const uid of current?.holds.keys() ?? []) if (!holds.has(uid)) data[uid] = null;
  // A confirmation is for one removal, and goes with it.
  for (const uid of current?.confirmed ?? []) if (!holds.has(uid)) annotations[confirmAnnotation(uid)] = null;
  for (const [uid, { name, reason, namespaces }] of holds)
    data[uid] = JSON.stringify({ name, reason, namespaces });
  return { metadata: { annotations }, data };
}

/** The first (and only) ConfigMap of the store. */
export function currentHolds(store: StoreReader<RemovalHoldsRecord>): RemovalHoldsRecord | undefined {
  const [record] = store;
  return record;
}

function parseHold(text: string): Omit<Hold, 'uid'> | undefined {
  try {
    const { name, reason, namespaces } = JSON.parse(text) as Partial<Hold>;
    return name === undefined || reason === undefined
      ? undefined
      : { name, reason, namespaces: namespaces ?? 0 };
  } catch {
    return undefined;
  }
}
