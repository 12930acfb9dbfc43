import { contains, type Intervals, union } from './intervals.ts';
import { byFamily, countAddresses, parseAddress } from './ip.ts';
import { type Direction, type LabelSelector, NAMESPACE_NAME_LABEL, type NetworkPolicy } from './model.ts';
import { type AddressPeer, type NormalPolicy, normalizePolicy, type Rule, type RulePorts } from './policy.ts';

/** The widest ipBlock that a tenant's policy may name, as a prefix length. */
export const WIDEST_BLOCK = { ipv4: 16, ipv6: 32 } as const;

/** How many ipBlocks of a tenant's policy may be that wide; all of a namespace together may cover as much. */
export const MOST_BLOCKS = 32;

/** Addresses that hand out cloud credentials, IPv4 and IPv6. */
export const METADATA_ADDRESSES: readonly string[] = [
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '100.100.100.200',
  '168.63.129.16',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254',
];

export type OpenTo =
  | 'anywhere'
  | 'any namespace'
  | 'an external range'
  | 'external ranges that add up'
  | 'cloud metadata';

/** One way in which a policy opens what a baseline denies. */
export interface Opening {
  readonly policy: { readonly namespace: string; readonly name: string };
  readonly direction: Direction;
  /** The rule, as its place in `ingress` or `egress`; absent where several rules open it only together. */
  readonly rule?: number;
  readonly to: OpenTo;
  /** The ipBlocks at fault, as written; empty where none is. */
  readonly cidrs: readonly string[];
  /** Such as `TCP 443`, with names of ports as they are. */
  readonly ports: string;
  readonly podSelector: LabelSelector;
}

/**
 * What the policies of one namespace open of the directions that its baseline denies. Policies add up, so
 * one that allows everything undoes a default deny. Pass the tenant's policies only: what a baseline allows
 * is meant.
 *
 * A namespace counts as open to: everyone, where a rule has no peers; any namespace, where a selector
 * matches whatever namespace somebody creates (also by NotIn or DoesNotExist); a range of more addresses
 * than the widest block; cloud metadata; and ranges that are small each but together cover more than
 * MOST_BLOCKS of the widest. Nothing that `restrictViolations` passes is an opening by itself.
 */
export function openings(policies: readonly NetworkPolicy[], denied: readonly Direction[]): Opening[] {
  const normal = policies.map(normalizePolicy);
  return denied.flatMap((direction) => [
    ...normal.flatMap((policy) => openRules(policy, direction)),
    ...addingUp(normal, direction),
  ]);
}

function openRules(policy: NormalPolicy, direction: Direction): Opening[] {
  return (policy.rules[direction] ?? []).flatMap((rule) => {
    const opening = (to: OpenTo, blocks: readonly AddressPeer[] = []): Opening => ({
      policy: { namespace: policy.namespace, name: policy.name },
      direction,
      rule: rule.index,
      to,
      cidrs: blocks.map(({ block }) => block.cidr),
      ports: formatRulePorts(rule.ports),
      podSelector: policy.podSelector,
    });
    if (rule.peers === undefined) return [opening('anywhere')];
    const anyNamespace = rule.peers.some(
      (peer) =>
        peer.type === 'pods' && peer.namespaces !== undefined && selectsWhateverNamespace(peer.namespaces),
    );
    const blocks = addressPeers(rule);
    const wide = blocks.filter(({ addresses }) => exceeds(addresses, 1n));
    const metadata = direction === 'Egress' ? blocks.filter(({ addresses }) => hasMetadata(addresses)) : [];
    return [
      ...(anyNamespace ? [opening('any namespace')] : []),
      ...(wide.length > 0 ? [opening('an external range', wide)] : []),
      ...(metadata.length > 0 ? [opening('cloud metadata', metadata)] : []),
    ];
  });
}

/** Ranges that pass one by one, over all policies and rules: who splits 0.0.0.0/0 into halves has it still. */
function addingUp(policies: readonly NormalPolicy[], direction: Direction): Opening[] {
  const contributing = policies.flatMap((policy) => {
    const rules = policy.rules[direction] ?? [];
    const blocks = rules.flatMap(addressPeers).filter(({ addresses }) => !exceeds(addresses, 1n));
    return blocks.length > 0 ? [{ policy, rules, blocks }] : [];
  });
  const together = contributing
    .flatMap(({ blocks }) => blocks)
    .reduce<Intervals<bigint>>((sum, { addresses }) => union(sum, addresses), []);
  if (!exceeds(together, BigInt(MOST_BLOCKS))) return [];
  return contributing.map(({ policy, rules, blocks }) => ({
    policy: { namespace: policy.namespace, name: policy.name },
    direction,
    to: 'external ranges that add up',
    cidrs: blocks.map(({ block }) => block.cidr),
    ports: [
      ...new Set(
        rules.filter((rule) => addressPeers(rule).length > 0).map(({ ports }) => formatRulePorts(ports)),
      ),
    ].join(', '),
    podSelector: policy.podSelector,
  }));
}

/**
 * Whether the selector matches a namespace about which nothing is known but that it exists. `NotIn` and
 * `DoesNotExist` match namespaces without the key, and every namespace has the label with its name.
 */
function selectsWhateverNamespace({ matchLabels = {}, matchExpressions = [] }: LabelSelector): boolean {
  return (
    Object.keys(matchLabels).length === 0 &&
    matchExpressions.every(
      ({ key, operator }) =>
        operator === 'NotIn' ||
        operator === 'DoesNotExist' ||
        (operator === 'Exists' && key === NAMESPACE_NAME_LABEL),
    )
  );
}

function addressPeers(rule: Rule): AddressPeer[] {
  return (rule.peers ?? []).filter((peer) => peer.type === 'addresses');
}

/** Whether there are more addresses, of either family, than in so many of the widest blocks. */
function exceeds(addresses: Intervals<bigint>, blocks: bigint): boolean {
  const { ipv4, ipv6 } = byFamily(addresses);
  return (
    countAddresses(ipv4) > blocks << BigInt(32 - WIDEST_BLOCK.ipv4) ||
    countAddresses(ipv6) > blocks << BigInt(128 - WIDEST_BLOCK.ipv6)
  );
}

export function hasMetadata(addresses: Intervals<bigint>): boolean {
  return METADATA_ADDRESSES.some((text) => {
    const address = parseAddress(text);
    return address !== undefined && contains(addresses, address);
  });
}

function formatRulePorts({ numbered, named }: RulePorts): string {
  const names = named.map(({ protocol, name }) => `${protocol} ${name}`);
  return numbered.isEmpty && names.length > 0 ? names.join(', ') : [numbered.toString(), ...names].join(', ');
}
