/**
 * NetworkPolicies: default deny, the named peers, and those that the baseline writes out.
 * Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */
import { justificationAnnotation } from '../api/labels.ts';
import { derivedItems } from '../api/names.ts';
import type { NetworkPolicySpec, SecurityBaseline } from '../api/types.generated.ts';
import type { ClusterFacts } from './cluster-facts.ts';
import type { DesiredObject, Direction, Problem } from './desired-state.ts';
import { dnsEgress } from './dns.ts';
import { desiredObject, refOf } from './manifest.ts';

const everyPod = {};

/** What NetworkPolicies a baseline gives, and what it asks for in vain. */
export interface NetworkPolicies {
  readonly objects: readonly DesiredObject[];
  readonly problems: readonly Problem[];
}

/** The directions that any of the baselines denies. */
export function deniedDirections(baselines: readonly SecurityBaseline[]): readonly Direction[] {
  const denied = new Set(baselines.flatMap((baseline) => baseline.spec.networkPolicy?.defaultDeny ?? []));
  return (['Ingress', 'Egress'] as const).filter((direction) => denied.has(direction));
}

/**
 * The NetworkPolicies of one baseline.
 *
 * @param denied the directions denied by all selecting baselines together. A policy that allows something in a direction
 * isolates pods in that direction (that is how NetworkPolicies work), so an allowance is only written where it
 * is denied: elsewhere it would take away everything else.
 */
export function networkPolicies(
  baseline: SecurityBaseline,
  denied: readonly Direction[],
  cluster: ClusterFacts,
): NetworkPolicies {
  const section = baseline.spec.networkPolicy;
  if (section === undefined) return { objects: [], problems: [] };
  const objects: DesiredObject[] = [];
  const problems: Problem[] = [];

  if (section.defaultDeny !== undefined && section.defaultDeny.length > 0) {
    objects.push(defaultDeny(baseline, section.defaultDeny));
  }
  if (section.allow?.dns !== undefined && denied.includes('Egress')) {
    const egress = dnsEgress(section.allow.dns, cluster);
    if (egress === undefined) problems.push(dnsNotFound(baseline));
    else
      objects.push(
        policy(baseline, derivedItems.allowDns, { podSelector: everyPod, policyTypes: ['Egress'], egress }),
      );
  }
  if (section.allow?.sameNamespace !== undefined && denied.length > 0) {
    objects.push(allowSameNamespace(baseline, denied));
  }
  for (const item of section.policies ?? []) {
    objects.push(policy(baseline, item.name, withoutMarks(item.spec), item.justification));
  }
  return { objects, problems };
}

/** Selects every pod and allows nothing. */
function defaultDeny(baseline: SecurityBaseline, directions: readonly Direction[]): DesiredObject {
  const policyTypes = (['Ingress', 'Egress'] as const).filter((direction) => directions.includes(direction));
  return desiredObject(baseline, {
    kind: 'NetworkPolicy',
    item: derivedItems.defaultDeny,
    denies: true,
    content: { spec: { podSelector: everyPod, policyTypes } },
  });
}

function allowSameNamespace(baseline: SecurityBaseline, denied: readonly Direction[]): DesiredObject {
  const peers = [{ podSelector: everyPod }];
  return policy(baseline, derivedItems.allowSameNamespace, {
    podSelector: everyPod,
    policyTypes: [...denied],
    ...(denied.includes('Ingress') ? { ingress: [{ from: peers }] } : {}),
    ...(denied.includes('Egress') ? { egress: [{ to: peers }] } : {}),
  });
}

function policy(
  baseline: SecurityBaseline,
  item: string,
  spec: NetworkPolicySpec,
  justification?: string,
): DesiredObject {
  return desiredObject(baseline, {
    kind: 'NetworkPolicy',
    item,
    content: { spec },
    ...(justification === undefined ? {} : { annotations: { [justificationAnnotation]: justification } }),
  });
}

/** The plain NetworkPolicy spec: `anyPeer` is the baseline's word for a rule without peers, not Kubernetes'. */
function withoutMarks(spec: NetworkPolicySpec): NetworkPolicySpec {
  const { ingress, egress, ...rest } = spec;
  return {
    ...rest,
    ...(ingress === undefined ? {} : { ingress: ingress.map(({ anyPeer: _, ...rule }) => rule) }),
    ...(egress === undefined ? {} : { egress: egress.map(({ anyPeer: _, ...rule }) => rule) }),
  };
}

function dnsNotFound(baseline: SecurityBaseline): Problem {
  return {
    baseline: refOf(baseline),
    reason: 'DnsNotFound',
    missing: true,
    message:
      "spec.networkPolicy.allow.dns: the cluster's DNS was not found (no Service kube-system/kube-dns or openshift-dns/dns-default); " +
      'give namespace and podSelector, or nodeLocalAddress',
  };
}
