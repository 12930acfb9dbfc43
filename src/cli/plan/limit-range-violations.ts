/** Pods whose next start a LimitRange would refuse. */
import { parseQuantity } from '../../api/quantity.ts';
import type { LimitRangeLimit } from '../../api/types.generated.ts';
import { withServerDefaults } from '../../baseline/limit-range.ts';
import type { PodRecord } from '../cluster/pod-record.ts';
import { type Amounts, containerAmounts, formatAmount, podResources } from '../cluster/pod-resources.ts';
import type { Violation } from './report.ts';

/**
 * What the limits of one new or changed LimitRange refuse of what runs, a line for each workload.
 *
 * Source: https://kubernetes.io/docs/concepts/policy/limit-range/
 */
export function limitRangeViolations(
  namespace: string,
  name: string,
  limits: readonly LimitRangeLimit[],
  pods: readonly PodRecord[],
): readonly Violation[] {
  const found = new Map<string, Set<string>>();
  for (const pod of pods) {
    for (const limit of limits.map(withServerDefaults)) {
      for (const clash of clashes(pod, limit)) {
        const subject = `${pod.workload.kind} ${pod.workload.name}`;
        found.set(subject, (found.get(subject) ?? new Set()).add(clash));
      }
    }
  }
  return [...found].map(([subject, reasons]) => ({
    rule: 'limit-range',
    namespace,
    subject,
    message: `${[...reasons].join('; ')} (LimitRange ${name}): its next pod is refused`,
  }));
}

function clashes({ spec }: PodRecord, limit: LimitRangeLimit): string[] {
  if (limit.type === 'Pod') {
    const { requests, limits } = podResources(spec);
    return bounds('the pod', requests, limits, limit);
  }
  if (limit.type !== 'Container') return [];
  return [...(spec.initContainers ?? []), ...(spec.containers ?? [])].flatMap((container) => {
    const limits = withDefaults(containerAmounts(container, 'limits'), limit.default);
    const given = containerAmounts(container, 'requests');
    const requests = withDefaults(given, limit.defaultRequest);
    return bounds(`container ${container.name}`, requests, limits, limit);
  });
}

function withDefaults(given: Amounts, defaults: LimitRangeLimit['default'] = {}): Amounts {
  const filled = new Map(given);
  for (const [resource, quantity] of Object.entries(defaults)) {
    const amount = parseQuantity(quantity);
    if (!filled.has(resource) && amount !== undefined) filled.set(resource, amount);
  }
  return filled;
}

function bounds(who: string, requests: Amounts, limits: Amounts, limit: LimitRangeLimit): string[] {
  const reasons: string[] = [];
  for (const [resource, quantity] of Object.entries(limit.max ?? {})) {
    const given = limits.get(resource);
    if (given === undefined)
      reasons.push(`${who} has no limit for ${resource}, at most ${quantity} is asked for`);
    else if (given > amountOf(quantity)) {
      reasons.push(
        `${who} has limit ${resource} ${formatAmount(given, resource)}, at most ${quantity} is allowed`,
      );
    }
  }
  for (const [resource, quantity] of Object.entries(limit.min ?? {})) {
    const given = requests.get(resource);
    if (given === undefined)
      reasons.push(`${who} requests no ${resource}, at least ${quantity} is asked for`);
    else if (given < amountOf(quantity)) {
      reasons.push(
        `${who} requests ${resource} ${formatAmount(given, resource)}, at least ${quantity} is asked for`,
      );
    }
  }
  for (const [resource, ratio] of Object.entries(limit.maxLimitRequestRatio ?? {})) {
    const most = limits.get(resource);
    const least = requests.get(resource);
    if (most === undefined || least === undefined || least === 0n) continue;
    if (most * 1_000_000_000n > amountOf(ratio) * least) {
      reasons.push(`${who} has a limit for ${resource} of more than ${ratio} times its request`);
    }
  }
  return reasons;
}

function amountOf(quantity: string | number): bigint {
  return parseQuantity(quantity) ?? 0n;
}
