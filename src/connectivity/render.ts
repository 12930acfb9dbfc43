import type { Connection } from './engine.ts';
import { formatParty, type Party } from './expand.ts';

/** `src[kind] => dst[kind] : connections`, a line each. */
export function renderList(connections: Iterable<Connection>): string {
  return lines(
    Iterator.from(connections).map(
      ({ source, destination, connections: allowed }) =>
        `${formatParty(source)} => ${formatParty(destination)} : ${allowed}`,
    ),
  );
}

/** A table with a row per source and a column per destination, in Markdown; `-` where nothing may pass. */
export function renderMatrix(connections: Iterable<Connection>): string {
  const destinations = new Set<string>();
  const rows = new Map<string, Map<string, string>>();
  for (const { source, destination, connections: allowed } of connections) {
    const to = formatParty(destination);
    destinations.add(to);
    const row = rows.get(formatParty(source)) ?? new Map<string, string>();
    rows.set(formatParty(source), row.set(to, allowed.isAll ? 'All' : allowed.toString()));
  }
  const columns = [...destinations];
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return lines([
    line(['from \\ to', ...columns]),
    `|${'---|'.repeat(columns.length + 1)}`,
    ...[...rows].map(([from, row]) => line([from, ...columns.map((to) => row.get(to) ?? '-')])),
  ]);
}

/** A Mermaid flowchart with a box per namespace. https://mermaid.js.org/syntax/flowchart.html */
export function renderMermaid(connections: Iterable<Connection>): string {
  const { namespaces, edges } = toGraph(connections);
  const text = (label: string) => `"${label.replaceAll('#', '#35;').replaceAll('"', '#quot;')}"`;
  return lines([
    'flowchart LR',
    ...namespaces.flatMap(({ namespace, nodes }, i) => {
      const inner = nodes.map(({ id, label }) => `${id}[${text(label)}]`);
      if (namespace === undefined) return inner.map((node) => `  ${node}`);
      return [`  subgraph ns${i}[${text(namespace)}]`, ...inner.map((node) => `    ${node}`), '  end'];
    }),
    ...edges.map(({ from, to, label }) => `  ${from} -->|${text(label)}| ${to}`),
  ]);
}

/** A Graphviz digraph with a cluster per namespace. https://graphviz.org/doc/info/lang.html */
export function renderDot(connections: Iterable<Connection>): string {
  const { namespaces, edges } = toGraph(connections);
  const text = (label: string) => `"${label.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  return lines([
    'digraph {',
    ...namespaces.flatMap(({ namespace, nodes }, i) => {
      const inner = nodes.map(({ id, label }) => `${id} [label=${text(label)}]`);
      if (namespace === undefined) return inner.map((node) => `  ${node}`);
      return [
        `  subgraph cluster_${i} {`,
        `    label=${text(namespace)}`,
        ...inner.map((node) => `    ${node}`),
        '  }',
      ];
    }),
    ...edges.map(({ from, to, label }) => `  ${from} -> ${to} [label=${text(label)}]`),
    '}',
  ]);
}

interface Graph {
  /** The outside of the cluster has no namespace. */
  readonly namespaces: {
    readonly namespace: string | undefined;
    readonly nodes: { id: string; label: string }[];
  }[];
  readonly edges: { readonly from: string; readonly to: string; readonly label: string }[];
}

/** Nodes are numbered in the order of the list: names from a cluster are labels here, never identifiers. */
function toGraph(connections: Iterable<Connection>): Graph {
  const ids = new Map<string, string>();
  const namespaces = new Map<string | undefined, { id: string; label: string }[]>();
  const idOf = (party: Party): string => {
    const key = formatParty(party);
    const known = ids.get(key);
    if (known !== undefined) return known;
    const id = `n${ids.size}`;
    ids.set(key, id);
    const namespace = party.type === 'workload' ? party.namespace : undefined;
    const label = party.type === 'workload' ? `${party.name}[${party.kind}]` : party.range;
    const nodes = namespaces.get(namespace) ?? [];
    nodes.push({ id, label });
    namespaces.set(namespace, nodes);
    return id;
  };
  const edges = Array.from(connections, ({ source, destination, connections: allowed }) => ({
    from: idOf(source),
    to: idOf(destination),
    label: allowed.toString(),
  }));
  return { namespaces: [...namespaces].map(([namespace, nodes]) => ({ namespace, nodes })), edges };
}

function lines(all: Iterable<string>): string {
  return Array.from(all, (line) => `${line}\n`).join('');
}
