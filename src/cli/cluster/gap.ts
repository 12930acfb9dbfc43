/** What could not be seen, and what that leaves out of the answer. */
import type { ResourceType } from '../../api/kinds.ts';

/** Something that the user may not read, or that the server does not serve. */
export interface Gap {
  readonly reason: 'forbidden' | 'not-served' | 'refused';
  /** The permission that is missing, such as `list pods`. */
  readonly permission: string;
  /** Where it is missing; undefined for all namespaces, or the cluster. */
  readonly namespace: string | undefined;
  /** What the answer lacks for it. */
  readonly consequence: string;
}

/** How RBAC and `kubectl auth can-i` name a resource: `networkpolicies.networking.k8s.io`. */
export function resourceName({ plural, group }: Pick<ResourceType, 'plural' | 'group'>): string {
  return group === '' ? plural : `${plural}.${group}`;
}

/** A line for people, without a mark in front. */
export function describeGap({ reason, permission, namespace, consequence }: Gap): string {
  const where = namespace === undefined ? 'in all namespaces' : `in namespace ${namespace}`;
  switch (reason) {
    case 'forbidden':
      return `you may not ${permission} ${where}: ${consequence}`;
    case 'not-served':
      return `the cluster does not serve ${permission.split(' ').at(-1)}: ${consequence}`;
    case 'refused':
      return `${permission} was refused: ${consequence}`;
  }
}

/** The lines that say that an answer is partial; none where it is not. */
export function partialLines(gaps: readonly Gap[]): readonly string[] {
  if (gaps.length === 0) return [];
  const lines = [...new Set(gaps.map(describeGap))];
  const missing = new Set(gaps.filter(({ reason }) => reason === 'forbidden').map((gap) => gap.permission));
  return [
    'PARTIAL: this is not everything.',
    ...lines.map((line) => `  ${line}`),
    ...(missing.size > 0
      ? [
          `Ask whoever manages RBAC for: ${[...missing].join(', ')}. To check: kubectl auth can-i VERB RESOURCE -A`,
        ]
      : []),
  ];
}
