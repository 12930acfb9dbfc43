/**
 * The cluster's DNS: found from its Service, or given in the baseline.
 * Source: https://github.com/kubernetes/dns/blob/master/docs/specification.md (the kube-dns Service)
 */
import { namespaceNameLabel } from '../../api/labels.ts';
import { derivedItems } from '../../api/names.ts';
import type { DnsPeer, LabelSelector, NetworkPolicyEgressRule } from '../../api/types.generated.ts';
import type { DnsFacts, DnsPort } from '../cluster-facts.ts';
import { singleAddress } from './cidrs.ts';
import type { NamedPeer } from './peer.ts';

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

/** Egress to the DNS pods, and to the node's own cache where there is one. */
export const dnsPeer: NamedPeer<DnsPeer> = {
  item: derivedItems.allowDns,
  directions: ['Egress'],
  expand: (peer, cluster) => {
    const pods = givenPods(peer) ?? cluster.dns;
    const cache = peer.nodeLocalAddress === undefined ? undefined : singleAddress(peer.nodeLocalAddress);
    const egress: NetworkPolicyEgressRule[] = [];
    if (pods !== undefined) {
      const namespaceSelector = { matchLabels: { [namespaceNameLabel]: pods.namespace } };
      const ports =
        peer.ports === undefined ? (pods.ports ?? onBothProtocols([dnsPort])) : onBothProtocols(peer.ports);
      egress.push({ to: [{ namespaceSelector, podSelector: pods.podSelector }], ports: [...ports] });
    }
    if (cache !== undefined) {
      egress.push({ to: [{ ipBlock: { cidr: cache } }], ports: onBothProtocols([dnsPort]) });
    }
    if (egress.length > 0) return { egress };
    return {
      reason: 'DnsNotFound',
      message:
        "the cluster's DNS was not found (no Service kube-system/kube-dns or openshift-dns/dns-default); what was allowed before stays. " +
        'Give namespace and podSelector, or nodeLocalAddress',
    };
  },
};

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
