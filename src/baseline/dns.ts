/**
 * The cluster's DNS: found from its Service, or given in the baseline.
 * Source: https://github.com/kubernetes/dns/blob/master/docs/specification.md (the kube-dns Service)
 */

import { namespaceNameLabel } from '../api/labels.ts';
import type { DnsPeer, LabelSelector, NetworkPolicyEgressRule } from '../api/types.generated.ts';
import type { ClusterFacts, DnsFacts, DnsPort } from './cluster-facts.ts';

/** Services by which DNS is found: kube-dns everywhere (also in front of CoreDNS), dns-default on OpenShift. */
export const dnsServices: readonly { readonly namespace: string; readonly name: string }[] = [
  { namespace: 'kube-system', name: 'kube-dns' },
  { namespace: 'openshift-dns', name: 'dns-default' },
];

/** The parts of a Service that say where its pods are. */
export interface DnsService {
  readonly metadata: { readonly namespace?: string };
  readonly spec?: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly {
      readonly name?: string;
      readonly protocol?: string;
      readonly port: number;
      readonly targetPort?: number | string;
    }[];
  };
}

const dnsPort = 53;

/**
 * Where the pods behind a DNS Service are, or undefined where it has no selector. NetworkPolicies see a pod's own port, so it is the
 * target port that counts; other ports of the Service (metrics) are left out.
 */
export function dnsFactsOf(service: DnsService): DnsFacts | undefined {
  const { selector = {}, ports = [] } = service.spec ?? {};
  if (Object.keys(selector).length === 0) return undefined;
  const found = ports.flatMap((port): DnsPort[] =>
    port.port === dnsPort && (port.protocol === 'UDP' || port.protocol === 'TCP')
      ? [{ protocol: port.protocol, port: port.targetPort ?? port.port }]
      : [],
  );
  return {
    namespace: service.metadata.namespace ?? '',
    podSelector: { matchLabels: { ...selector } },
    ports: found.length > 0 ? found : onBothProtocols([dnsPort]),
  };
}

/** The egress rules that let pods resolve names, or undefined where the DNS is neither given nor found. */
export function dnsEgress(peer: DnsPeer, cluster: ClusterFacts): NetworkPolicyEgressRule[] | undefined {
  const pods = givenPods(peer) ?? cluster.dns;
  if (pods === undefined && peer.nodeLocalAddress === undefined) return undefined;
  const ports =
    peer.ports === undefined ? (pods?.ports ?? onBothProtocols([dnsPort])) : onBothProtocols(peer.ports);
  const rules: NetworkPolicyEgressRule[] = [];
  if (pods !== undefined) {
    const namespaceSelector = { matchLabels: { [namespaceNameLabel]: pods.namespace } };
    rules.push({ to: [{ namespaceSelector, podSelector: pods.podSelector }], ports: [...ports] });
  }
  if (peer.nodeLocalAddress !== undefined) {
    const length = peer.nodeLocalAddress.includes(':') ? 128 : 32;
    rules.push({
      to: [{ ipBlock: { cidr: `${peer.nodeLocalAddress}/${length}` } }],
      ports: onBothProtocols([dnsPort]),
    });
  }
  return rules;
}

function givenPods({
  namespace,
  podSelector,
}: DnsPeer): { namespace: string; podSelector: LabelSelector; ports: undefined } | undefined {
  return namespace === undefined || podSelector === undefined
    ? undefined
    : { namespace, podSelector, ports: undefined };
}

function onBothProtocols(ports: readonly number[]): DnsPort[] {
  return ports.flatMap((port): DnsPort[] => [
    { protocol: 'UDP', port },
    { protocol: 'TCP', port },
  ]);
}
