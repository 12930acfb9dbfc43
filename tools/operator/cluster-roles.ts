/** Aggregated ClusterRoles: their rules are put together by the controller manager, a moment after what they select has changed. */
import { type AnyLabelSelector, matchesSelector } from '../../src/api/label-selector.ts';
import type { RbacRule } from '../../src/api/objects.ts';
import type { ApiClient } from '../../src/kube/api-client.ts';
import { ResourceClient } from '../../src/kube/resource-client.ts';
import { untilComplete } from './until.ts';

/** A ClusterRole as served. */
export interface ClusterRole {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly rules?: readonly RbacRule[] | null;
  readonly aggregationRule?: { readonly clusterRoleSelectors?: readonly AnyLabelSelector[] };
}

const definition = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'clusterroles',
  namespaced: false,
};

/**
 * Resolves when every aggregated ClusterRole has the rules of those that it selects, and no others. The operator asks for nothing by
 * what it has not been given yet, so this is what to wait for between an installation and its start.
 *
 * @throws after 30 seconds, with the names of those that are not
 */
export async function untilAggregated(client: ApiClient): Promise<void> {
  const clusterRoles = new ResourceClient<ClusterRole>(client, definition);
  await untilComplete(async () => {
    const waiting = notAggregated((await clusterRoles.list()).items);
    return waiting.length === 0 ? undefined : `ClusterRoles ${waiting.join(', ')} are aggregated`;
  });
}

/** Names the aggregated ClusterRoles whose rules are not (yet) those of the ones that they select. */
export function notAggregated(clusterRoles: readonly ClusterRole[]): readonly string[] {
  return clusterRoles
    .filter((role) => !isAggregated(role, clusterRoles))
    .map(({ metadata }) => metadata.name);
}

function isAggregated(role: ClusterRole, all: readonly ClusterRole[]): boolean {
  const selectors = role.aggregationRule?.clusterRoleSelectors ?? [];
  if (selectors.length === 0) return true;
  const selected = all.filter(
    ({ metadata }) =>
      metadata.name !== role.metadata.name &&
      selectors.some((selector) => matchesSelector(selector, metadata.labels ?? {})),
  );
  // The API server writes the fields of each rule in one order.
  const wanted = new Set(selected.flatMap(({ rules }) => rules ?? []).map((rule) => JSON.stringify(rule)));
  const has = new Set((role.rules ?? []).map((rule) => JSON.stringify(rule)));
  return wanted.size === has.size && wanted.isSubsetOf(has);
}
