/** Rules of a baseline's spec.admission, which each baseline asks for by itself, as the admission policies do. */
import type { Admission, SecurityBaseline } from '../../api/types.generated.ts';
import type { Breach, NamespaceScope, PodTemplate, Rule } from './rule.ts';

const policies = 'https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/';

/** What one baseline asks for in one namespace. */
export interface Demand {
  readonly admission: Admission;
  readonly baseline: SecurityBaseline;
  readonly scope: NamespaceScope;
}

/** Such a rule, before it is put in the catalogue. */
export interface AdmissionCheck extends Pick<Rule, 'id' | 'name' | 'title' | 'help' | 'fix'> {
  find(demand: Demand): Iterable<Breach>;
}

/** The catalogue's form of a check. */
export function admissionRule({ find, ...rule }: AdmissionCheck): Rule {
  return {
    ...rule,
    severity: 'error',
    link: policies,
    *check(scope) {
      if (scope.kind !== 'namespace') return;
      for (const baseline of scope.baselines) {
        const { admission } = baseline.spec;
        if (admission === undefined) continue;
        for (const breach of find({ admission, baseline, scope })) {
          yield { ...breach, baseline: baseline.metadata.name };
        }
      }
    },
  };
}

/** The same, for one that looks at pods one by one. */
export function admissionPodRule(
  check: Omit<AdmissionCheck, 'find'> & {
    readonly find: (pod: PodTemplate, demand: Demand) => Iterable<Omit<Breach, 'object'>>;
  },
): Rule {
  return admissionRule({
    ...check,
    *find(demand) {
      for (const pod of demand.scope.pods) {
        for (const breach of check.find(pod, demand)) yield { ...breach, object: pod.object };
      }
    },
  });
}
