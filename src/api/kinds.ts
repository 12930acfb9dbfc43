/** The kinds that the operator writes into namespaces, and where the API server keeps them. */

/** Where a resource is served. */
export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

const rbac = 'rbac.authorization.k8s.io';

/** The managed kinds. Their order is the order in which they are listed to people. */
export const managedKinds = {
  NetworkPolicy: { group: 'networking.k8s.io', version: 'v1', plural: 'networkpolicies' },
  ResourceQuota: { group: '', version: 'v1', plural: 'resourcequotas' },
  LimitRange: { group: '', version: 'v1', plural: 'limitranges' },
  ServiceAccount: { group: '', version: 'v1', plural: 'serviceaccounts' },
  Role: { group: rbac, version: 'v1', plural: 'roles' },
  RoleBinding: { group: rbac, version: 'v1', plural: 'rolebindings' },
} as const satisfies Record<string, ResourceType>;

/** One of the kinds that the operator writes. */
export type ManagedKind = keyof typeof managedKinds;

/** All managed kinds, in table order. */
export const managedKindNames = Object.keys(managedKinds) as readonly ManagedKind[];

/** `apiVersion` of objects of this type. */
export function apiVersionOf(type: ResourceType): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`;
}
