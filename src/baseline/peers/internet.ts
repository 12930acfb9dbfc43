/**
 * Public addresses, and no others.
 * Source: the IANA special-purpose address registries (RFC 6890),
 * https://www.iana.org/assignments/iana-ipv4-special-registry/ and https://www.iana.org/assignments/iana-ipv6-special-registry/
 */
import { derivedItems } from '../../api/names.ts';
import type { InternetPeer } from '../../api/types.generated.ts';
import type { ClusterFacts } from '../cluster-facts.ts';
import { exceptions } from './cidrs.ts';
import { type NamedPeer, onPorts } from './peer.ts';

/** All of IPv4, and the part of IPv6 that is assigned as global unicast (RFC 4291, section 2.4). */
const wholes = ['0.0.0.0/0', '2000::/3'];

/** Addresses in {@link wholes} that are not the internet. */
const notPublic = [
  '0.0.0.0/8', // this network (RFC 791)
  '10.0.0.0/8', // private (RFC 1918)
  '100.64.0.0/10', // shared (RFC 6598); cloud metadata is at 100.100.100.200 in some
  '127.0.0.0/8', // loopback (RFC 1122)
  '169.254.0.0/16', // link-local (RFC 3927), cloud metadata among it
  '172.16.0.0/12', // private (RFC 1918)
  '192.0.0.0/24', // IETF protocol assignments (RFC 6890); cloud metadata is at 192.0.0.192 in some
  '192.0.2.0/24', // documentation (RFC 5737)
  '192.88.99.0/24', // 6to4 relays (RFC 7526)
  '192.168.0.0/16', // private (RFC 1918)
  '198.18.0.0/15', // benchmarking (RFC 2544)
  '198.51.100.0/24', // documentation (RFC 5737)
  '203.0.113.0/24', // documentation (RFC 5737)
  '224.0.0.0/4', // multicast (RFC 5771)
  '240.0.0.0/4', // reserved, and limited broadcast (RFC 1112, RFC 919)
  // A public address by its number, but the platform endpoint of one cloud, which hands out the configuration of machines.
  // https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
  '168.63.129.16/32',
  '2001::/23', // IETF protocol assignments (RFC 2928): Teredo, which embeds IPv4 (RFC 4380), benchmarking, ORCHID
  '2001:db8::/32', // documentation (RFC 3849)
  '2002::/16', // 6to4, which embeds IPv4 (RFC 3056)
  '3fff::/20', // documentation (RFC 9637)
];

/** Beyond so many exceptions in one block, giving the ranges whole serves everybody better. */
const maxExceptions = 256;

/** Egress to public addresses. */
export const internetPeer: NamedPeer<InternetPeer> = {
  item: derivedItems.allowInternet,
  directions: ['Egress'],
  expand: ({ ports }, cluster) => {
    const ranges = clusterRanges(cluster);
    if (ranges === undefined) {
      return {
        reason: 'PodRangesNotKnown',
        message:
          "the cluster's pod ranges were not found (no Node has spec.podCIDRs), so they could not be left out; what was allowed before " +
          'stays. Give the ranges of pods and Services to the operator as --cluster-cidrs (CLUSTER_CIDRS)',
      };
    }
    const blocks = wholes.map((cidr) => ({ cidr, except: exceptions(cidr, [...notPublic, ...ranges]) }));
    const most = Math.max(...blocks.map(({ except }) => except.length));
    if (most > maxExceptions) {
      return {
        reason: 'TooManyClusterRanges',
        message:
          `the cluster's own ranges come to ${most} exceptions, more than ${maxExceptions}; what was allowed before stays. Give the ranges ` +
          'that hold them to the operator as --cluster-cidrs (CLUSTER_CIDRS)',
      };
    }
    // A block must keep something (`except` is a strict subset), and a rule without peers would allow everybody.
    const to = blocks
      .filter(({ cidr, except }) => !except.includes(cidr))
      .map(({ cidr, except }) => ({ ipBlock: { cidr, except } }));
    return { egress: to.length === 0 ? [] : [{ to, ...onPorts(ports) }] };
  },
};

/** The ranges of pods and Services, or undefined where nobody says where the pods are. */
function clusterRanges({ nodes, serviceRanges, givenRanges }: ClusterFacts): readonly string[] | undefined {
  const podRanges = nodes.flatMap((node) => node.podRanges);
  if (podRanges.length === 0 && givenRanges.length === 0) return undefined;
  return [...podRanges, ...serviceRanges, ...givenRanges];
}
