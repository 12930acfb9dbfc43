/** Which baselines select a namespace. */
import { type Labels, matchesSelector } from '../api/label-selector.ts';
import type { SecurityBaseline } from '../api/types.generated.ts';

/** What selecting needs to know of a namespace. */
export interface NamespaceIdentity {
  readonly name: string;
  readonly labels: Labels;
}

/** Namespaces of the cluster itself: never touched, whatever a baseline says. */
export const systemNamespaces: readonly string[] = ['kube-system', 'kube-public', 'kube-node-lease'];

/** Whether the baseline's selector matches and none of its exclusions does. Protected namespaces are the caller's matter. */
export function selects(baseline: SecurityBaseline, namespace: NamespaceIdentity): boolean {
  return (
    baseline.metadata.deletionTimestamp === undefined &&
    matchesSelector(baseline.spec.namespaceSelector, namespace.labels) &&
    !(baseline.spec.excludeNamespaces ?? []).some((glob) => matchesGlob(glob, namespace.name))
  );
}

/**
 * Whether a name matches a glob in which `*` stands for any run of characters. Linear in the name's length for
 * each `*`, so that no glob can be made slow on purpose.
 */
export function matchesGlob(glob: string, name: string): boolean {
  const [first = '', ...rest] = glob.split('*');
  if (rest.length === 0) return name === glob;
  if (!name.startsWith(first)) return false;
  const last = rest.pop() ?? '';
  let position = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, position);
    if (found < 0) return false;
    position = found + part.length;
  }
  return name.length - last.length >= position && name.endsWith(last);
}

/** Whether the baseline writes, rather than only reports. */
export function isEnforcing(baseline: SecurityBaseline): boolean {
  return (baseline.spec.mode ?? 'Enforce') === 'Enforce';
}

/** Highest priority first, then by name: the one order in which baselines win where they cannot both hold. */
export function byPrecedence(a: SecurityBaseline, b: SecurityBaseline): number {
  const priority = (b.spec.priority ?? 100) - (a.spec.priority ?? 100);
  if (priority !== 0) return priority;
  return a.metadata.name < b.metadata.name ? -1 : a.metadata.name > b.metadata.name ? 1 : 0;
}
