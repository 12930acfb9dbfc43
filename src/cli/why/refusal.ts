/** Which rules of which baselines refuse a pod, and what the API server itself says. */
import type { KubernetesObject } from '../../api/objects.ts';
import type { SecurityBaseline } from '../../api/types.generated.ts';
import type { Relaxation } from '../../baseline/exceptions.ts';
import { isEnforcing, selects } from '../../baseline/selection.ts';
import type { ObservedNamespace } from '../../diff/observed-namespace.ts';
import type { Rule } from '../check/rule.ts';
import { limitRangeBounds } from '../check/rules/quota/limit-range-bounds.ts';
import { quotaNeedsValues } from '../check/rules/quota/quota-needs-values.ts';
import type { Evaluation } from '../cluster/fleet.ts';
import { admissionRules, imageRules, standardRules } from '../live/admission-rules.ts';
import { liveScope } from '../live/live-scope.ts';

/** One rule that refuses. */
export interface Refusal {
  /** Such as `image-registries`. */
  readonly rule: string;
  readonly baselines: readonly string[];
  readonly message: string;
  readonly fix: string;
  /** What an exception would have to relax; undefined where none can. */
  readonly relaxation: Relaxation | undefined;
}

/** The rules that pods are held against, and what relaxes each. */
const podRules: readonly { readonly rules: readonly Rule[]; readonly relaxation: Relaxation | undefined }[] =
  [
    { rules: standardRules, relaxation: 'PodSecurity' },
    { rules: imageRules, relaxation: 'Images' },
    { rules: admissionRules.filter((rule) => !imageRules.includes(rule)), relaxation: undefined },
    { rules: [quotaNeedsValues], relaxation: 'Quota' },
    { rules: [limitRangeBounds], relaxation: undefined },
  ];

/** The enforcing baselines that select the namespace. */
export function selectingOf(
  namespace: ObservedNamespace,
  { baselines }: Evaluation,
): readonly SecurityBaseline[] {
  return baselines.filter((baseline) => isEnforcing(baseline) && selects(baseline, namespace));
}

/**
 * What the baselines refuse of a pod.
 *
 * @param only `Images` for the rules about images alone
 */
export function refusalsOf(
  pod: KubernetesObject,
  namespace: ObservedNamespace,
  evaluation: Evaluation,
  only?: 'Images',
): readonly Refusal[] {
  const scope = liveScope(namespace, evaluation, [pod]);
  const selecting = selectingOf(namespace, evaluation);
  const enforced = evaluation.desired.of(namespace).podSecurity.enforce?.level;
  const byLevel = selecting
    .filter(({ spec }) => spec.podSecurity?.enforce === enforced)
    .map(({ metadata }) => metadata.name);
  return podRules
    .filter(({ relaxation }) => only === undefined || relaxation === only)
    .flatMap(({ rules, relaxation }) =>
      rules.flatMap((rule) =>
        Array.from(rule.check(scope))
          .filter(({ severity = rule.severity }) => severity === 'error')
          .map(({ message, baseline }) => ({
            rule: rule.name,
            baselines: baseline === undefined ? byLevel : [baseline],
            message,
            fix: rule.fix,
            relaxation,
          })),
      ),
    );
}
