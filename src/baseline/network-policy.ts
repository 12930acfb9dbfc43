/**
 * NetworkPolicies: default deny, the named peers, and those that the baseline writes out.
 * Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */
import { justificationAnnotation } from '../api/labels.ts';
import { derivedItems, objectName } from '../api/names.ts';
import type { NetworkPolicySpec, SecurityBaseline } from '../api/types.generated.ts';
import type { ClusterFacts } from './cluster-facts.ts';
import type { DesiredObject, Direction, ObjectRef, Problem } from './desired-state.ts';
import { desiredObject, refOf } from './manifest.ts';
import { expandPeer, namedPeers, type PeerName, peerNames } from './peers/named-peers.ts';
import { isNotKnown, type NotKnown, type PeerRules } from './peers/peer.ts';

const everyPod = {};

/** What NetworkPolicies a baseline gives, and what it asks for in vain. */
export interface NetworkPolicies {
  readonly objects: readonly DesiredObject[];
  readonly problems: readonly Problem[];
  /** What they should be is not known at the moment: they stay as they are. */
  readonly kept: readonly ObjectRef[];
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
  if (section === undefined) return { objects: [], problems: [], kept: [] };
  const objects: DesiredObject[] = [];
  const problems: Problem[] = [];
  const kept: ObjectRef[] = [];

  if (section.defaultDeny !== undefined && section.defaultDeny.length > 0) {
    objects.push(defaultDeny(baseline, section.defaultDeny));
  }
  for (const name of peerNames) {
    const { item, directions } = namedPeers[name];
    const given = section.allow?.[name];
    const wanted = directions.filter((direction) => denied.includes(direction));
    if (given === undefined || wanted.length === 0) continue;
    const found = expandPeer(name, given, cluster);
    if (isNotKnown(found)) {
      problems.push(notKnown(baseline, name, found));
      kept.push({ kind: 'NetworkPolicy', name: objectName(baseline.metadata.name, item) });
    } else {
      const justification = 'justification' in given ? given.justification : undefined;
      objects.push(policy(baseline, item, allowance(found, wanted), justification));
    }
  }
  for (const item of section.policies ?? []) {
    objects.push(policy(baseline, item.name, withoutMarks(item.spec), item.justification));
  }
  return { objects, problems, kept };
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

/** What a named peer allows, in the directions that are denied. */
function allowance({ podSelector, ingress, egress }: PeerRules, wanted: Direction[]): NetworkPolicySpec {
  return {
    podSelector: podSelector ?? everyPod,
    policyTypes: wanted,
    ...(wanted.includes('Ingress') && ingress !== undefined ? { ingress } : {}),
    ...(wanted.includes('Egress') && egress !== undefined ? { egress } : {}),
  };
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
export function withoutMarks(spec: NetworkPolicySpec): NetworkPolicySpec {
  const { ingress, egress, ...rest } = spec;
  return {
    ...rest,
    ...(ingress === undefined ? {} : { ingress: ingress.map(({ anyPeer: _, ...rule }) => rule) }),
    ...(egress === undefined ? {} : { egress: egress.map(({ anyPeer: _, ...rule }) => rule) }),
  };
}

function notKnown(baseline: SecurityBaseline, name: PeerName, { reason, message }: NotKnown): Problem {
  return {
    baseline: refOf(baseline),
    reason,
    missing: true,
    message: `spec.networkPolicy.allow.${name}: ${message}`,
  };
}
