/** Asks the API server what RBAC lets us do, to tell an RBAC refusal from one by a quota or a policy. */
import { apiVersionOf, managedKinds } from '../api/kinds.ts';
import { defaultServiceAccountName } from '../api/names.ts';
import type { Change } from '../diff/change-set.ts';
import type { ApiClient } from '../kube/api-client.ts';

const verbs = {
  create: 'create',
  replace: 'update',
  recreate: 'create',
  patch: 'patch',
  delete: 'delete',
  release: 'patch',
  label: 'patch',
  'set-default-token': 'patch',
} as const;

/**
 * Whether RBAC permits the change. Source:
 * https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-access-review-v1/
 */
export async function isPermitted(client: ApiClient, change: Change, namespace: string): Promise<boolean> {
  const review = {
    apiVersion: apiVersionOf({ group: 'authorization.k8s.io', version: 'v1', plural: '' }),
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: attributesOf(change, namespace) },
  };
  const answer = await client.request<{ status?: { allowed?: boolean } }>({
    operation: { verb: 'create', resource: 'selfsubjectaccessreviews' },
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: review,
  });
  return answer.status?.allowed === true;
}

function attributesOf(change: Change, namespace: string): object {
  const verb = verbs[change.action];
  if (change.action === 'label')
    return { verb, group: '', version: 'v1', resource: 'namespaces', name: namespace, namespace };
  const object =
    'desired' in change
      ? change.desired
      : 'observed' in change
        ? change.observed
        : ({ kind: 'ServiceAccount', name: defaultServiceAccountName } as const);
  const { group, version, plural } = managedKinds[object.kind];
  return { verb, group, version, resource: plural, name: object.name, namespace };
}
