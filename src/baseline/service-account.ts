/**
 * ServiceAccounts, each with a Role of its own, and bindings to that and to ClusterRoles.
 * Source: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
 */
import { managedKinds } from '../api/kinds.ts';
import { pullSecretsAnnotation } from '../api/labels.ts';
import { objectName } from '../api/names.ts';
import type { SecurityBaseline, ServiceAccountItem } from '../api/types.generated.ts';
import type { ClusterFacts } from './cluster-facts.ts';
import type { DesiredObject, Problem } from './desired-state.ts';
import { describeRule, notBindable, notGrantable } from './grantable.ts';
import { desiredObject, refOf } from './manifest.ts';

/**
 * The ServiceAccounts of all selecting baselines. Names are the users' own, so two baselines may ask for the same one: the
 * first wins, and the other is told.
 *
 * @param baselines by precedence
 */
export function serviceAccounts(
  baselines: readonly SecurityBaseline[],
  cluster: ClusterFacts,
): { readonly objects: readonly DesiredObject[]; readonly problems: readonly Problem[] } {
  const winners = new Map<string, SecurityBaseline>();
  const objects: DesiredObject[] = [];
  const problems: Problem[] = [];
  for (const baseline of baselines) {
    for (const item of baseline.spec.serviceAccounts ?? []) {
      const winner = winners.get(item.name);
      if (winner !== undefined) {
        problems.push(overridden(baseline, item, winner));
        continue;
      }
      winners.set(item.name, baseline);
      objects.push(serviceAccount(baseline, item));
      const missing = notGrantable(item.rules ?? [], cluster.grantable);
      if (missing.length > 0) problems.push(rulesNotGrantable(baseline, item, missing.map(describeRule)));
      else if (item.rules !== undefined) objects.push(role(baseline, item), ownRoleBinding(baseline, item));
      const unbound = notBindable(item.clusterRoles ?? [], cluster.grantable);
      if (unbound.length > 0) problems.push(clusterRolesNotGrantable(baseline, item, unbound));
      for (const clusterRole of item.clusterRoles ?? []) {
        if (!unbound.includes(clusterRole)) objects.push(clusterRoleBinding(baseline, item, clusterRole));
      }
    }
  }
  return { objects, problems };
}

function serviceAccount(baseline: SecurityBaseline, item: ServiceAccountItem): DesiredObject {
  const secrets = item.imagePullSecrets ?? [];
  return desiredObject(baseline, {
    kind: 'ServiceAccount',
    item: item.name,
    name: item.name,
    ...(secrets.length > 0 ? { annotations: { [pullSecretsAnnotation]: secrets.join(',') } } : {}),
    content: {
      automountServiceAccountToken: item.automountToken ?? false,
      ...(secrets.length > 0 ? { imagePullSecrets: secrets.map((name) => ({ name })) } : {}),
    },
  });
}

function role(baseline: SecurityBaseline, item: ServiceAccountItem): DesiredObject {
  return desiredObject(baseline, { kind: 'Role', item: item.name, content: { rules: item.rules } });
}

function ownRoleBinding(baseline: SecurityBaseline, item: ServiceAccountItem): DesiredObject {
  const role = { kind: 'Role', name: objectName(baseline.metadata.name, item.name) };
  return roleBinding(baseline, item, item.name, role);
}

/** A ServiceAccount's name holds no dot, so that one binding's name is never another's. */
function clusterRoleBinding(
  baseline: SecurityBaseline,
  item: ServiceAccountItem,
  clusterRole: string,
): DesiredObject {
  const role = { kind: 'ClusterRole', name: clusterRole };
  return roleBinding(baseline, item, `${item.name}.${clusterRole}`, role);
}

/** Its subject is in the namespace that the binding is written to; that is filled in then. */
function roleBinding(
  baseline: SecurityBaseline,
  account: ServiceAccountItem,
  item: string,
  role: { readonly kind: string; readonly name: string },
): DesiredObject {
  return desiredObject(baseline, {
    kind: 'RoleBinding',
    grantsTo: account.name,
    item,
    content: {
      roleRef: { apiGroup: managedKinds.Role.group, ...role },
      subjects: [{ kind: 'ServiceAccount', name: account.name }],
    },
  });
}

function overridden(baseline: SecurityBaseline, item: ServiceAccountItem, winner: SecurityBaseline): Problem {
  return {
    baseline: refOf(baseline),
    reason: 'ServiceAccountOverridden',
    missing: false,
    message:
      `spec.serviceAccounts[${item.name}]: baseline ${winner.metadata.name} gives a ServiceAccount of this name in namespaces that ` +
      'both select; use another name, or give this baseline the higher priority',
  };
}

function rulesNotGrantable(
  baseline: SecurityBaseline,
  item: ServiceAccountItem,
  missing: readonly string[],
): Problem {
  return {
    baseline: refOf(baseline),
    reason: 'RulesNotGrantable',
    missing: true,
    message:
      `spec.serviceAccounts[${item.name}].rules: not grantable: ${listed(missing)}; add them to a ClusterRole labelled ` +
      'securitybaseline.io/grantable: "true" (never grantable: the managed kinds, changes of namespaces, and the verbs bind, escalate and impersonate)',
  };
}

function clusterRolesNotGrantable(
  baseline: SecurityBaseline,
  item: ServiceAccountItem,
  unbound: readonly string[],
): Problem {
  return {
    baseline: refOf(baseline),
    reason: 'ClusterRolesNotGrantable',
    missing: true,
    message:
      `spec.serviceAccounts[${item.name}].clusterRoles: not grantable: ${listed(unbound)}; name them in resourceNames of a rule with the ` +
      'verb bind on clusterroles.rbac.authorization.k8s.io, in a ClusterRole labelled securitybaseline.io/grantable: "true" ' +
      '(cluster-admin is never grantable)',
  };
}

/** The first few: a condition's message is bounded. */
function listed(missing: readonly string[]): string {
  return missing.slice(0, 8).join('; ') + (missing.length > 8 ? `; and ${missing.length - 8} more` : '');
}
