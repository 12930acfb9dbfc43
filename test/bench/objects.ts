/** What is created: one baseline, and the seven objects that it puts into each namespace. */

/** An object as it is sent. */
export interface BenchObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly uid?: string;
    readonly generation?: number;
  };
  readonly [field: string]: unknown;
}

/** Its value names the baseline that selects the namespace; where it is missing, none does. */
export const selectingLabel = 'bench.example.com/baseline';

/** The resources of the seven objects, with how many of each a namespace gets. */
export const expected: Readonly<Record<string, { readonly path: string; readonly count: number }>> = {
  networkpolicies: { path: '/apis/networking.k8s.io/v1', count: 2 },
  resourcequotas: { path: '/api/v1', count: 1 },
  limitranges: { path: '/api/v1', count: 1 },
  serviceaccounts: { path: '/api/v1', count: 1 },
  roles: { path: '/apis/rbac.authorization.k8s.io/v1', count: 1 },
  rolebindings: { path: '/apis/rbac.authorization.k8s.io/v1', count: 1 },
};

/** Objects in each namespace. */
export const objectsPerNamespace = Object.values(expected).reduce((sum, { count }) => sum + count, 0);

/** Every namespace has this one, made by the controller manager. */
export const foreignServiceAccount = 'default';

const serviceAccount = 'workload';

/** The Role that {@link baseline} gives. */
export function roleOf(baselineName: string): string {
  return `${baselineName}.${serviceAccount}`;
}

/** A baseline that gives exactly those; a rollout changes `pods`. */
export function baseline(name: string, pods = '50'): BenchObject {
  return {
    apiVersion: 'securitybaseline.io/v1alpha1',
    kind: 'SecurityBaseline',
    metadata: { name },
    spec: {
      namespaceSelector: { matchLabels: { [selectingLabel]: name } },
      networkPolicy: { defaultDeny: ['Ingress', 'Egress'], allow: { dns: {} } },
      resourceQuotas: [
        {
          name: 'compute',
          spec: {
            hard: {
              pods,
              'requests.cpu': '4',
              'requests.memory': '8Gi',
              'limits.cpu': '8',
              'limits.memory': '16Gi',
            },
          },
        },
      ],
      limitRanges: [
        {
          name: 'defaults',
          spec: {
            limits: [
              {
                type: 'Container',
                default: { cpu: '500m', memory: '512Mi' },
                defaultRequest: { cpu: '100m', memory: '128Mi' },
              },
            ],
          },
        },
      ],
      serviceAccounts: [
        {
          name: serviceAccount,
          automountToken: false,
          rules: [{ apiGroups: [''], resources: ['configmaps', 'pods'], verbs: ['get', 'list', 'watch'] }],
        },
      ],
    },
  };
}

/** One of the seven, ready to be written into any namespace. */
export interface Template {
  readonly resource: string;
  readonly kind: string;
  readonly name: string;
  /** JSON, with {@link namespacePlaceholder} where the namespace goes. */
  readonly json: string;
}

/** No JSON of ours holds this by chance. */
export const namespacePlaceholder = '@namespace@';

/**
 * A template of an object that the operator wrote, so that the limit is taken with the very same objects. Its labels keep
 * their keys and lengths but not their values, or the operator would take the copies for leftovers of its own.
 */
export function templateOf(resource: string, served: BenchObject): Template {
  const { metadata, status: _, ...content } = served;
  const { name, namespace = '', labels = {} } = metadata;
  const copied = Object.fromEntries(
    Object.entries(labels).map(([key, value]) => [key, 'x'.repeat(value.length)]),
  );
  const json = JSON.stringify({
    ...content,
    metadata: { name, namespace, labels: copied },
  });
  return {
    resource,
    kind: served.kind,
    name,
    json: json.replaceAll(`"${namespace}"`, `"${namespacePlaceholder}"`),
  };
}
