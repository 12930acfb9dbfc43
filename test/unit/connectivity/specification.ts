import { BlockList, isIPv6 } from 'node:net';
import type {
  Cluster,
  IPBlock,
  LabelSelector,
  Labels,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  Pod,
  Protocol,
} from '../../../src/connectivity/model.ts';

/*
 * The NetworkPolicy API, sentence by sentence, for one connection at a time and without regard to cost. It
 * shares only the input types with the engine, so that both can be wrong only independently. The quotes are
 * from the API reference and the concept page:
 *   https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
 *   https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */

/** A pod, or an address that is not a pod's. */
export type Endpoint = Pod | string;

const isPod = (endpoint: Endpoint): endpoint is Pod => typeof endpoint !== 'string';

/** "For a connection from a source pod to a destination pod to be allowed, both the egress policy on the
 * source pod and the ingress policy on the destination pod need to allow the connection." */
export function isAllowed(
  cluster: Cluster,
  source: Endpoint,
  destination: Endpoint,
  protocol: Protocol,
  port: number,
): boolean {
  // "A pod cannot block access to itself."
  if (source === destination) return true;
  return (
    egressAllows(cluster, source, destination, protocol, port) &&
    ingressAllows(cluster, source, destination, protocol, port)
  );
}

function egressAllows(
  cluster: Cluster,
  source: Endpoint,
  destination: Endpoint,
  protocol: Protocol,
  port: number,
): boolean {
  if (!isPod(source) || source.hostNetwork) return true;
  // "By default, a pod is non-isolated for egress."
  const policies = cluster.policies.filter(
    (policy) => selects(policy, source) && effectiveTypes(policy).includes('Egress'),
  );
  if (policies.length === 0) return true;
  // "The effects of those egress lists combine additively."
  for (const policy of policies) {
    for (const rule of policy.spec.egress ?? []) {
      // "This rule matches all destinations" / "all ports" when the list is empty or missing.
      const peerMatches =
        rule.to === undefined ||
        rule.to.length === 0 ||
        rule.to.some((peer) => peerIs(cluster, policy, peer, destination));
      const portMatches =
        rule.ports === undefined ||
        rule.ports.length === 0 ||
        rule.ports.some((each) => portIs(each, destination, protocol, port));
      if (peerMatches && portMatches) return true;
    }
  }
  return false;
}

function ingressAllows(
  cluster: Cluster,
  source: Endpoint,
  destination: Endpoint,
  protocol: Protocol,
  port: number,
): boolean {
  if (!isPod(destination) || destination.hostNetwork) return true;
  const policies = cluster.policies.filter(
    (policy) => selects(policy, destination) && effectiveTypes(policy).includes('Ingress'),
  );
  if (policies.length === 0) return true;
  for (const policy of policies) {
    for (const rule of policy.spec.ingress ?? []) {
      const peerMatches =
        rule.from === undefined ||
        rule.from.length === 0 ||
        rule.from.some((peer) => peerIs(cluster, policy, peer, source));
      const portMatches =
        rule.ports === undefined ||
        rule.ports.length === 0 ||
        rule.ports.some((each) => portIs(each, destination, protocol, port));
      if (peerMatches && portMatches) return true;
    }
  }
  return false;
}

/** "Selects the pods in the policy's namespace; an empty podSelector selects all of them." */
function selects(policy: NetworkPolicy, pod: Pod): boolean {
  return policy.namespace === pod.namespace && labelsSatisfy(policy.spec.podSelector ?? {}, pod.labels ?? {});
}

/** "If no policyTypes are specified then by default Ingress will always be set and Egress will be set if the
 * NetworkPolicy has any egress rules." */
export function effectiveTypes({ spec }: NetworkPolicy): readonly string[] {
  if (spec.policyTypes !== undefined && spec.policyTypes.length > 0) return spec.policyTypes;
  return spec.egress !== undefined && spec.egress.length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
}

function peerIs(cluster: Cluster, policy: NetworkPolicy, peer: NetworkPolicyPeer, other: Endpoint): boolean {
  // "If ipBlock is set then neither of the other fields can be."
  if (peer.ipBlock !== undefined) {
    const { ipBlock } = peer;
    return (isPod(other) ? (other.ips ?? []) : [other]).some((ip) => inBlock(ipBlock, ip));
  }
  if (peer.podSelector === undefined && peer.namespaceSelector === undefined) return false;
  // Pods on the host's network: their traffic is taken as the node's, which no selector names.
  if (!isPod(other) || other.hostNetwork) return false;
  // "If only podSelector is set: the pods matching it in the policy's own namespace. If both: those matching
  // it in the namespaces selected. If only namespaceSelector: all pods in the namespaces selected."
  const namespaceMatches =
    peer.namespaceSelector === undefined
      ? other.namespace === policy.namespace
      : labelsSatisfy(peer.namespaceSelector, labelsOfNamespace(cluster, other.namespace));
  return namespaceMatches && labelsSatisfy(peer.podSelector ?? {}, other.labels ?? {});
}

function labelsOfNamespace(cluster: Cluster, name: string): Labels {
  const namespace = cluster.namespaces.find((each) => each.name === name);
  return { ...namespace?.labels, 'kubernetes.io/metadata.name': name };
}

/** "cidr is a string representing the IPBlock; except is a slice of CIDRs that should not be included." */
function inBlock(block: IPBlock, ip: string): boolean {
  return inCidr(block.cidr, ip) && !(block.except ?? []).some((cidr) => inCidr(cidr, ip));
}

const subnets = new Map<string, BlockList>();

function inCidr(cidr: string, ip: string): boolean {
  const [address = '', prefix = ''] = cidr.split('/');
  if (isIPv6(address) !== isIPv6(ip)) return false;
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  const list = subnets.get(cidr) ?? new BlockList();
  if (!subnets.has(cidr)) list.addSubnet(address, Number(prefix), family);
  subnets.set(cidr, list);
  return list.check(ip, family);
}

/** "protocol: if not specified, TCP. port: a number or the name of a port on a pod; if not provided, all
 * port numbers. endPort: ports from port to endPort, inclusive." */
function portIs(wanted: NetworkPolicyPort, destination: Endpoint, protocol: Protocol, port: number): boolean {
  if ((wanted.protocol ?? 'TCP') !== protocol) return false;
  if (wanted.port === undefined) return true;
  if (typeof wanted.port === 'number') return port >= wanted.port && port <= (wanted.endPort ?? wanted.port);
  if (!isPod(destination)) return false;
  return (destination.namedPorts ?? []).some(
    (each) =>
      each.name === wanted.port && (each.protocol ?? 'TCP') === protocol && each.containerPort === port,
  );
}

/** "The requirements are ANDed. An empty label selector matches all objects." */
function labelsSatisfy(selector: LabelSelector, labels: Labels): boolean {
  const pairs = Object.entries(selector.matchLabels ?? {});
  if (!pairs.every(([key, value]) => labels[key] === value)) return false;
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels[key];
    if (operator === 'Exists') return value !== undefined;
    if (operator === 'DoesNotExist') return value === undefined;
    if (operator === 'In') return value !== undefined && values.includes(value);
    return value === undefined || !values.includes(value);
  });
}
