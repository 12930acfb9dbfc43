import type { KubernetesObject } from '../../src/api/objects.ts';
import type { SecurityBaselineStatus } from '../../src/api/types.generated.ts';
import { baselineName } from './expected.ts';
import type { Observer } from './observer.ts';

/** What the status of the baseline says. */
export interface Status {
  /** It is about the spec as it is now. */
  readonly isCurrent: boolean;
  readonly namespaces: NonNullable<SecurityBaselineStatus['namespaces']>;
  /** `True`, with the message; empty where the condition is not there yet. */
  readonly conditions: ReadonlyMap<string, { readonly status: string; readonly message: string }>;
}

/** The status of the baseline as last seen. */
export function statusOf(observer: Observer): Status {
  const baseline = observer.get('SecurityBaseline', '', baselineName) as
    | (KubernetesObject & { readonly status?: SecurityBaselineStatus })
    | undefined;
  const { observedGeneration, namespaces = {}, conditions = [] } = baseline?.status ?? {};
  return {
    isCurrent: baseline !== undefined && observedGeneration === baseline.metadata.generation,
    namespaces,
    conditions: new Map(conditions.map((condition) => [condition.type, condition])),
  };
}

/** What is not (yet) as wanted: the counts given, and `Ready` and `AllHardened` both true. */
export function missingInStatus(observer: Observer, counts: Status['namespaces']): string[] {
  const { isCurrent, namespaces, conditions } = statusOf(observer);
  const wrong = Object.entries(counts).flatMap(([state, count]) => {
    const seen = namespaces[state as keyof typeof namespaces];
    return seen === count ? [] : [`${state} ${seen ?? 'not said'} instead of ${count}`];
  });
  for (const type of ['Ready', 'AllHardened']) {
    const { status, message } = conditions.get(type) ?? { status: 'not said', message: '' };
    if (status !== 'True') wrong.push(`${type} ${status} ${message}`.trim());
  }
  return isCurrent ? wrong : ['the status is about an older generation', ...wrong];
}
