/** Quotas that are lower than what is in use already, or that ask pods for what they do not say. */
import type { KubernetesObject } from '../../api/objects.ts';
import { parseQuantity } from '../../api/quantity.ts';
import type { LimitRangeLimit, ResourceQuotaSpec } from '../../api/types.generated.ts';
import { withServerDefaults } from '../../baseline/limit-range.ts';
import type { PodRecord } from '../cluster/pod-record.ts';
import { containerAmounts, formatAmount, isBestEffort, podResources } from '../cluster/pod-resources.ts';
import type { Violation } from './report.ts';

/** One namespace as it would be. */
export interface QuotaInput {
  readonly namespace: string;
  /** New or changed. */
  readonly name: string;
  readonly spec: ResourceQuotaSpec;
  readonly pods: readonly PodRecord[];
  /** Quotas as they are served, which know what is in use. */
  readonly current: readonly KubernetesObject[];
  /** The limits of all LimitRanges there will be. */
  readonly limits: readonly LimitRangeLimit[];
}

/** What the quota would refuse. */
export function quotaViolations(input: QuotaInput): readonly Violation[] {
  return [...exceeded(input), ...withoutRequests(input)];
}

/** Resources whose use could not be told: neither a pod nor another quota says. */
export function unknownUse(input: QuotaInput): readonly string[] {
  return Object.keys(input.spec.hard).filter((resource) => usedOf(resource, input) === undefined);
}

function exceeded(input: QuotaInput): Violation[] {
  const over = Object.entries(input.spec.hard).flatMap(([resource, hard]) => {
    const used = usedOf(resource, input);
    const limit = parseQuantity(hard) ?? 0n;
    return used === undefined || used <= limit
      ? []
      : [`${resource}: ${formatAmount(used, resource)} in use, ${hard} allowed`];
  });
  if (over.length === 0) return [];
  return [
    {
      rule: 'quota',
      namespace: input.namespace,
      subject: `ResourceQuota ${input.name}`,
      message: `${over.join('; ')}: what runs stays, and nothing more is admitted until it fits`,
    },
  ];
}

/** A quota on requests refuses pods that give none, unless a LimitRange gives them some. */
function withoutRequests({ namespace, name, spec, pods, limits }: QuotaInput): Violation[] {
  const asked = Object.keys(spec.hard).flatMap((resource) => {
    const found = podResource(resource);
    return found === undefined || !['cpu', 'memory'].includes(found.resource) ? [] : [found];
  });
  const container = limits.filter(({ type }) => type === 'Container').map(withServerDefaults);
  const isGiven = (field: 'requests' | 'limits', resource: string): boolean =>
    container.some((limit) =>
      Object.hasOwn((field === 'limits' ? limit.default : limit.defaultRequest) ?? {}, resource),
    );
  const missing = asked.filter(({ field, resource }) => !isGiven(field, resource));
  if (missing.length === 0) return [];
  const concerned = new Map<string, Set<string>>();
  for (const pod of pods.filter((each) => isInScope(each, spec))) {
    const all = [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])];
    for (const { field, resource } of missing) {
      if (all.every((each) => containerAmounts(each, field).has(resource))) continue;
      const subject = `${pod.workload.kind} ${pod.workload.name}`;
      concerned.set(subject, (concerned.get(subject) ?? new Set()).add(`${field}.${resource}`));
    }
  }
  return [...concerned].map(([subject, lacks]) => ({
    rule: 'quota',
    namespace,
    subject,
    message: `gives no ${[...lacks].join(', ')}, which ResourceQuota ${name} asks for: its next pod is refused; give them, or add a LimitRange with defaults`,
  }));
}

function usedOf(resource: string, input: QuotaInput): bigint | undefined {
  const { pods, spec, current, name } = input;
  const inScope = pods.filter((pod) => isInScope(pod, spec));
  if (resource === 'pods' || resource === 'count/pods') return BigInt(inScope.length) * 1_000_000_000n;
  const counted = podResource(resource);
  if (counted !== undefined) {
    const { field, resource: of } = counted;
    return inScope.reduce((sum, pod) => sum + (podResources(pod.spec)[field].get(of) ?? 0n), 0n);
  }
  for (const quota of current) {
    const { spec: its = {}, status = {} } = quota as {
      spec?: Partial<ResourceQuotaSpec>;
      status?: { used?: Readonly<Record<string, string>> };
    };
    const isWhole = (its.scopes ?? []).length === 0 && its.scopeSelector === undefined;
    const used = isWhole || quota.metadata.name === name ? status.used?.[resource] : undefined;
    if (used !== undefined) return parseQuantity(used);
  }
  return undefined;
}

/** What of a pod a quota's resource counts; undefined for what is no request or limit of pods. */
function podResource(
  resource: string,
): { readonly field: 'requests' | 'limits'; readonly resource: string } | undefined {
  const match = /^(?:(requests|limits)\.)?(cpu|memory|ephemeral-storage|hugepages-\w+)$/.exec(resource);
  if (match !== null)
    return { field: (match[1] ?? 'requests') as 'requests' | 'limits', resource: match[2] ?? '' };
  const extended = /^requests\.([^/]+\/.+)$/.exec(resource);
  return extended === null || extended[1]?.includes('storageclass')
    ? undefined
    : { field: 'requests', resource: extended[1] ?? '' };
}

/** Source: https://kubernetes.io/docs/concepts/policy/resource-quotas/#quota-scopes */
function isInScope(pod: PodRecord, { scopes = [], scopeSelector }: ResourceQuotaSpec): boolean {
  const { activeDeadlineSeconds, priorityClassName } = pod.spec as {
    activeDeadlineSeconds?: number;
    priorityClassName?: string;
  };
  const holds = (scope: string): boolean => {
    switch (scope) {
      case 'Terminating':
        return activeDeadlineSeconds !== undefined;
      case 'NotTerminating':
        return activeDeadlineSeconds === undefined;
      case 'BestEffort':
        return isBestEffort(pod);
      case 'NotBestEffort':
        return !isBestEffort(pod);
      case 'PriorityClass':
        return priorityClassName !== undefined;
      default:
        return false;
    }
  };
  return (
    scopes.every(holds) &&
    (scopeSelector?.matchExpressions ?? []).every(({ scopeName, operator, values = [] }) => {
      const isListed = scopeName === 'PriorityClass' && values.includes(priorityClassName ?? '');
      switch (operator) {
        case 'In':
          return isListed;
        case 'NotIn':
          return !isListed;
        case 'Exists':
          return holds(scopeName);
        default:
          return !holds(scopeName);
      }
    })
  );
}
