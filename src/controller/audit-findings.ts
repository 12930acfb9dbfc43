/** What baselines in Audit mode would change, and which of it is news. */
import type { BaselineRef, DesiredState } from '../baseline/desired-state.ts';
import { type ChangeSet, describeChange } from '../diff/change-set.ts';
import type { Differ } from '../diff/diff.ts';
import type { ObservedNamespace } from '../diff/observed-namespace.ts';
import type { ClusterView } from './cluster-view.ts';
import type { DesiredStates } from './desired-states.ts';
import type { AuditFinding, NamespaceState } from './namespace-states.ts';

/** What they would change, beside what is to be changed anyway. */
export function findingsOf(
  desired: DesiredState,
  left: ChangeSet,
  namespace: ObservedNamespace,
  parts: { readonly desiredStates: DesiredStates; readonly differ: Differ; readonly cluster: ClusterView },
): readonly AuditFinding[] {
  if (desired.auditing.length === 0) return [];
  const { desiredStates, differ, cluster } = parts;
  const { changes } = differ.diff(desiredStates.asIfEnforced(namespace), cluster.observed(namespace));
  const anyway = new Set(left.changes.map(describeChange));
  return changes
    .filter((change) => !anyway.has(describeChange(change)))
    .flatMap((change) => {
      const owner = 'desired' in change ? change.desired.baseline.uid : undefined;
      const uids = desired.auditing.map(({ uid }) => uid);
      const responsible = owner !== undefined && uids.includes(owner) ? [owner] : uids;
      return responsible.map((baselineUid) => ({ baselineUid, change: describeChange(change) }));
    });
}

/** The baselines whose findings are news: after a start, what their statuses tell already is none. */
export function untold(
  auditing: readonly BaselineRef[],
  before: NamespaceState | undefined,
  cluster: ClusterView,
): readonly BaselineRef[] {
  if (before?.pending !== 'rollout') return auditing;
  return auditing.filter(({ uid }) => {
    const baseline = cluster.baselineByUid(uid);
    const { audit, observedGeneration } = baseline?.status ?? {};
    return audit === undefined || observedGeneration !== baseline?.metadata.generation;
  });
}
