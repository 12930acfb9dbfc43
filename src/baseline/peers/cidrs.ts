/** Address ranges as NetworkPolicies write them. */

import type { NetworkPolicyPeer } from '../../api/types.generated.ts';
import { type Interval, intersect, intervalSet } from '../../connectivity/intervals.ts';
import { ALL_IPV6, formatAddress, isIPv6, parseAddress, parseCidr } from '../../connectivity/ip.ts';

/** The one CIDR that holds just this address, spelt canonically; undefined for a text that is no address. */
export function singleAddress(text: string): string | undefined {
  const address = parseAddress(text);
  return address === undefined ? undefined : `${formatAddress(address)}/${isIPv6(address) ? 128 : 32}`;
}

/** An ipBlock for each CIDR, without repetition and in a fixed order. */
export function ipBlocks(cidrs: Iterable<string>): NetworkPolicyPeer[] {
  return [...new Set(cidrs)].sort().map((cidr) => ({ ipBlock: { cidr } }));
}

/**
 * What the ranges take out of the whole, as few CIDRs as can be: they lie within it, as `except` must, do not overlap, and come in
 * the order of their addresses. Ranges that cannot be read, or lie elsewhere, take nothing out.
 *
 * @param whole a CIDR
 */
export function exceptions(whole: string, ranges: Iterable<string>): string[] {
  const bounds = parseCidr(whole);
  if (bounds === undefined) throw new Error(`${whole} is not a CIDR`);
  const read = Array.from(ranges, parseCidr).filter((range) => range !== undefined);
  return intersect(intervalSet(read), [bounds]).flatMap(cidrsOf);
}

/** The fewest CIDRs that make up an interval: always the largest that is aligned and still fits. */
function cidrsOf([start, end]: Interval<bigint>): string[] {
  const [base, width] = isIPv6(start) ? [ALL_IPV6[0], 128n] : [0n, 32n];
  const cidrs: string[] = [];
  for (let from = start; from < end; ) {
    let hostBits = 0n;
    while (hostBits < width) {
      const size = 1n << (hostBits + 1n);
      if ((from - base) % size !== 0n || from + size > end) break;
      hostBits += 1n;
    }
    cidrs.push(`${formatAddress(from)}/${width - hostBits}`);
    from += 1n << hostBits;
  }
  return cidrs;
}
