/** Which connections a plan cuts and opens, between what runs now. */

import type { ConnectionSet } from '../../connectivity/connection-set.ts';
import { diffConnections } from '../../connectivity/diff.ts';
import { formatParty } from '../../connectivity/expand.ts';
import type { Cluster, NetworkPolicy, NetworkPolicySpec } from '../../connectivity/model.ts';
import type { Fleet } from '../cluster/fleet.ts';
import { enginePod, type PodRecord } from '../cluster/pod-record.ts';
import { engineNamespace, enginePolicy } from '../connectivity/cluster-input.ts';
import type { PlannedChanges } from './object-changes.ts';
import type { ConnectionChanges, ConnectionGroup } from './report.ts';

/** What is kept of the changes; the counts are of all. */
export interface ConnectionLimits {
  /** Groups of connections cut, and of connections opened. */
  readonly groups: number;
  /** Names on either side of a group. */
  readonly names: number;
}

/** More than anybody reads: a default deny for a fleet has thousands of groups with thousands of names each. */
export const readableLimits: ConnectionLimits = { groups: 500, names: 50 };

/** Everything. */
export const noLimits: ConnectionLimits = {
  groups: Number.POSITIVE_INFINITY,
  names: Number.POSITIVE_INFINITY,
};

/** Compares the effective union of all policies before and after the changes. */
export function connectionChanges(
  fleet: Fleet,
  pods: readonly PodRecord[],
  planned: readonly PlannedChanges[],
  limits: ConnectionLimits = readableLimits,
): ConnectionChanges {
  const before: Cluster = {
    namespaces: Array.from(fleet.objects('Namespace'), engineNamespace),
    pods: pods.map(enginePod),
    policies: Array.from(fleet.objects('NetworkPolicy'), enginePolicy),
  };
  const policies = policiesAfter(before.policies, planned);
  if (policies === before.policies) return { cutPairs: 0, openedPairs: 0, cut: [], opened: [] };
  const diff = diffConnections(before, { namespaces: before.namespaces, policies });
  const cut: ConnectionGroup[] = [];
  const opened: ConnectionGroup[] = [];
  const isFull = (pairs: number, groups: readonly ConnectionGroup[]): boolean =>
    pairs === 0 || groups.length >= limits.groups;
  for (const group of diff.groups()) {
    if (isFull(diff.cutPairs, cut) && isFull(diff.openedPairs, opened)) break;
    const add = (to: ConnectionGroup[], connections: ConnectionSet): void => {
      if (connections.isEmpty || to.length >= limits.groups) return;
      to.push({
        sources: group.sources.slice(0, limits.names).map(formatParty),
        sourceCount: group.sources.length,
        destinations: group.destinations.slice(0, limits.names).map(formatParty),
        destinationCount: group.destinations.length,
        connections: connections.toString(),
      });
    };
    add(cut, group.cut);
    add(opened, group.opened);
  }
  return { cutPairs: diff.cutPairs, openedPairs: diff.openedPairs, cut, opened };
}

/** The policies once the changes are made; the same list where none is about a policy. */
function policiesAfter(
  current: readonly NetworkPolicy[],
  planned: readonly PlannedChanges[],
): readonly NetworkPolicy[] {
  const key = (namespace: string, name: string): string => `${namespace}/${name}`;
  const changed = new Map<string, NetworkPolicy | undefined>();
  for (const { namespace, changes } of planned) {
    for (const change of changes) {
      if ('desired' in change && change.desired.kind === 'NetworkPolicy') {
        const { name, manifest } = change.desired;
        changed.set(key(namespace.name, name), {
          namespace: namespace.name,
          name,
          spec: manifest.spec as NetworkPolicySpec,
        });
      } else if (change.action === 'delete' && change.observed.kind === 'NetworkPolicy') {
        changed.set(key(namespace.name, change.observed.name), undefined);
      }
    }
  }
  if (changed.size === 0) return current;
  const kept = current.filter(({ namespace, name }) => !changed.has(key(namespace, name)));
  return [...kept, ...[...changed.values()].filter((policy) => policy !== undefined)];
}
