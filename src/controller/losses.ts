/** Which namespaces lose what a baseline gave them: all that the removal gate counts, and asks about. */
import { managedKindNames } from '../api/kinds.ts';
import type { DesiredState } from '../baseline/desired-state.ts';
import type { Change } from '../diff/change-set.ts';
import type { ObservedNamespace } from '../diff/observed-namespace.ts';
import { isOurs } from '../diff/ownership.ts';
import type { ClusterView } from './cluster-view.ts';
import type { NamespaceState } from './namespace-states.ts';

/** A question to the gate: may this namespace lose what this baseline gave it? */
export interface Loss {
  readonly uid: string;
  /** Empty where only labels are left, which do not tell it. */
  readonly name: string;
  /** When the youngest of what it gave was written: milliseconds since the epoch, 0 where that is not known. */
  readonly createdAt: number;
}

/**
 * What the namespace would lose by these changes, one entry for each baseline that no longer gives it anything. An item that a
 * baseline drops while it goes on selecting the namespace is no loss but an edit, and so is a baseline recreated under its name.
 */
export function lossesOf(
  desired: DesiredState,
  namespace: ObservedNamespace,
  changes: readonly Change[],
): readonly Loss[] {
  const stays = stayingIn(desired);
  const losses = new Map<string, Loss>();
  for (const change of changes) {
    if (!isRemoval(change)) continue;
    const { baselineUid: uid, baseline: name, createdAt } = change.observed;
    if (stays.has(uid) || stays.has(name)) continue;
    losses.set(uid, { uid, name, createdAt: Math.max(losses.get(uid)?.createdAt ?? 0, createdAt) });
  }
  // The annotation alone is no loss: where there is no guard, anybody may write what he likes into it.
  if (!changes.some((change) => change.action === 'label' && change.loses)) return [...losses.values()];
  for (const uid of labellersOf(namespace)) {
    if (stays.has(uid) || losses.has(uid)) continue;
    losses.set(uid, { uid, name: '', createdAt: namespace.labelledAt });
  }
  return [...losses.values()];
}

/** Removals of what we gave. What somebody else put in its place protected nobody, and goes unasked. */
function isRemoval(change: Change): change is Change & { action: 'delete' | 'release' } {
  if (change.action === 'delete') return change.why === undefined && change.observed.baselineUid !== '';
  return change.action === 'release';
}

/** The namespaces of the whole fleet that would lose something now, by the UID of the baseline that gave it. Goes over every object. */
export function losingNow(
  cluster: ClusterView,
  states: Iterable<NamespaceState>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const losing = new Map<string, Set<string>>();
  for (const { name, desired } of states) {
    for (const uid of lostIn(name, desired, cluster)) {
      const known = losing.get(uid);
      if (known === undefined) losing.set(uid, new Set([name]));
      else known.add(name);
    }
  }
  return losing;
}

/** Whether this namespace would lose what this baseline gave it. */
export function isLosing(uid: string, name: string, desired: DesiredState, cluster: ClusterView): boolean {
  for (const lost of lostIn(name, desired, cluster)) if (lost === uid) return true;
  return false;
}

/** The UIDs of baselines whose objects or labels are there for no reason any more; some more than once. */
function* lostIn(name: string, desired: DesiredState, cluster: ClusterView): Iterable<string> {
  const namespace = cluster.namespace(name);
  if (namespace === undefined) return;
  const stays = stayingIn(desired);
  const observed = cluster.observed(namespace);
  for (const kind of managedKindNames) {
    for (const object of observed.objects(kind)) {
      if (object.terminating || !isOurs(object)) continue;
      if (!stays.has(object.baselineUid) && !stays.has(object.baseline)) yield object.baselineUid;
    }
  }
  // Beside a baseline in Audit mode, which writes nothing, labels stay.
  if (namespace.ownedLabels.length === 0 || desired.auditing.length > 0) return;
  for (const uid of labellersOf(namespace)) if (!stays.has(uid)) yield uid;
}

/** The baselines whose Pod Security labels it carries. */
function labellersOf({ marks }: ObservedNamespace): readonly string[] {
  return marks.podSecurityBy.split(',').filter((uid) => uid !== '');
}

const remembered = new WeakMap<DesiredState, ReadonlySet<string>>();

/** UIDs and names of the baselines that go on selecting; most namespaces share their desired state. */
function stayingIn(desired: DesiredState): ReadonlySet<string> {
  const known = remembered.get(desired);
  if (known !== undefined) return known;
  const stays = new Set([...desired.baselines, ...desired.auditing].flatMap(({ uid, name }) => [uid, name]));
  remembered.set(desired, stays);
  return stays;
}
