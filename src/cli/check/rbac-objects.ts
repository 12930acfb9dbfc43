/** Roles and bindings among the objects, part by part. */
import type { Field } from '../manifests/field.ts';
import type { ManifestObject } from '../manifests/manifest-object.ts';

const rbacGroup = 'rbac.authorization.k8s.io';

/** A rule of a Role or ClusterRole. */
export interface RoleRule {
  readonly object: ManifestObject;
  readonly field: Field;
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** Whether it is for some objects only, by name. */
  readonly isNamed: boolean;
}

/** All rules of the Roles and ClusterRoles. */
export function roleRules(objects: readonly ManifestObject[]): readonly RoleRule[] {
  return objects
    .filter(({ kind, group }) => group === rbacGroup && (kind === 'Role' || kind === 'ClusterRole'))
    .flatMap((object) =>
      object.root.at('rules').items.map((field) => ({
        object,
        field,
        apiGroups: textsOf(field.at('apiGroups')),
        resources: textsOf(field.at('resources')),
        verbs: textsOf(field.at('verbs')),
        isNamed: textsOf(field.at('resourceNames')).length > 0,
      })),
    );
}

/** Whether a rule lets one do one of the verbs to a resource of a group; wildcards count. */
export function permits(rule: RoleRule, group: string, resource: string, verbs: readonly string[]): boolean {
  const subresource = resource.includes('/') ? `*/${resource.split('/')[1]}` : undefined;
  return (
    rule.apiGroups.some((given) => given === '*' || given === group) &&
    rule.resources.some((given) => given === '*' || given === resource || given === subresource) &&
    rule.verbs.some((given) => given === '*' || verbs.includes(given))
  );
}

/** Whether the rule has a wildcard, which the rule about those reports. */
export function hasWildcard({ apiGroups, resources, verbs }: RoleRule): boolean {
  return [...apiGroups, ...resources, ...verbs].includes('*');
}

/** The RoleBindings and ClusterRoleBindings. */
export function bindings(objects: readonly ManifestObject[]): readonly ManifestObject[] {
  return objects.filter(
    ({ kind, group }) => group === rbacGroup && (kind === 'RoleBinding' || kind === 'ClusterRoleBinding'),
  );
}

function textsOf(list: Field): readonly string[] {
  return list.items.flatMap(({ text }) => text ?? []);
}
