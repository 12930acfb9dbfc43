import type { Rule } from '../../rule.ts';
import { foreignPolicies, tenantPolicies } from '../../tenant-policies.ts';

export const tenantPolicyForbidden: Rule = {
  id: 'SB801',
  name: 'tenant-policy-forbidden',
  severity: 'error',
  title: 'No NetworkPolicies where the baseline has tenantPolicies: Forbid',
  help: "NetworkPolicies add up: one of a tenant's can open what the baseline denies.",
  fix: 'Have the allowance put into the baseline, or ask for a BaselineException.',
  link: 'https://kubernetes.io/docs/concepts/services-networking/network-policies/',
  *check(scope) {
    if (scope.kind !== 'namespace') return;
    for (const { metadata, spec } of scope.baselines) {
      if (spec.networkPolicy?.tenantPolicies !== 'Forbid') continue;
      for (const object of [
        ...tenantPolicies(scope).map(({ object }) => object),
        ...foreignPolicies(scope),
      ]) {
        yield {
          object,
          path: [],
          baseline: metadata.name,
          message: `a ${object.kind} that is not the baseline's own`,
        };
      }
    }
  },
};
