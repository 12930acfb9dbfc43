/**
 * What manifests use up of a ResourceQuota.
 * Source: https://kubernetes.io/docs/concepts/policy/resource-quotas/
 */
import { parseQuantity } from '../../api/quantity.ts';
import type { ResourceQuotaSpec } from '../../api/types.generated.ts';
import type { ManifestObject } from '../manifests/manifest-object.ts';
import { type ContainerDefaults, podAmounts } from './pod-resources.ts';
import type { PodTemplate } from './rule.ts';

/** What one object uses of one resource, in billionths. */
export interface Use {
  readonly object: ManifestObject;
  readonly amount: bigint;
}

const billion = 1_000_000_000n;

/** The scopes of a quota that a manifest tells enough to decide. */
const decidable = new Set(['Terminating', 'NotTerminating', 'BestEffort', 'NotBestEffort', 'PriorityClass']);

interface Scope {
  readonly name: string;
  readonly operator: string;
  readonly values: readonly string[];
}

/** The quota's scopes in one form. */
function scopesOf(spec: ResourceQuotaSpec): readonly Scope[] {
  return [
    ...(spec.scopes ?? []).map((name) => ({ name, operator: 'Exists', values: [] })),
    ...(spec.scopeSelector?.matchExpressions ?? []).map(({ scopeName, operator, values = [] }) => ({
      name: scopeName,
      operator,
      values,
    })),
  ];
}

/** Whether the quota's scopes are among those that manifests tell enough to decide. */
export function isDecidable(spec: ResourceQuotaSpec): boolean {
  return scopesOf(spec).every(({ name }) => decidable.has(name));
}

/** The pods that count against the quota. */
export function podsInScope(
  spec: ResourceQuotaSpec,
  pods: readonly PodTemplate[],
  defaults: ContainerDefaults,
): readonly PodTemplate[] {
  const scopes = scopesOf(spec);
  return pods.filter((pod) => scopes.every((scope) => isInScope(pod, scope, defaults)));
}

function isInScope(
  { spec }: PodTemplate,
  { name, operator, values }: Scope,
  defaults: ContainerDefaults,
): boolean {
  switch (name) {
    case 'Terminating':
      return spec.at('activeDeadlineSeconds').exists;
    case 'NotTerminating':
      return !spec.at('activeDeadlineSeconds').exists;
    case 'BestEffort':
      return isBestEffort();
    case 'NotBestEffort':
      return !isBestEffort();
    default: {
      const priority = spec.at('priorityClassName').text;
      if (operator === 'DoesNotExist') return priority === undefined;
      if (operator === 'NotIn') return priority === undefined || !values.includes(priority);
      return priority !== undefined && (operator !== 'In' || values.includes(priority));
    }
  }

  function isBestEffort(): boolean {
    const given = [podAmounts(spec, 'requests', defaults), podAmounts(spec, 'limits', defaults)];
    return given.every((amounts) =>
      ['cpu', 'memory'].every((resource) => (amounts.get(resource) ?? 0n) === 0n),
    );
  }
}

/**
 * What the objects use of one resource of a quota; objects that use nothing are left out.
 *
 * @param resource as the quota names it: `requests.cpu`, `pods`, `count/deployments.apps`
 */
export function usesOf(
  resource: string,
  pods: readonly PodTemplate[],
  objects: readonly ManifestObject[],
  defaults: ContainerDefaults,
): readonly Use[] {
  const uses =
    usesOfPods(resource, pods, defaults) ??
    usesOfStorage(resource, objects) ??
    objects.map((object) => ({ object, amount: countOf(resource, object) * billion }));
  return uses.filter(({ amount }) => amount > 0n);
}

function usesOfPods(
  resource: string,
  pods: readonly PodTemplate[],
  defaults: ContainerDefaults,
): readonly Use[] | undefined {
  if (resource === 'pods' || resource === 'count/pods') {
    return pods.map(({ object, replicas }) => ({ object, amount: BigInt(Math.trunc(replicas)) * billion }));
  }
  const [, kind = 'requests', name = ''] = /^(?:(requests|limits)\.)?(.+)$/.exec(resource) ?? [];
  const isComputed =
    resource !== name ||
    ['cpu', 'memory', 'ephemeral-storage'].includes(resource) ||
    name.startsWith('hugepages-');
  if (!isComputed || name === 'storage' || resource.includes('/requests.')) return undefined;
  return pods.map(({ object, spec, replicas }) => ({
    object,
    amount:
      (podAmounts(spec, kind as 'requests' | 'limits', defaults).get(name) ?? 0n) *
      BigInt(Math.trunc(replicas)),
  }));
}

/** PersistentVolumeClaims, those that a StatefulSet makes for each replica included. */
function usesOfStorage(resource: string, objects: readonly ManifestObject[]): readonly Use[] | undefined {
  const [, storageClass, of] =
    /^(?:(.+)\.storageclass\.storage\.k8s\.io\/)?(requests\.storage|persistentvolumeclaims)$/.exec(
      resource === 'count/persistentvolumeclaims' ? 'persistentvolumeclaims' : resource,
    ) ?? [];
  if (of === undefined) return undefined;
  return objects.flatMap((object) => {
    const claims =
      object.kind === 'PersistentVolumeClaim'
        ? [{ spec: object.root.at('spec'), times: 1 }]
        : object.kind === 'StatefulSet'
          ? object.root.at('spec', 'volumeClaimTemplates').items.map((item) => ({
              spec: item.at('spec'),
              times: object.root.at('spec', 'replicas').number ?? 1,
            }))
          : [];
    return claims
      .filter(({ spec }) => storageClass === undefined || spec.at('storageClassName').text === storageClass)
      .map(({ spec, times }) => {
        const size = parseQuantity(spec.at('resources', 'requests', 'storage').scalar ?? 0) ?? 0n;
        return { object, amount: (of === 'requests.storage' ? size : billion) * BigInt(Math.trunc(times)) };
      });
  });
}

const counted: Readonly<Record<string, string>> = {
  configmaps: 'ConfigMap',
  secrets: 'Secret',
  services: 'Service',
  replicationcontrollers: 'ReplicationController',
  resourcequotas: 'ResourceQuota',
};

function countOf(resource: string, object: ManifestObject): bigint {
  if (resource.startsWith('count/')) {
    const name = object.group === '' ? pluralOf(object.kind) : `${pluralOf(object.kind)}.${object.group}`;
    return resource === `count/${name}` ? 1n : 0n;
  }
  if (object.group !== '') return 0n;
  if (Object.hasOwn(counted, resource)) return counted[resource] === object.kind ? 1n : 0n;
  if (object.kind !== 'Service') return 0n;
  const type = object.root.at('spec', 'type').text;
  const ports = BigInt(object.root.at('spec', 'ports').items.length);
  if (resource === 'services.loadbalancers') return type === 'LoadBalancer' ? 1n : 0n;
  // A LoadBalancer takes a port of the nodes for each of its own, unless it says not to.
  const takesPorts =
    type === 'NodePort' ||
    (type === 'LoadBalancer' && object.root.at('spec', 'allocateLoadBalancerNodePorts').flag !== false);
  return resource === 'services.nodeports' && takesPorts ? ports : 0n;
}

/** As the API server's resources are named; right for every built-in kind. */
function pluralOf(kind: string): string {
  const name = kind.toLowerCase();
  if (name === 'endpoints') return name;
  if (name.endsWith('y')) return `${name.slice(0, -1)}ies`;
  return /(s|x|ch)$/.test(name) ? `${name}es` : `${name}s`;
}
