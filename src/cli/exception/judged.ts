/** Exceptions with what becomes of them: by the operator's own judgement, or, where baselines cannot be read, by its status. */
import type { BaselineException } from '../../api/types.generated.ts';
import type { Evaluation } from '../cluster/fleet.ts';

/** An exception and its state. */
export interface JudgedLine {
  readonly namespace: string;
  readonly name: string;
  /** As `judge` says it; `Unknown` where neither baselines nor a status tell. */
  readonly state: string;
  readonly message: string;
  readonly expiresAt: string;
  readonly reason: string;
  /** What it asks for, or relaxes. */
  readonly relaxes: readonly string[];
}

/** Judges exceptions, in the order of namespace and name. */
export function judgeExceptions(
  exceptions: readonly BaselineException[],
  evaluation: Evaluation,
): readonly JudgedLine[] {
  return exceptions
    .map((exception): JudgedLine => {
      const { metadata, spec, status } = exception;
      const { namespace = '', name } = metadata;
      const observed = evaluation.view.namespace(namespace);
      const verdict =
        observed === undefined || evaluation.baselines.length === 0
          ? undefined
          : evaluation.desired.judge(observed).find((each) => each.exception.metadata.name === name)?.verdict;
      const active = status?.conditions?.find(({ type }) => type === 'Active');
      return {
        namespace,
        name,
        state: verdict?.state ?? active?.reason ?? 'Unknown',
        message: verdict?.message ?? active?.message ?? '',
        expiresAt: spec.expiresAt,
        reason: spec.reason,
        relaxes: asked(exception),
      };
    })
    .sort((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1));
}

function asked({ spec }: BaselineException): readonly string[] {
  const { ingress, egress, quota, podSecurity, images } = spec;
  return [
    ...(ingress === undefined ? [] : ['Ingress']),
    ...(egress === undefined ? [] : ['Egress']),
    ...(quota === undefined
      ? []
      : [
          `Quota ${Object.entries(quota.hard)
            .map(([key, value]) => `${key}=${value}`)
            .join(' ')}`,
        ]),
    ...(podSecurity === undefined ? [] : [`PodSecurity ${podSecurity.enforce}`]),
    ...(images === undefined ? [] : [`Images ${images.registries.join(' ')}`]),
  ];
}
