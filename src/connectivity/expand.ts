import type { Bits } from './bits.ts';
import type { Interval } from './intervals.ts';
import { formatRange } from './ip.ts';
import type { Parties, Unit } from './parties.ts';

/** An end of a listed connection. */
export type Party =
  | { readonly type: 'workload'; readonly namespace: string; readonly kind: string; readonly name: string }
  | { readonly type: 'external'; readonly range: string };

/** `shop/api[Deployment]`, or `10.0.0.0-10.255.255.255`. */
export function formatParty(party: Party): string {
  return party.type === 'external' ? party.range : `${party.namespace}/${party.name}[${party.kind}]`;
}

/** What a source has with some destinations. */
export interface Cell<V> {
  readonly value: V;
  readonly members: Bits;
}

/** How cells add up over the units of a workload, and which values are shown as one. */
export interface Values<V> {
  readonly merge: (a: V, b: V) => V;
  readonly key: (value: V) => string;
}

/** One line of a list. */
export interface Line<V> {
  readonly source: Party;
  readonly destination: Party;
  readonly value: V;
}

/** The units of each workload, side by side in the numbering. */
export function workloads(parties: Parties): Unit[][] {
  const groups = Map.groupBy(
    parties.units,
    ({ namespace, workload }) => `${namespace}/${workload.name}[${workload.kind}]`,
  );
  return [...groups.values()];
}

export function externalParty(range: Interval<bigint>): Party {
  return { type: 'external', range: formatRange(range) };
}

export function workloadParty({ namespace, workload }: Unit): Party {
  return { type: 'workload', namespace, kind: workload.kind, name: workload.name };
}

/**
 * The parts of the address space worth listing. IPv6 stays out of a cluster whose policies and pods know
 * only IPv4, where it would double every external line and say the same.
 */
export function listedParts(parties: Parties): number[] {
  const parts = Array.from({ length: parties.addresses.size }, (_, part) => part);
  const ipv6 = parts.filter((part) => parties.addresses.isIPv6(part));
  const usesIPv6 = ipv6.length > 1 || parties.ipv6;
  return usesIPv6 ? parts : parts.filter((part) => !parties.addresses.isIPv6(part));
}

/**
 * Writes rows out as lines, workload by workload: the units of a workload add up, a single pod's traffic to
 * itself is left out, and parts of the address space with equal values are joined into ranges. Sources and
 * destinations outside of the cluster come first, the rest in order of namespace and name. Lazy: a caller
 * that stops early has paid only for what it read.
 */
export function* expand<V>(
  parties: Parties,
  rowOf: (party: number) => Iterable<Cell<V>>,
  values: Values<V>,
): Generator<Line<V>> {
  const groups = workloads(parties);
  const groupOf = groups.flatMap((units, group) => units.map(() => group));
  const named = groups.map(([first]) => (first === undefined ? undefined : workloadParty(first)));
  const listed = listedParts(parties);
  const addTo = (sums: Map<number, V>, key: number, value: V) => {
    const sum = sums.get(key);
    sums.set(key, sum === undefined ? value : values.merge(sum, value));
  };

  const fromOutside: { range: Interval<bigint>; group: number; value: V }[] = [];
  const received = new Map<number, Map<number, V>>();
  for (const part of listed) {
    for (const { value, members } of rowOf(parties.partyOf(part))) {
      for (const member of members) {
        const group = groupOf[member];
        if (group === undefined) continue;
        const sums = received.get(group) ?? new Map<number, V>();
        addTo(sums, part, value);
        received.set(group, sums);
      }
    }
  }
  for (const [group, sums] of received) {
    fromOutside.push(...ranges(parties, sums, values).map((range) => ({ ...range, group })));
  }
  fromOutside.sort((a, b) => compareRanges(a.range, b.range) || a.group - b.group);
  for (const { range, group, value } of fromOutside) {
    const destination = named[group];
    if (destination !== undefined) yield { source: externalParty(range), destination, value };
  }

  const shown = new Set(listed);
  for (const [group, units] of groups.entries()) {
    const source = named[group];
    if (source === undefined) continue;
    const inside = new Map<number, V>();
    const outside = new Map<number, V>();
    for (const unit of units) {
      for (const { value, members } of rowOf(unit.index)) {
        for (const member of members) {
          const part = parties.partOf(member);
          if (part !== undefined) {
            if (shown.has(part)) addTo(outside, part, value);
          } else if (member !== unit.index || !unit.single) addTo(inside, groupOf[member] ?? 0, value);
        }
      }
    }
    for (const { range, value } of ranges(parties, outside, values)) {
      yield { source, destination: externalParty(range), value };
    }
    for (const [at, value] of [...inside].sort(([a], [b]) => a - b)) {
      const destination = named[at];
      if (destination !== undefined) yield { source, destination, value };
    }
  }
}

function compareRanges([a, aEnd]: Interval<bigint>, [b, bEnd]: Interval<bigint>): number {
  if (a !== b) return a < b ? -1 : 1;
  return aEnd === bEnd ? 0 : aEnd < bEnd ? -1 : 1;
}

/** A value for each part of the address space, as one for each range. */
function ranges<V>(
  parties: Parties,
  byPart: ReadonlyMap<number, V>,
  values: Values<V>,
): { range: Interval<bigint>; value: V }[] {
  const groups = Map.groupBy(byPart, ([, value]) => values.key(value));
  return [...groups.values()]
    .flatMap((group) => {
      const [first] = group;
      if (first === undefined) return [];
      return parties.rangesOf(group.map(([part]) => part)).map((range) => ({ range, value: first[1] }));
    })
    .sort((a, b) => compareRanges(a.range, b.range));
}
