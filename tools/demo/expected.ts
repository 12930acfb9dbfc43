/**
 * What config/samples/tenant.yaml gives a namespace, written out by hand as the API server shows it: the demo compares with this, and not
 * with what the operator's own code computes. A test keeps it in step with the sample.
 */
import isEqual from 'lodash/isEqual.js';
import isMatch from 'lodash/isMatch.js';
import type { KubernetesObject } from '../../src/api/objects.ts';
import type { Observer } from './observer.ts';

/** The baseline of the sample. */
export const baselineName = 'tenant';
/** The label that it selects by. */
export const selectedLabels = { environment: 'prod' };
/** On whatever the operator made. */
export const managedLabels = {
  'app.kubernetes.io/managed-by': 'security-baseline-operator',
  'securitybaseline.io/baseline': baselineName,
};

/** One object of a hardened namespace. */
export interface ExpectedObject {
  readonly kind: string;
  readonly name: string;
  /** What it is good for, in a few words. */
  readonly purpose: string;
  /** The labels it has at least. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Fields beside metadata, which must be exactly so: one rule more in a policy is a hole. */
  readonly fields: Readonly<Record<string, unknown>>;
}

const levels = ['enforce', 'audit', 'warn'].flatMap((mode) => [
  [`pod-security.kubernetes.io/${mode}`, 'restricted'],
  [`pod-security.kubernetes.io/${mode}-version`, 'latest'],
]);

/** The Pod Security labels of a hardened namespace. */
export const podSecurityLabels: Readonly<Record<string, string>> = Object.fromEntries(levels);

/** The quota that the sample gives. */
export const quota = {
  pods: '100',
  'requests.cpu': '20',
  'requests.memory': '64Gi',
  'services.loadbalancers': '0',
};

/** All that a selected namespace of this name must have. */
export function expectedIn(namespace: string): readonly ExpectedObject[] {
  return [
    {
      kind: 'NetworkPolicy',
      name: 'tenant.default-deny',
      purpose: 'nothing in or out unless allowed',
      labels: managedLabels,
      fields: { spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] } },
    },
    {
      kind: 'NetworkPolicy',
      name: 'tenant.allow-dns',
      purpose: "the cluster's DNS, UDP and TCP",
      labels: managedLabels,
      fields: {
        spec: {
          podSelector: {},
          policyTypes: ['Egress'],
          egress: [
            {
              to: [
                {
                  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
                  podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
                },
              ],
              ports: [
                { protocol: 'UDP', port: 53 },
                { protocol: 'TCP', port: 53 },
              ],
            },
          ],
        },
      },
    },
    {
      kind: 'NetworkPolicy',
      name: 'tenant.allow-same-namespace',
      purpose: 'its own pods among themselves',
      labels: managedLabels,
      fields: {
        spec: {
          podSelector: {},
          policyTypes: ['Ingress', 'Egress'],
          ingress: [{ from: [{ podSelector: {} }] }],
          egress: [{ to: [{ podSelector: {} }] }],
        },
      },
    },
    {
      kind: 'NetworkPolicy',
      name: 'tenant.from-gateway',
      purpose: 'from the ingress gateway on 8080',
      labels: managedLabels,
      fields: {
        spec: {
          podSelector: { matchLabels: { 'app.kubernetes.io/component': 'web' } },
          policyTypes: ['Ingress'],
          ingress: [
            {
              from: [
                {
                  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ingress-gateway' } },
                },
              ],
              ports: [{ protocol: 'TCP', port: 8080 }],
            },
          ],
        },
      },
    },
    {
      kind: 'ResourceQuota',
      name: 'tenant.compute',
      purpose: '20 CPUs, 64 GiB, 100 pods',
      labels: managedLabels,
      fields: { spec: { hard: quota } },
    },
    {
      kind: 'LimitRange',
      name: 'tenant.defaults',
      purpose: 'for containers that ask for none',
      labels: managedLabels,
      fields: {
        spec: {
          limits: [
            {
              type: 'Container',
              defaultRequest: { cpu: '100m', memory: '128Mi' },
              default: { cpu: '1', memory: '512Mi' },
              max: { cpu: '4', memory: '8Gi' },
            },
          ],
        },
      },
    },
    {
      kind: 'ServiceAccount',
      name: 'app',
      purpose: 'an identity for workloads',
      labels: managedLabels,
      fields: { automountServiceAccountToken: true },
    },
    {
      kind: 'Role',
      name: 'tenant.app',
      purpose: 'read ConfigMaps and pods',
      labels: managedLabels,
      fields: {
        rules: [{ apiGroups: [''], resources: ['configmaps', 'pods'], verbs: ['get', 'list', 'watch'] }],
      },
    },
    {
      kind: 'RoleBinding',
      name: 'tenant.app',
      purpose: 'grants that to app',
      labels: managedLabels,
      fields: {
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'tenant.app' },
        subjects: [{ kind: 'ServiceAccount', name: 'app', namespace }],
      },
    },
    {
      kind: 'ServiceAccount',
      name: 'default',
      purpose: 'mounts no API token',
      fields: { automountServiceAccountToken: false },
    },
    {
      kind: 'Namespace',
      name: namespace,
      purpose: 'Pod Security: restricted',
      labels: podSecurityLabels,
      fields: {},
    },
  ];
}

/** What of the expected is not there, or is not as expected; empty once the namespace is hardened. */
export function missingIn(observer: Observer, namespace: string): string[] {
  return expectedIn(namespace).flatMap((expected) => {
    const found = find(observer, namespace, expected);
    if (found !== undefined && isAsExpected(found, expected)) return [];
    return [`${expected.kind} ${expected.name} ${found === undefined ? 'is missing' : 'differs'}`];
  });
}

/** The object as last seen. */
export function find(
  observer: Observer,
  namespace: string,
  { kind, name }: Pick<ExpectedObject, 'kind' | 'name'>,
): KubernetesObject | undefined {
  return observer.get(kind, kind === 'Namespace' ? '' : namespace, name);
}

/** What in a namespace carries the operator's labels, as `Kind name`. */
export function ourObjectsIn(observer: Observer, namespace: string): string[] {
  return observer
    .all()
    .filter(
      ({ metadata }) => metadata.namespace === namespace && isMatch(metadata.labels ?? {}, managedLabels),
    )
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
}

/** The Pod Security labels on a namespace. */
export function ourLabelsOf(observer: Observer, namespace: string): string[] {
  const { labels = {} } = observer.get('Namespace', '', namespace)?.metadata ?? {};
  return Object.keys(labels).filter((label) => Object.hasOwn(podSecurityLabels, label));
}

function isAsExpected(object: KubernetesObject, { labels = {}, fields }: ExpectedObject): boolean {
  return (
    isMatch(object.metadata.labels ?? {}, labels) &&
    Object.entries(fields).every(([field, value]) => isEqual(object[field], value))
  );
}
