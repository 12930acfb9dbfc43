import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ConnectionSet } from '../../../src/connectivity/connection-set.ts';
import { diffConnections } from '../../../src/connectivity/diff.ts';
import { ConnectivityEngine } from '../../../src/connectivity/engine.ts';
import { formatParty, type Party } from '../../../src/connectivity/expand.ts';
import { parseAddress } from '../../../src/connectivity/ip.ts';
import { type Cluster, type Pod, PROTOCOLS, workloadOf } from '../../../src/connectivity/model.ts';
import { clusters, namespaces, policies, SAMPLE_IPS, SAMPLE_PORTS } from './arbitraries.ts';
import { type Endpoint, effectiveTypes, isAllowed } from './specification.ts';

/** `TCP 80`-like texts of the sample ports that may pass between two endpoints, by the specification. */
function specified(cluster: Cluster, source: Endpoint, destination: Endpoint): Set<string> {
  const result = new Set<string>();
  for (const protocol of PROTOCOLS) {
    for (const port of SAMPLE_PORTS) {
      if (isAllowed(cluster, source, destination, protocol, port)) result.add(`${protocol} ${port}`);
    }
  }
  return result;
}

function sampled(connections: ConnectionSet): Set<string> {
  return new Set(
    PROTOCOLS.flatMap((protocol) =>
      SAMPLE_PORTS.filter((port) => connections.has(protocol, port)).map((port) => `${protocol} ${port}`),
    ),
  );
}

const refOf = (endpoint: Endpoint) => (typeof endpoint === 'string' ? { ip: endpoint } : endpoint);

function workloadText(pod: Pod): string {
  const { kind, name } = workloadOf(pod);
  return `${pod.namespace}/${name}[${kind}]`;
}

const isIn = (party: Party, ip: string) => {
  if (party.type !== 'external') return false;
  const [first = '', last = ''] = party.range.split('-').map(parseAddress);
  const address = parseAddress(ip) ?? -1n;
  return (first as bigint) <= address && address <= (last as bigint);
};

/** Every pair of endpoints worth a line: two pods that are not the same, or a pod and an outside address. */
function pairsOf(cluster: Cluster): [Endpoint, Endpoint][] {
  const ends: Endpoint[] = [...cluster.pods, ...SAMPLE_IPS];
  return ends.flatMap((source) =>
    ends
      .filter(
        (destination) =>
          source !== destination && (typeof source !== 'string' || typeof destination !== 'string'),
      )
      .map((destination): [Endpoint, Endpoint] => [source, destination]),
  );
}

/** What the specification says of each pair of workloads (or workload and sample address). */
function byWorkload(cluster: Cluster, compute: (source: Endpoint, destination: Endpoint) => Set<string>) {
  const sums = new Map<string, Set<string>>();
  for (const [source, destination] of pairsOf(cluster)) {
    const text = (end: Endpoint) => (typeof end === 'string' ? end : workloadText(end));
    const key = `${text(source)} => ${text(destination)}`;
    sums.set(key, (sums.get(key) ?? new Set()).union(compute(source, destination)));
  }
  return nonEmpty(sums);
}

function nonEmpty(sums: Map<string, Set<string>>) {
  return Object.fromEntries(
    [...sums].filter(([, set]) => set.size > 0).map(([key, set]) => [key, [...set].sort()]),
  );
}

interface ListedLine {
  readonly source: Party;
  readonly destination: Party;
  readonly connections: ConnectionSet;
}

/** The engine's lines, with ranges read at the sample addresses. */
function listed(lines: Iterable<ListedLine>, cluster: Cluster) {
  const sums = new Map<string, Set<string>>();
  for (const { source, destination, connections } of lines) {
    const texts = (party: Party) =>
      party.type === 'workload' ? [formatParty(party)] : SAMPLE_IPS.filter((ip) => isIn(party, ip));
    for (const from of texts(source)) {
      for (const to of texts(destination)) {
        const key = `${from} => ${to}`;
        expect(sums.has(key), `${key} is listed twice in ${JSON.stringify(cluster)}`).toBe(false);
        sums.set(key, sampled(connections));
      }
    }
  }
  return nonEmpty(sums);
}

/** IPv6 is listed only where a pod has such an address or a rule that is in force names one. */
function knowsIPv6({ pods, policies: list }: Cluster): boolean {
  const inForce = list.flatMap((policy) => {
    const types = effectiveTypes(policy);
    return [types.includes('Ingress') && policy.spec.ingress, types.includes('Egress') && policy.spec.egress];
  });
  return /"(?:fd|::)/.test(JSON.stringify([pods.map(({ ips }) => ips), inForce]));
}

function withoutIPv6<T>(entries: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(entries).filter(([key]) => !/f[de]00:/.test(key)));
}

describe('the engine agrees with the specification', () => {
  test('on each connection and on the whole list, for random clusters', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(clusters, (cluster) => {
        const engine = new ConnectivityEngine(cluster);
        const expected = new Map(
          pairsOf(cluster).map((pair) => [pair, specified(cluster, ...pair)] as const),
        );
        for (const [[source, destination], allowed] of expected) {
          const verdict = engine.canConnect({ source: refOf(source), destination: refOf(destination) });
          expect(sampled(verdict.connections)).toEqual(allowed);
        }
        const bySpecification = byWorkload(cluster, (source, destination) => {
          for (const [[from, to], allowed] of expected)
            if (from === source && to === destination) return allowed;
          return new Set();
        });
        expect(listed(engine.connections(), cluster)).toEqual(
          knowsIPv6(cluster) ? bySpecification : withoutIPv6(bySpecification),
        );
      }),
      { numRuns: 2000 },
    );
  });

  test('on what a change cuts and opens', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(clusters, namespaces, policies, (before, newNamespaces, newPolicies) => {
        const after = { ...before, namespaces: newNamespaces, policies: newPolicies };
        const diff = diffConnections(before, after);
        const lines = [...diff.lines()];
        const both = { ...before, policies: [...before.policies, ...newPolicies] };
        const trim = (entries: Record<string, string[]>) =>
          knowsIPv6(both) ? entries : withoutIPv6(entries);
        for (const [what, from, to] of [
          ['cut', before, after],
          ['opened', after, before],
        ] as const) {
          const expected = byWorkload(before, (source, destination) =>
            specified(from, source, destination).difference(specified(to, source, destination)),
          );
          const actual = lines.map((line) => ({ ...line, connections: line.value[what] }));
          expect(listed(actual, before)).toEqual(trim(expected));
          const pairs = new Set(
            actual
              .filter(({ connections }) => !connections.isEmpty)
              .map(({ source, destination }) => [source, destination].map(outsideAsOne).join(' => ')),
          );
          expect(what === 'cut' ? diff.cutPairs : diff.openedPairs).toBe(pairs.size);
        }
        expect(groupedTexts(diff.groups())).toEqual(expect.arrayContaining(lines.map(lineText)));
      }),
      { numRuns: 300 },
    );
  });

  test('on the lines that touch a namespace', () => {
    fc.assert(
      fc.property(clusters, (cluster) => {
        const engine = new ConnectivityEngine(cluster);
        const touches = (party: Party) => party.type === 'workload' && party.namespace === 'shop';
        const all = [...engine.connections()].filter(
          (line) => touches(line.source) || touches(line.destination),
        );
        expect([...engine.connections(['shop'])]).toEqual(all);
      }),
      { numRuns: 200 },
    );
  });
});

const outsideAsOne = (party: Party) => (party.type === 'external' ? 'outside' : formatParty(party));
const lineText = ({ source, destination }: { source: Party; destination: Party }) =>
  `${outsideAsOne(source)} => ${outsideAsOne(destination)}`;

function groupedTexts(
  groups: Iterable<{ sources: readonly Party[]; destinations: readonly Party[] }>,
): string[] {
  return [...groups].flatMap(({ sources, destinations }) =>
    sources.flatMap((source) => destinations.map((destination) => lineText({ source, destination }))),
  );
}
