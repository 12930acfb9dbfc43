/**
 * Status conditions by the kstatus conventions, which Flux and Argo CD read.
 * Source: https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md
 */
import type { Condition } from './types.generated.ts';

/** What a condition says; when it last changed is for {@link mergeConditions} to find out. */
export interface ConditionFact {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

/**
 * The conditions to write, given those that stand now. `lastTransitionTime` moves only where the status changed,
 * so that an unchanged status is an unchanged object.
 *
 * @param now RFC 3339
 */
export function mergeConditions(
  current: readonly Condition[],
  facts: readonly ConditionFact[],
  observedGeneration: number,
  now: string,
): Condition[] {
  return facts.map((fact) => {
    const before = current.find((condition) => condition.type === fact.type);
    return {
      ...fact,
      observedGeneration,
      lastTransitionTime: before?.status === fact.status ? before.lastTransitionTime : now,
    };
  });
}
