/**
 * The cluster's Nodes, by their internal addresses.
 * Source: https://kubernetes.io/docs/reference/node/node-status/#addresses
 */
import { derivedItems } from '../../api/names.ts';
import type { NodesPeer } from '../../api/types.generated.ts';
import type { NodeFacts } from '../cluster-facts.ts';
import { ipBlocks, singleAddress } from './cidrs.ts';
import { type NamedPeer, onPorts } from './peer.ts';

/** The parts of a Node that say where it and its pods are. */
export interface Node {
  readonly spec?: { readonly podCIDR?: string; readonly podCIDRs?: readonly string[] };
  readonly status?: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] };
}

/** One policy in every selected namespace lists every Node; more of them would be too much for network plugins. */
const maxNodes = 1000;

/** Where a Node and its pods are. */
export function nodeFactsOf({ spec = {}, status = {} }: Node): NodeFacts {
  const addresses = (status.addresses ?? [])
    .filter(({ type }) => type === 'InternalIP')
    .map(({ address }) => singleAddress(address))
    .filter((cidr) => cidr !== undefined);
  return { addresses, podRanges: spec.podCIDRs ?? (spec.podCIDR === undefined ? [] : [spec.podCIDR]) };
}

/** Egress to the Nodes that there are now. */
export const nodesPeer: NamedPeer<NodesPeer> = {
  item: derivedItems.allowNodes,
  directions: ['Egress'],
  expand: ({ ports }, { nodes }) => {
    if (nodes.length > maxNodes) {
      return {
        reason: 'TooManyNodes',
        message:
          `the cluster has ${nodes.length} Nodes, and a policy that lists more than ${maxNodes} is too much for network plugins; what was ` +
          "allowed before stays. Allow the Nodes' range by an item in spec.networkPolicy.policies",
      };
    }
    const to = ipBlocks(nodes.flatMap(({ addresses }) => addresses));
    if (to.length === 0) {
      return {
        reason: 'NodesNotFound',
        message:
          'no Node has an address of type InternalIP; what was allowed before stays. Allow the addresses by an item in ' +
          'spec.networkPolicy.policies',
      };
    }
    return { egress: [{ to, ...onPorts(ports) }] };
  },
};
