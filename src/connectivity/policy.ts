import { ConnectionSet } from './connection-set.ts';
import type { Intervals } from './intervals.ts';
import { blockAddresses } from './ip.ts';
import { selectorKey } from './label-selector.ts';
import {
  type Direction,
  type IPBlock,
  type LabelSelector,
  type NamedPort,
  type NetworkPolicy,
  type NetworkPolicyPeer,
  type NetworkPolicyPort,
  type NetworkPolicySpec,
  PROTOCOLS,
  type Protocol,
} from './model.ts';

/** Pods that a rule names, by labels of the pod and of its namespace. */
export interface PodPeer {
  readonly type: 'pods';
  /** Undefined: the policy's own namespace. */
  readonly namespaces: LabelSelector | undefined;
  readonly pods: LabelSelector;
  /** Equal for peers that match the same pods whatever the cluster holds. */
  readonly key: string;
}

/** Addresses that a rule names. */
export interface AddressPeer {
  readonly type: 'addresses';
  readonly block: IPBlock;
  readonly addresses: Intervals<bigint>;
  readonly key: string;
}

export type Peer = PodPeer | AddressPeer;

/** Ports by the name that the destination's container gives them. */
export interface PortByName {
  readonly name: string;
  readonly protocol: Protocol;
}

/** The ports of a rule: those given by number, and those that only the destination can resolve. */
export interface RulePorts {
  readonly numbered: ConnectionSet;
  readonly named: readonly PortByName[];
  readonly key: string;
}

export interface Rule {
  /** Place in the policy's list, for explanations. */
  readonly index: number;
  /** Undefined: every peer, also those outside of the cluster. */
  readonly peers: readonly Peer[] | undefined;
  readonly ports: RulePorts;
}

/** A NetworkPolicy with its defaults resolved. A direction without rules here is one it does not isolate. */
export interface NormalPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly podSelector: LabelSelector;
  readonly rules: Readonly<Partial<Record<Direction, readonly Rule[]>>>;
}

/**
 * The directions that a policy isolates. Without policyTypes: Ingress always, Egress where it has egress
 * rules, which is why `egress: []` alone isolates nothing.
 */
export function policyTypes(spec: NetworkPolicySpec): ReadonlySet<string> {
  if (spec.policyTypes !== undefined && spec.policyTypes.length > 0) return new Set(spec.policyTypes);
  return new Set((spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress']);
}

export function normalizePolicy({ namespace, name, spec }: NetworkPolicy): NormalPolicy {
  const types = policyTypes(spec);
  const rule = (peers: readonly NetworkPolicyPeer[] = [], ports: readonly NetworkPolicyPort[] = []) => ({
    peers: peers.length === 0 ? undefined : peers.flatMap((peer) => normalizePeer(peer, namespace)),
    ports: normalizePorts(ports),
  });
  return {
    namespace,
    name,
    podSelector: spec.podSelector ?? {},
    rules: {
      ...(types.has('Ingress') && {
        Ingress: (spec.ingress ?? []).map(({ from, ports }, index) => ({ index, ...rule(from, ports) })),
      }),
      ...(types.has('Egress') && {
        Egress: (spec.egress ?? []).map(({ to, ports }, index) => ({ index, ...rule(to, ports) })),
      }),
    },
  };
}

/** A peer without any field matches nothing; the API server refuses it, but a manifest may hold one. */
function normalizePeer(peer: NetworkPolicyPeer, namespace: string): Peer[] {
  if (peer.ipBlock !== undefined) {
    const { cidr, except = [] } = peer.ipBlock;
    const key = `addresses ${cidr} ${[...except].sort().join(' ')}`;
    return [{ type: 'addresses', block: peer.ipBlock, addresses: blockAddresses(peer.ipBlock), key }];
  }
  const { namespaceSelector: namespaces, podSelector } = peer;
  if (namespaces === undefined && podSelector === undefined) return [];
  const pods = podSelector ?? {};
  const where = namespaces === undefined ? `in ${namespace}` : `where ${selectorKey(namespaces)}`;
  return [{ type: 'pods', namespaces, pods, key: `pods ${where} / ${selectorKey(pods)}` }];
}

function normalizePorts(ports: readonly NetworkPolicyPort[]): RulePorts {
  if (ports.length === 0) return { numbered: ConnectionSet.all, named: [], key: ConnectionSet.all.key };
  let numbered = ConnectionSet.none;
  const named: PortByName[] = [];
  for (const { protocol = 'TCP', port, endPort } of ports) {
    if (!isProtocol(protocol)) continue;
    if (typeof port === 'string') named.push({ name: port, protocol });
    else if (port === undefined) numbered = numbered.union(ConnectionSet.every(protocol));
    else numbered = numbered.union(ConnectionSet.ports(protocol, port, endPort ?? port));
  }
  const names = named.map(({ name, protocol }) => `${protocol}/${name}`).sort();
  return { numbered, named, key: [numbered.key, ...names].join(' ') };
}

export function isProtocol(text: string): text is Protocol {
  return (PROTOCOLS as readonly string[]).includes(text);
}

/**
 * The ports of a rule at one destination. A name means the container ports that carry it with the same
 * protocol; a destination without such a port, and every address outside of the cluster, has none.
 */
export function resolvePorts(ports: RulePorts, destination: readonly NamedPort[]): ConnectionSet {
  return ports.named.reduce(
    (result, wanted) =>
      destination
        .filter(({ name, protocol = 'TCP' }) => name === wanted.name && protocol === wanted.protocol)
        .reduce(
          (sum, { containerPort }) => sum.union(ConnectionSet.ports(wanted.protocol, containerPort)),
          result,
        ),
    ports.numbered,
  );
}
