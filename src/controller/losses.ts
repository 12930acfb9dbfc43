/** Which namespaces lose what a baseline gave them: all that the removal gate counts, and asks about. */
import { managedKindNames } from '../api/kinds.ts';
import type { DesiredState } from '../baseline/desired-state.ts';
import type { Change } from '../diff/change-set.ts';
import type { ObservedObject } from '../diff/observed.ts';
import type { ObservedNamespace } from '../diff/observed-namespace.ts';
import { isOurs } from '../diff/ownership.ts';
import type { ClusterView } from './cluster-view.ts';
import type { NamespaceState, NamespaceStates } from './namespace-states.ts';

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
  cluster: Pick<ClusterView, 'objects' | 'namespace'>,
  states: Iterable<NamespaceState> & Pick<NamespaceStates, 'get'>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const losing = new Map<string, Set<string>>();
  const add = (uid: string, namespace: string): void => {
    const known = losing.get(uid);
    if (known === undefined) losing.set(uid, new Set([namespace]));
    else known.add(namespace);
  };
  for (const object of cluster.objects()) {
    if (!object.managed) continue;
    const desired = states.get(object.namespace)?.desired;
    if (desired !== undefined && isLost(object, desired)) add(object.baselineUid, object.namespace);
  }
  for (const { name, desired } of states) {
    for (const uid of labelsLost(cluster.namespace(name), desired)) add(uid, name);
  }
  return losing;
}

/** Whether this namespace would lose what this baseline gave it. */
export function isLosing(uid: string, name: string, desired: DesiredState, cluster: ClusterView): boolean {
  const namespace = cluster.namespace(name);
  if (namespace === undefined) return false;
  if (labelsLost(namespace, desired).includes(uid)) return true;
  const observed = cluster.observed(namespace);
  for (const kind of managedKindNames) {
    for (const object of observed.objects(kind)) {
      if (object.baselineUid === uid && isLost(object, desired)) return true;
    }
  }
  return false;
}

/** Whether it is there for no reason any more. */
function isLost(object: ObservedObject, desired: DesiredState): boolean {
  if (object.terminating || !isOurs(object)) return false;
  const stays = stayingIn(desired);
  return !stays.has(object.baselineUid) && !stays.has(object.baseline);
}

/** The baselines whose Pod Security labels are there for no reason any more. */
function labelsLost(namespace: ObservedNamespace | undefined, desired: DesiredState): readonly string[] {
  if (namespace === undefined || namespace.ownedLabels.length === 0) return [];
  // Where baselines in Audit mode are alone, nothing is written.
  if (desired.baselines.length === 0 && desired.auditing.length > 0) return [];
  const stays = stayingIn(desired);
  return labellersOf(namespace).filter((uid) => !stays.has(uid));
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
