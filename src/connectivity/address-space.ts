import { Bits } from './bits.ts';
import { type Interval, type Intervals, intervalSet, subtract } from './intervals.ts';
import { ALL_IPV4, ALL_IPV6, isIPv6, parseCidr } from './ip.ts';
import type { IPBlock } from './model.ts';

interface Node {
  readonly range: Interval<bigint>;
  readonly parent: number | undefined;
  /** One past the last node inside this one. */
  end: number;
}

/**
 * All addresses, cut into the parts that no ipBlock of the policies tells apart.
 *
 * CIDRs never overlap halfway: of two, one holds the other or they are apart. All CIDRs of all policies
 * (exceptions too) so form a tree, and which ipBlocks hold an address follows from the innermost CIDR around
 * it. Numbered in preorder, the insides of a CIDR are a run of numbers, and an ipBlock is a few runs. The
 * roots are the whole of IPv4 and of IPv6.
 */
export class AddressSpace {
  readonly #nodes: Node[] = [];
  readonly #byStart: bigint[] = [];
  readonly #index = new Map<string, number>();

  constructor(blocks: Iterable<IPBlock>) {
    const ranges = new Map<string, Interval<bigint>>(
      [ALL_IPV4, ALL_IPV6].map((range) => [range.join(), range]),
    );
    for (const { cidr, except = [] } of blocks) {
      for (const text of [cidr, ...except]) {
        const range = parseCidr(text);
        if (range !== undefined) ranges.set(range.join(), range);
      }
    }
    const open: number[] = [];
    for (const range of [...ranges.values()].sort(outermostFirst)) {
      const at = this.#nodes.length;
      while (open.length > 0 && this.#node(open.at(-1) ?? 0).range[1] <= range[0])
        this.#node(open.pop() ?? 0).end = at;
      this.#nodes.push({ range, parent: open.at(-1), end: at + 1 });
      this.#byStart.push(range[0]);
      this.#index.set(range.join(), at);
      open.push(at);
    }
    for (const at of open) this.#node(at).end = this.#nodes.length;
  }

  get size(): number {
    return this.#nodes.length;
  }

  /** The part that an address is in. */
  partOf(address: bigint): number {
    let low = 0;
    let high = this.#byStart.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#byStart[middle] ?? 0n) <= address) low = middle + 1;
      else high = middle;
    }
    let part: number | undefined = low - 1;
    while (part !== undefined && this.#node(part).range[1] <= address) part = this.#node(part).parent;
    if (part === undefined) throw new RangeError(`${address} is not an address of either family`);
    return part;
  }

  /** The parts that an ipBlock matches. The block must be among those given to the constructor. */
  partsOf({ cidr, except = [] }: IPBlock): Bits {
    return except.reduce((parts, text) => parts.andNot(this.#inside(text)), this.#inside(cidr));
  }

  /** The addresses of one part: its CIDR without the CIDRs inside. */
  addressesOf(part: number): Intervals<bigint> {
    const node = this.#node(part);
    const inner: Interval<bigint>[] = [];
    for (let child = part + 1; child < node.end; child = this.#node(child).end)
      inner.push(this.#node(child).range);
    return subtract([node.range], intervalSet(inner));
  }

  isIPv6(part: number): boolean {
    return isIPv6(this.#node(part).range[0]);
  }

  #inside(cidr: string): Bits {
    const at = this.#index.get(parseCidr(cidr)?.join() ?? '');
    return at === undefined ? Bits.empty : Bits.range(at, this.#node(at).end);
  }

  #node(at: number): Node {
    const node = this.#nodes[at];
    if (node === undefined) throw new RangeError(`there is no address part ${at}`);
    return node;
  }
}

function outermostFirst(a: Interval<bigint>, b: Interval<bigint>): number {
  if (a[0] !== b[0]) return a[0] < b[0] ? -1 : 1;
  return a[1] > b[1] ? -1 : 1;
}
