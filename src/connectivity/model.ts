/**
 * What the connectivity engine needs to know of a cluster: plain, readonly data, read by the caller from a
 * live cluster or from manifests. The policy fields are those of networking.k8s.io/v1, so that `spec` of an
 * API object can be passed as it is.
 *
 * https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
 */

export type Labels = Readonly<Record<string, string>>;

export type Direction = 'Ingress' | 'Egress';

/** The protocols that a NetworkPolicy can name; everything else (ICMP) it leaves to the network plugin. */
export const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** The label that the API server puts on every namespace, with the namespace's name as its value. */
export const NAMESPACE_NAME_LABEL = 'kubernetes.io/metadata.name';

export interface Namespace {
  readonly name: string;
  readonly labels?: Labels;
}

/** A container port that has a name; only those matter to policies. */
export interface NamedPort {
  readonly name: string;
  readonly containerPort: number;
  /** Default TCP. */
  readonly protocol?: string;
}

/** The controller that a reader knows the pod by: the Deployment rather than its ReplicaSet. */
export interface WorkloadName {
  readonly kind: string;
  readonly name: string;
}

/** A pod that runs, or one that stands for the pods of a template in a manifest. */
export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly labels?: Labels;
  readonly namedPorts?: readonly NamedPort[];
  /** Addresses of both families, where known; without any, no ipBlock matches the pod. */
  readonly ips?: readonly string[];
  /** On the host's network: outside of every policy, and for others an address rather than a pod. */
  readonly hostNetwork?: boolean;
  /** Default: the pod itself, as kind Pod. */
  readonly workload?: WorkloadName;
  /** How many pods this entry stands for. Default 1; more than 1 only for a template. */
  readonly replicas?: number;
}

export interface LabelSelectorRequirement {
  readonly key: string;
  /** In, NotIn, Exists or DoesNotExist; the API server refuses others, and here they match nothing. */
  readonly operator: string;
  readonly values?: readonly string[];
}

export interface LabelSelector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly LabelSelectorRequirement[];
}

export interface IPBlock {
  readonly cidr: string;
  readonly except?: readonly string[];
}

export interface NetworkPolicyPeer {
  readonly podSelector?: LabelSelector;
  readonly namespaceSelector?: LabelSelector;
  readonly ipBlock?: IPBlock;
}

export interface NetworkPolicyPort {
  /** Default TCP. */
  readonly protocol?: string;
  /** A number, or the name of a container port of the destination; absent: every port. */
  readonly port?: number | string;
  readonly endPort?: number;
}

export interface NetworkPolicyIngressRule {
  readonly from?: readonly NetworkPolicyPeer[];
  readonly ports?: readonly NetworkPolicyPort[];
}

export interface NetworkPolicyEgressRule {
  readonly to?: readonly NetworkPolicyPeer[];
  readonly ports?: readonly NetworkPolicyPort[];
}

export interface NetworkPolicySpec {
  /** Absent means the same as empty: every pod of the namespace. */
  readonly podSelector?: LabelSelector;
  readonly policyTypes?: readonly string[];
  readonly ingress?: readonly NetworkPolicyIngressRule[];
  readonly egress?: readonly NetworkPolicyEgressRule[];
}

export interface NetworkPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly spec: NetworkPolicySpec;
}

export interface Cluster {
  /** A namespace that is left out has only the label that carries its name. */
  readonly namespaces: readonly Namespace[];
  readonly pods: readonly Pod[];
  readonly policies: readonly NetworkPolicy[];
}

/** The workload that a pod belongs to; a pod without one is its own. */
export function workloadOf(pod: Pod): WorkloadName {
  return pod.workload ?? { kind: 'Pod', name: pod.name };
}

/** The labels of each namespace, with the name label that the API server would add. */
export function namespaceLabels(cluster: Pick<Cluster, 'namespaces'>): (name: string) => Labels {
  const known = new Map(
    cluster.namespaces.map(({ name, labels }) => [name, { ...labels, [NAMESPACE_NAME_LABEL]: name }]),
  );
  return (name) => known.get(name) ?? { [NAMESPACE_NAME_LABEL]: name };
}
