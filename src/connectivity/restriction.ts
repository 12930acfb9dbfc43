import { isIPv6, parseCidr } from './ip.ts';
import {
  type Direction,
  type IPBlock,
  type LabelSelector,
  NAMESPACE_NAME_LABEL,
  type NetworkPolicy,
  type NetworkPolicyPeer,
} from './model.ts';
import { hasMetadata, METADATA_ADDRESSES, MOST_BLOCKS, WIDEST_BLOCK } from './openings.ts';
import { policyTypes } from './policy.ts';

/** A part of a policy that `tenantPolicies: Restrict` does not let a tenant write. */
export interface RestrictViolation {
  /** Such as `spec.ingress[0].from[1].ipBlock.cidr`. */
  readonly field: string;
  /** What is wrong, and what is allowed instead. */
  readonly message: string;
}

/**
 * What keeps a tenant's policy from being one that `tenantPolicies: Restrict` allows; nothing when it is.
 * An allow-list, in the denied directions: every rule has peers, and each peer is the namespace's own pods,
 * namespaces by name, or an ipBlock no wider than WIDEST_BLOCK without a metadata address, of which one
 * policy may have MOST_BLOCKS.
 */
export function restrictViolations(policy: NetworkPolicy, denied: readonly Direction[]): RestrictViolation[] {
  const types = policyTypes(policy.spec);
  const lists = denied
    .filter((direction) => types.has(direction))
    .flatMap((direction) =>
      direction === 'Ingress'
        ? (policy.spec.ingress ?? []).map((rule, i) => ({
            field: `spec.ingress[${i}].from`,
            peers: rule.from ?? [],
          }))
        : (policy.spec.egress ?? []).map((rule, i) => ({
            field: `spec.egress[${i}].to`,
            peers: rule.to ?? [],
          })),
    );
  const blocks = lists.flatMap(({ peers }) => peers).filter(({ ipBlock }) => ipBlock !== undefined).length;
  return [
    ...lists.flatMap(({ field, peers }) =>
      peers.length === 0
        ? [{ field, message: 'a rule without peers allows everyone; name the peers' }]
        : peers.flatMap((peer, i) => peerViolations(peer, `${field}[${i}]`)),
    ),
    ...(blocks > MOST_BLOCKS
      ? [{ field: 'spec', message: `has ${blocks} ipBlocks; at most ${MOST_BLOCKS} are allowed` }]
      : []),
  ];
}

function peerViolations(peer: NetworkPolicyPeer, field: string): RestrictViolation[] {
  if (peer.ipBlock !== undefined) return blockViolations(peer.ipBlock, `${field}.ipBlock`);
  if (peer.namespaceSelector !== undefined) {
    if (namesNamespaces(peer.namespaceSelector)) return [];
    const message = `may select namespaces of others; name them: matchLabels or In on ${NAMESPACE_NAME_LABEL}`;
    return [{ field: `${field}.namespaceSelector`, message }];
  }
  return peer.podSelector === undefined ? [{ field, message: 'names no peer; give a podSelector' }] : [];
}

/** All parts of a selector must hold, so beside the name any other part can only narrow it. */
function namesNamespaces({ matchLabels = {}, matchExpressions = [] }: LabelSelector): boolean {
  return (
    Object.hasOwn(matchLabels, NAMESPACE_NAME_LABEL) ||
    matchExpressions.some(({ key, operator }) => key === NAMESPACE_NAME_LABEL && operator === 'In')
  );
}

function blockViolations(block: IPBlock, field: string): RestrictViolation[] {
  const range = parseCidr(block.cidr);
  if (range === undefined) {
    return [{ field: `${field}.cidr`, message: `${JSON.stringify(block.cidr)} is not a CIDR` }];
  }
  const [start, end] = range;
  const widest = isIPv6(start)
    ? { prefix: WIDEST_BLOCK.ipv6, size: 1n << BigInt(128 - WIDEST_BLOCK.ipv6) }
    : { prefix: WIDEST_BLOCK.ipv4, size: 1n << BigInt(32 - WIDEST_BLOCK.ipv4) };
  const tooWide = `${block.cidr} is wider than /${widest.prefix}; name narrower ranges`;
  const metadata = `${block.cidr} holds a cloud metadata address (${METADATA_ADDRESSES.join(', ')}), whatever except says; name ranges beside it`;
  return [
    ...(end - start > widest.size ? [{ field: `${field}.cidr`, message: tooWide }] : []),
    ...(hasMetadata([range]) ? [{ field: `${field}.cidr`, message: metadata }] : []),
  ];
}
