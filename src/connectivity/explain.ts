import { matchesSelector } from '../api/label-selector.ts';
import { ConnectionSet } from './connection-set.ts';
import { contains } from './intervals.ts';
import { parseAddress } from './ip.ts';
import type { Direction, Labels, Pod } from './model.ts';
import { type NormalPolicy, type Peer, type Rule, resolvePorts } from './policy.ts';

/** One end of a connection: a pod, or an address that is no pod's. */
export type End = { readonly pod: Pod } | { readonly address: bigint };

/** What one rule says to the other end. */
export interface RuleVerdict {
  /** Place in the policy's `ingress` or `egress`. */
  readonly index: number;
  /** Whether the other end is among the rule's peers. */
  readonly matchesPeer: boolean;
  /** What it allows with the other end; empty unless the peer matches. */
  readonly allows: ConnectionSet;
}

/** What one policy that selects the pod says. A policy that allows nothing here still isolates the pod. */
export interface PolicyVerdict {
  readonly namespace: string;
  readonly name: string;
  readonly allows: ConnectionSet;
  readonly rules: readonly RuleVerdict[];
}

/** Why no policy bears on this end. */
export type Exemption = 'same-pod' | 'host-network' | 'outside-of-cluster';

/** Egress is decided where the connection starts, ingress where it ends. */
export interface DirectionVerdict {
  readonly direction: Direction;
  readonly exemption?: Exemption;
  /** Whether some policy selects the pod in this direction: then only what a rule allows passes. */
  readonly isolated: boolean;
  readonly allows: ConnectionSet;
  readonly policies: readonly PolicyVerdict[];
  /** Whether an ipBlock matched a pod's address. Network plugins differ there; Cilium does not match it. */
  readonly byAddressOfPod: boolean;
}

/**
 * Decides one direction, with every policy that takes part. This walks the policies of one namespace only
 * and shares nothing with the matrix but the reading of policies, so that one connection costs no matrix.
 */
export function decide(
  direction: Direction,
  source: End,
  destination: End,
  policiesOf: (namespace: string) => readonly NormalPolicy[],
  labelsOf: (namespace: string) => Labels,
): DirectionVerdict {
  const [here, there] = direction === 'Egress' ? [source, destination] : [destination, source];
  const free = { direction, isolated: false, allows: ConnectionSet.all, policies: [], byAddressOfPod: false };
  if (!('pod' in here)) return { ...free, exemption: 'outside-of-cluster' };
  const { pod } = here;
  if ('pod' in there && there.pod === pod && (pod.replicas ?? 1) <= 1)
    return { ...free, exemption: 'same-pod' };
  if (pod.hostNetwork === true) return { ...free, exemption: 'host-network' };

  const ports = 'pod' in destination ? (destination.pod.namedPorts ?? []) : [];
  const judge = (policy: NormalPolicy, rule: Rule): RuleVerdict => {
    const matchesPeer =
      rule.peers?.some((peer) => matchesPeerEnd(peer, policy.namespace, there, labelsOf)) ?? true;
    return {
      index: rule.index,
      matchesPeer,
      allows: matchesPeer ? resolvePorts(rule.ports, ports) : ConnectionSet.none,
    };
  };
  const policies: PolicyVerdict[] = [];
  let byAddressOfPod = false;
  for (const policy of policiesOf(pod.namespace)) {
    const rules = policy.rules[direction];
    if (rules === undefined || !matchesSelector(policy.podSelector, pod.labels ?? {})) continue;
    const verdicts = rules.map((rule) => judge(policy, rule));
    policies.push({
      namespace: policy.namespace,
      name: policy.name,
      allows: verdicts.reduce((sum, { allows }) => sum.union(allows), ConnectionSet.none),
      rules: verdicts,
    });
    byAddressOfPod ||=
      isPod(there) &&
      rules.some((rule) =>
        rule.peers?.some(
          (peer) => peer.type === 'addresses' && matchesPeerEnd(peer, policy.namespace, there, labelsOf),
        ),
      );
  }
  if (policies.length === 0) return free;
  const allows = policies.reduce((sum, policy) => sum.union(policy.allows), ConnectionSet.none);
  return { direction, isolated: true, allows, policies, byAddressOfPod };
}

/** Whether the end is reached as a pod rather than as an address. */
function isPod(end: End): end is { readonly pod: Pod } {
  return 'pod' in end && end.pod.hostNetwork !== true;
}

function matchesPeerEnd(
  peer: Peer,
  ownNamespace: string,
  end: End,
  labelsOf: (namespace: string) => Labels,
): boolean {
  if (peer.type === 'addresses') {
    const addresses = 'pod' in end ? (end.pod.ips ?? []).map(parseAddress) : [end.address];
    return addresses.some((address) => address !== undefined && contains(peer.addresses, address));
  }
  if (!isPod(end)) return false;
  const { namespace, labels = {} } = end.pod;
  const inNamespace =
    peer.namespaces === undefined
      ? namespace === ownNamespace
      : matchesSelector(peer.namespaces, labelsOf(namespace));
  return inNamespace && matchesSelector(peer.pods, labels);
}
