/**
 * The API server, where its own Service says it listens.
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/
 */
import { derivedItems } from '../../api/names.ts';
import type { KubernetesAPIPeer } from '../../api/types.generated.ts';
import type { ApiServerEndpoints, ClusterFacts } from '../cluster-facts.ts';
import { ipBlocks, singleAddress } from './cidrs.ts';
import type { NamedPeer, NotKnown } from './peer.ts';

/** The EndpointSlices of the API server's Service. */
export const apiServerSlices = {
  namespace: 'default',
  labelSelector: 'kubernetes.io/service-name=kubernetes',
} as const;

/** The parts of an EndpointSlice that say where to connect. */
export interface EndpointSlice {
  readonly endpoints?:
    | readonly {
        readonly addresses?: readonly string[];
        readonly conditions?: { readonly ready?: boolean | null };
      }[]
    | null;
  readonly ports?: readonly { readonly port?: number | null; readonly protocol?: string | null }[] | null;
}

/**
 * Where one slice says that the API server listens; undefined where it says nothing usable. A slice without ports means every port,
 * which would be wider than an API server is: it is not used.
 */
export function apiServerEndpointsOf(slice: EndpointSlice): ApiServerEndpoints | undefined {
  const cidrs = (slice.endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ addresses = [] }) => addresses.map(singleAddress))
    .filter((cidr) => cidr !== undefined);
  const ports = (slice.ports ?? []).flatMap(({ port, protocol }) =>
    typeof port === 'number' && (protocol ?? 'TCP') === 'TCP' ? [port] : [],
  );
  return cidrs.length === 0 || ports.length === 0
    ? undefined
    : { cidrs: [...new Set(cidrs)].sort(), ports: [...new Set(ports)].sort((a, b) => a - b) };
}

/** Egress to exactly these addresses on exactly these ports. */
export const kubernetesApiPeer: NamedPeer<KubernetesAPIPeer> = {
  item: derivedItems.allowKubernetesApi,
  directions: ['Egress'],
  expand: (_given, { apiServers }) =>
    apiServers.length === 0
      ? apiServerNotFound
      : {
          egress: byPorts(apiServers).map(({ cidrs, ports }) => ({
            to: ipBlocks(cidrs),
            ports: ports.map((port) => ({ protocol: 'TCP', port })),
          })),
        },
};

/** For peers that the API server's addresses are needed for. */
export const apiServerNotFound: NotKnown = {
  reason: 'ApiServerNotFound',
  message:
    "the API server's addresses were not found (no EndpointSlice in namespace default with the label " +
    'kubernetes.io/service-name=kubernetes holds an address and a port); what was allowed before stays. Restore the EndpointSlice, ' +
    'or allow the addresses by an item in spec.networkPolicy.policies',
};

/** One entry for each set of ports, in a fixed order. */
function byPorts(apiServers: ClusterFacts['apiServers']): ApiServerEndpoints[] {
  const grouped = Map.groupBy(apiServers, ({ ports }) => ports.join(','));
  return [...grouped]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, group]) => ({
      cidrs: group.flatMap(({ cidrs }) => cidrs),
      ports: group[0]?.ports ?? [],
    }));
}
