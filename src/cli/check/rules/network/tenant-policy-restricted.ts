import { restrictViolations } from '../../../../connectivity/restriction.ts';
import type { FieldPath } from '../../../manifests/source-location.ts';
import type { Rule } from '../../rule.ts';
import { foreignPolicies, tenantPolicies } from '../../tenant-policies.ts';

export const tenantPolicyRestricted: Rule = {
  id: 'SB802',
  name: 'tenant-policy-restricted',
  severity: 'error',
  title: 'NetworkPolicies name their peers where the baseline has tenantPolicies: Restrict',
  help:
    "In the directions that baselines deny, each peer is the namespace's own pods, namespaces by name, or a narrow ipBlock without a cloud's " +
    'metadata address.',
  fix: 'Name the peers, or ask for a BaselineException of kind Ingress or Egress.',
  link: 'https://kubernetes.io/docs/concepts/services-networking/network-policies/',
  *check(scope) {
    if (scope.kind !== 'namespace') return;
    for (const { metadata, spec } of scope.baselines) {
      if (spec.networkPolicy?.tenantPolicies !== 'Restrict') continue;
      const baseline = metadata.name;
      for (const { object, policy } of tenantPolicies(scope)) {
        for (const { field, message } of restrictViolations(policy, scope.desired.denied)) {
          yield { object, path: toPath(field), baseline, message: `${field}: ${message}` };
        }
      }
      for (const object of foreignPolicies(scope)) {
        yield {
          object,
          path: [],
          baseline,
          message: `a ${object.kind} of ${object.group}; only NetworkPolicies of networking.k8s.io can be told safe`,
        };
      }
    }
  },
};

/** `spec.ingress[0].from` as a path. */
function toPath(field: string): FieldPath {
  return [...field.matchAll(/\[(\d+)\]|[^.[]+/g)].map(([text, index]) =>
    index === undefined ? text : Number(index),
  );
}
