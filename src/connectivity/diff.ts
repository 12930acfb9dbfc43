import { Bits } from './bits.ts';
import { ConnectionSet } from './connection-set.ts';
import {
  type Cell,
  expand,
  externalParty,
  type Line,
  listedParts,
  type Party,
  workloadParty,
  workloads,
} from './expand.ts';
import type { Layer, Layers } from './layers.ts';
import { type Cluster, namespaceLabels } from './model.ts';
import { Parties } from './parties.ts';
import { normalizePolicy } from './policy.ts';
import { Reachability } from './reachability.ts';

/** What changes between a source and a destination. */
export interface Change {
  readonly before: ConnectionSet;
  readonly after: ConnectionSet;
  /** Could be opened before, and no longer. */
  readonly cut: ConnectionSet;
  /** Could not be opened before, and now can. */
  readonly opened: ConnectionSet;
}

/** Many equal changes as one: from each of the sources to each of the destinations, but no pod to itself. */
export interface ChangeGroup extends Change {
  readonly sources: readonly Party[];
  readonly destinations: readonly Party[];
}

/** The connections that a change of policies or namespace labels cuts and opens. */
export interface ConnectionDiff {
  /** Pairs of workload and workload (or the outside) that lose something. */
  readonly cutPairs: number;
  /** Pairs that gain something. */
  readonly openedPairs: number;
  /** One line per pair, in a stable order. Lazy: a default deny for a fleet cuts millions of pairs. */
  lines(): Generator<Line<Change>>;
  /** The same, condensed: sources that change alike are one group. */
  groups(): Generator<ChangeGroup>;
}

interface DiffRow {
  readonly cells: readonly Cell<Change>[];
  readonly sources: number[];
}

/**
 * Compares what the pods that run now may do before and after. The pods are those of `before`: a plan asks
 * what happens to what runs.
 */
export function diffConnections(
  before: Cluster,
  after: Pick<Cluster, 'namespaces' | 'policies'>,
): ConnectionDiff {
  const oldPolicies = before.policies.map(normalizePolicy);
  const newPolicies = after.policies.map(normalizePolicy);
  const parties = new Parties(before.pods, [...oldPolicies, ...newPolicies]);
  const old = new Reachability(parties, oldPolicies, namespaceLabels(before));
  const now = new Reachability(parties, newPolicies, namespaceLabels(after));
  const listed = listedParts(parties);
  const rows = diffRows(parties, listed, old, now);
  const rowOf = new Map(rows.flatMap((row) => row.sources.map((party) => [party, row.cells] as const)));
  return {
    cutPairs: countPairs(parties, listed, rowOf, ({ cut }) => !cut.isEmpty),
    openedPairs: countPairs(parties, listed, rowOf, ({ opened }) => !opened.isEmpty),
    lines: () => expand(parties, (party) => rowOf.get(party) ?? [], { merge: mergeChanges, key: changeKey }),
    groups: () => groupsOf(parties, rows),
  };
}

/** Each distinct row of changes once, with the sources that have it. */
function diffRows(
  parties: Parties,
  listed: readonly number[],
  old: Reachability,
  now: Reachability,
): DiffRow[] {
  const visible = parties.inCluster.or(Bits.of(listed.map((part) => parties.partyOf(part))));
  const byRows = new Map<string, DiffRow>();
  const byContent = new Map<number, DiffRow[]>();
  for (const party of visible) {
    const a = old.row(party);
    const b = now.row(party);
    const key = `${a.key} => ${b.key}`;
    let row = byRows.get(key);
    if (row === undefined) {
      const cells = changedCells(a.destinations.within(visible), b.destinations.within(visible));
      const hash = cells.reduce((sum, { members }) => sum ^ members.hash, cells.length);
      const alike = byContent.get(hash) ?? [];
      row = alike.find((other) => sameCells(other.cells, cells));
      if (row === undefined) {
        row = { cells, sources: [] };
        byContent.set(hash, [...alike, row]);
      }
      byRows.set(key, row);
    }
    row.sources.push(party);
  }
  return [...byContent.values()].flat().filter(({ cells }) => cells.length > 0);
}

function changedCells(before: Layers, after: Layers): Cell<Change>[] {
  // What stays as it was goes first: then the rest is small, and comparing all with all is cheap.
  const old = without(before, after);
  const now = without(after, before);
  const cells: Cell<Change>[] = [];
  const add = (from: ConnectionSet, to: ConnectionSet, members: Bits) => {
    if (!members.isEmpty) cells.push({ value: change(from, to), members });
  };
  for (const a of old) {
    for (const b of now) add(a.connections, b.connections, a.members.and(b.members));
  }
  const hadSome = all(old);
  const haveSome = all(now);
  for (const { connections, members } of old) add(connections, ConnectionSet.none, members.andNot(haveSome));
  for (const { connections, members } of now) add(ConnectionSet.none, connections, members.andNot(hadSome));
  return cells.sort((a, b) => (changeKey(a.value) < changeKey(b.value) ? -1 : 1));
}

/** The layers less what the other ones say too. */
function without(layers: Layers, others: Layers): Layer[] {
  return [...layers]
    .map(({ connections, members }) => ({ connections, members: members.andNot(others.having(connections)) }))
    .filter(({ members }) => !members.isEmpty);
}

function all(layers: readonly Layer[]): Bits {
  return layers.reduce((sum, { members }) => sum.or(members), Bits.empty);
}

function change(before: ConnectionSet, after: ConnectionSet): Change {
  return { before, after, cut: before.subtract(after), opened: after.subtract(before) };
}

/** Over the units of a workload: what any of them loses is lost, whatever the others keep. */
function mergeChanges(a: Change, b: Change): Change {
  return {
    before: a.before.union(b.before),
    after: a.after.union(b.after),
    cut: a.cut.union(b.cut),
    opened: a.opened.union(b.opened),
  };
}

function changeKey({ before, after, cut, opened }: Change): string {
  return [before.key, after.key, cut.key, opened.key].join(' ');
}

function sameCells(a: readonly Cell<Change>[], b: readonly Cell<Change>[]): boolean {
  return (
    a.length === b.length &&
    a.every((cell, i) => {
      const other = b[i];
      return (
        other !== undefined &&
        changeKey(cell.value) === changeKey(other.value) &&
        cell.members.equals(other.members)
      );
    })
  );
}

/** Counts pairs without writing them out. All that is outside of the cluster counts as one party. */
function countPairs(
  parties: Parties,
  listed: readonly number[],
  rowOf: ReadonlyMap<number, readonly Cell<Change>[]>,
  counts: (change: Change) => boolean,
): number {
  const groups = workloads(parties);
  const groupOf = groups.flatMap((units, group) => units.map(() => group));
  const affected = new Map<readonly Cell<Change>[], { members: Bits; destinations: number }>();
  const affectedBy = (party: number) => {
    const cells = rowOf.get(party) ?? [];
    let known = affected.get(cells);
    if (known === undefined) {
      const members = cells
        .filter(({ value }) => counts(value))
        .reduce((sum, cell) => sum.or(cell.members), Bits.empty);
      known = { members, destinations: countDestinations(members) };
      affected.set(cells, known);
    }
    return known;
  };
  const countDestinations = (members: Bits) => {
    const seen = new Set<number>();
    for (const member of members) seen.add(groupOf[member] ?? -1);
    return seen.size;
  };
  const outside = listed.reduce((sum, part) => sum.or(affectedBy(parties.partyOf(part)).members), Bits.empty);
  return groups.reduce((total, units) => {
    const [first] = units;
    if (first === undefined) return total;
    if (units.length === 1) {
      const { members, destinations } = affectedBy(first.index);
      return total + destinations - (first.single && members.has(first.index) ? 1 : 0);
    }
    const members = units.reduce((sum, { index, single }) => {
      const reached = affectedBy(index).members;
      return sum.or(single ? reached.andNot(Bits.of([index])) : reached);
    }, Bits.empty);
    return total + countDestinations(members);
  }, countDestinations(outside));
}

function* groupsOf(parties: Parties, rows: readonly DiffRow[]): Generator<ChangeGroup> {
  const partyAt = workloads(parties).flatMap((units) => {
    const [first] = units;
    return first === undefined ? [] : Array<Party>(units.length).fill(workloadParty(first));
  });
  const describe = (members: Iterable<number>): Party[] => {
    const inside = new Set<Party>();
    const parts: number[] = [];
    for (const member of members) {
      const part = parties.partOf(member);
      const workload = partyAt[member];
      if (part !== undefined) parts.push(part);
      else if (workload !== undefined) inside.add(workload);
    }
    return [...parties.rangesOf(parts).map(externalParty), ...inside];
  };
  for (const { cells, sources } of rows) {
    const own = onlySelf(parties, sources);
    for (const { value, members } of cells) {
      const reached = members.andNot(own);
      if (!reached.isEmpty) yield { ...value, sources: describe(sources), destinations: describe(reached) };
    }
  }
}

/** A lone source that is a single pod: then the group is not to say that it reaches itself. */
function onlySelf(parties: Parties, sources: readonly number[]): Bits {
  const [only] = sources;
  if (only === undefined || sources.length > 1 || parties.partOf(only) !== undefined) return Bits.empty;
  return parties.unit(only).single ? Bits.of(sources) : Bits.empty;
}
