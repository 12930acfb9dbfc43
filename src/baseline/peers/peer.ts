/** What every named peer is made of. */
import type {
  LabelSelector,
  NetworkPolicyEgressRule,
  NetworkPolicyIngressRule,
  NetworkPolicyPort,
} from '../../api/types.generated.ts';
import type { ClusterFacts } from '../cluster-facts.ts';
import type { Direction, Problem } from '../desired-state.ts';

/** What a peer comes to in the cluster at hand. */
export interface PeerRules {
  /** The pods that it is for. Default: every pod. */
  readonly podSelector?: LabelSelector;
  readonly ingress?: NetworkPolicyIngressRule[];
  readonly egress?: NetworkPolicyEgressRule[];
}

/** What a peer comes to is not known at the moment: nothing new is allowed, and what was written before stays. */
export interface NotKnown {
  readonly reason: Problem['reason'];
  /** What was not found, and the fix. */
  readonly message: string;
}

/** A peer that baselines allow by name. */
export interface NamedPeer<Given> {
  /** The item by which its object is named. */
  readonly item: string;
  /** The directions in which it allows something; each is written only where it is denied. */
  readonly directions: readonly Direction[];
  /** Pure; never wider than the facts say. */
  expand(given: Given, cluster: ClusterFacts): PeerRules | NotKnown;
}

/** Tells the two results of {@link NamedPeer.expand} apart. */
export function isNotKnown(result: PeerRules | NotKnown): result is NotKnown {
  return 'reason' in result;
}

/** The `ports` of a rule: left out where none are given, which allows all of them. */
export function onPorts(ports: readonly NetworkPolicyPort[] = []): { ports?: NetworkPolicyPort[] } {
  return ports.length === 0 ? {} : { ports: [...ports] };
}
