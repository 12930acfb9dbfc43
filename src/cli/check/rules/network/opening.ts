import { openings } from '../../../../connectivity/openings.ts';
import { restrictViolations } from '../../../../connectivity/restriction.ts';
import type { NamespaceScope, Rule } from '../../rule.ts';
import { type TenantPolicy, tenantPolicies } from '../../tenant-policies.ts';

export const networkOpening: Rule = {
  id: 'SB803',
  name: 'network-opening',
  severity: 'warning',
  title: 'NetworkPolicies do not open what the baseline denies',
  help: 'The namespace would be reported as weakened: not hardened, although everything of the baseline is in place.',
  fix: 'Name the peers that are meant, or have the allowance put into the baseline with its justification.',
  link: 'https://kubernetes.io/docs/concepts/services-networking/network-policies/',
  *check(scope) {
    if (scope.kind !== 'namespace' || scope.desired.denied.length === 0) return;
    const passing = tenantPolicies(scope).filter((policy) => !isRefused(policy, scope));
    for (const { policy, direction, rule, to, cidrs, ports } of openings(
      passing.map(({ policy }) => policy),
      scope.desired.denied,
    )) {
      const object = passing.find(({ policy: { name } }) => name === policy.name)?.object;
      if (object === undefined) continue;
      const list = direction === 'Ingress' ? 'ingress' : 'egress';
      const whom =
        cidrs.length > 0
          ? `${to} (${cidrs.slice(0, mostNamed).join(', ')}${cidrs.length > mostNamed ? ', ...' : ''})`
          : to;
      yield {
        object,
        path: ['spec', list, ...(rule === undefined ? [] : [rule])],
        message: `opens ${direction}, which is denied here: ${whom}, ${ports}`,
      };
    }
  },
};

const mostNamed = 3;

/** What the rules about tenantPolicies report already. */
function isRefused({ policy }: TenantPolicy, { baselines, desired }: NamespaceScope): boolean {
  return baselines.some(({ spec: { networkPolicy } }) => {
    if (networkPolicy?.tenantPolicies === 'Forbid') return true;
    return (
      networkPolicy?.tenantPolicies === 'Restrict' && restrictViolations(policy, desired.denied).length > 0
    );
  });
}
