/** The admission policies as files, so that what is installed can be read and reviewed as plain YAML. */
import { exposure } from './policies/exposure.ts';
import { baselineDeletion, guardBaselines, guardNamespaces, guardObjects } from './policies/guard.ts';
import { membership } from './policies/membership.ts';
import { pods, templates } from './policies/pod-spec.ts';
import { baselinePolicyFile, guardPolicyFile } from './policies/policy.ts';
import { tenantPolicies } from './policies/tenant-policies.ts';

/** Each file of config/policies that is generated, with its text. */
export function policyFiles(): ReadonlyMap<string, string> {
  const rules = [pods, templates, exposure, tenantPolicies];
  const guards = [guardObjects, guardNamespaces, guardBaselines, baselineDeletion];
  return new Map([
    ...rules.map(
      (policy) => [`config/policies/rules/${policy.name}.yaml`, baselinePolicyFile(policy)] as const,
    ),
    ...guards.map(
      (policy) => [`config/policies/guard/${policy.name}.yaml`, guardPolicyFile(policy)] as const,
    ),
    [`config/policies/guard/${membership.name}.yaml`, baselinePolicyFile(membership)],
  ]);
}
