/** What the connectivity engine is asked about: a live cluster, or what manifests say. */
import type { KubernetesObject } from '../../api/objects.ts';
import type { AddressRef, PodRef } from '../../connectivity/engine.ts';
import type { Cluster, Namespace, NetworkPolicy, NetworkPolicySpec, Pod } from '../../connectivity/model.ts';
import type { ClusterReader } from '../cluster/cluster-reader.ts';
import { enginePod, podRecordOf } from '../cluster/pod-record.ts';
import { resources } from '../cluster/resources.ts';
import { podsOfWorkload } from '../cluster/workload-template.ts';
import type { ManifestObject } from '../manifests/manifest-object.ts';

/** The labels of a namespace. */
export function engineNamespace({ metadata }: KubernetesObject): Namespace {
  return { name: metadata.name, labels: metadata.labels ?? {} };
}

/** A NetworkPolicy. */
export function enginePolicy({ metadata, spec }: KubernetesObject): NetworkPolicy {
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    spec: (spec ?? {}) as NetworkPolicySpec,
  };
}

/** A pod that runs. */
export function runningPod(object: KubernetesObject): Pod | undefined {
  const record = podRecordOf(object);
  return record === undefined ? undefined : enginePod(record);
}

/** Everything that bears on any connection. */
export async function readWholeCluster(reader: ClusterReader): Promise<Cluster> {
  const [namespaces, pods, policies] = await Promise.all([
    reader.read({ ...namespaceRequest, resource: resources.Namespace }),
    reader.read({ ...podRequest, resource: resources.Pod }),
    reader.read({ ...policyRequest, resource: resources.NetworkPolicy }),
  ]);
  return { namespaces: namespaces.items, pods: pods.items, policies: policies.items };
}

/**
 * No more than one connection takes: the pods and policies of the namespaces at its ends. That keeps the answer quick in a
 * cluster of any size, and possible for who may read those namespaces only.
 */
export async function readEnds(
  reader: ClusterReader,
  ends: readonly (PodRef | AddressRef)[],
): Promise<Cluster> {
  const byAddress = await Promise.all(
    ends
      .filter((end) => 'ip' in end)
      .map(({ ip }) =>
        reader.read({
          ...podRequest,
          resource: resources.Pod,
          selection: { fieldSelector: `status.podIP=${ip}` },
          consequence: `${ip} is taken for an address outside of the cluster`,
        }),
      ),
  );
  const owners = byAddress.flatMap(({ items }) => items);
  const names = new Set([
    ...ends.flatMap((end) => ('ip' in end ? [] : [end.namespace])),
    ...owners.map(({ namespace }) => namespace),
  ]);
  const parts = await Promise.all(
    [...names].sort().map(async (namespace) => {
      const selection = { namespace };
      const [namespaces, pods, policies] = await Promise.all([
        reader.read({
          ...namespaceRequest,
          resource: resources.Namespace,
          selection: { fieldSelector: `metadata.name=${namespace}` },
        }),
        reader.read({ ...podRequest, resource: resources.Pod, selection }),
        reader.read({ ...policyRequest, resource: resources.NetworkPolicy, selection }),
      ]);
      return { namespaces: namespaces.items, pods: pods.items, policies: policies.items };
    }),
  );
  return {
    namespaces: parts.flatMap(({ namespaces }) => namespaces),
    pods: parts.flatMap(({ pods }) => pods),
    policies: parts.flatMap(({ policies }) => policies),
  };
}

const namespaceRequest = {
  project: engineNamespace,
  consequence: 'policies that select namespaces by labels other than their names are taken not to match',
};
const podRequest = { project: runningPod, consequence: 'pods that you cannot see are left out' };
const policyRequest = {
  project: enginePolicy,
  consequence: 'NetworkPolicies that you cannot see are left out, so more may be shown as allowed than is',
};

/**
 * The cluster that manifests describe: workloads stand for the pods that they make.
 *
 * @param defaultNamespace for objects that name none
 */
export function clusterOfManifests(objects: readonly ManifestObject[], defaultNamespace: string): Cluster {
  const namespaces = new Map<string, Namespace>();
  const pods: Pod[] = [];
  const policies: NetworkPolicy[] = [];
  for (const { object, group, kind } of objects) {
    const namespace = object.metadata.namespace ?? defaultNamespace;
    if (kind === 'Namespace' && group === '') namespaces.set(object.metadata.name, engineNamespace(object));
    else if (kind === 'NetworkPolicy' && group === 'networking.k8s.io') {
      policies.push({ ...enginePolicy(object), namespace });
    } else if (workloadGroups.has(group) && !isMadeByAnother(object)) {
      const record = podsOfWorkload(object, namespace);
      if (record !== undefined) pods.push(enginePod(record));
    }
  }
  return { namespaces: [...namespaces.values()], pods, policies };
}

const workloadGroups: ReadonlySet<string> = new Set(['', 'apps', 'batch']);

/** A ReplicaSet of a Deployment, say, in files that were exported from a cluster; pods stay, since they carry addresses. */
function isMadeByAnother({ kind, metadata }: KubernetesObject): boolean {
  const { ownerReferences = [] } = metadata as { ownerReferences?: readonly unknown[] };
  return kind !== 'Pod' && ownerReferences.length > 0;
}
