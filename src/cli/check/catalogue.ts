/** All rules, by id. */
import type { Rule } from './rule.ts';
import { externalIps } from './rules/exposure/external-ips.ts';
import { ingressTls } from './rules/exposure/ingress-tls.ts';
import { podHostNetwork } from './rules/exposure/pod-host-network.ts';
import { podHostPorts } from './rules/exposure/pod-host-ports.ts';
import { serviceTypes } from './rules/exposure/service-types.ts';
import { ignoreWithoutReason } from './rules/general/ignore-without-reason.ts';
import { notCovered } from './rules/general/not-covered.ts';
import { digest } from './rules/images/digest.ts';
import { registries } from './rules/images/registries.ts';
import { tags } from './rules/images/tags.ts';
import { networkOpening } from './rules/network/opening.ts';
import { tenantPolicyForbidden } from './rules/network/tenant-policy-forbidden.ts';
import { tenantPolicyRestricted } from './rules/network/tenant-policy-restricted.ts';
import { podSecurityRules } from './rules/pod-security/rules.ts';
import { limitRangeBounds } from './rules/quota/limit-range-bounds.ts';
import { quotaFit } from './rules/quota/quota-fit.ts';
import { quotaNeedsValues } from './rules/quota/quota-needs-values.ts';
import { rbacClusterAdmin } from './rules/rbac/cluster-admin.ts';
import { rbacEscalation } from './rules/rbac/escalation.ts';
import { rbacEverybody } from './rules/rbac/everybody.ts';
import { rbacPodExec } from './rules/rbac/pod-exec.ts';
import { rbacSecrets } from './rules/rbac/secrets.ts';
import { rbacWildcard } from './rules/rbac/wildcard.ts';
import { secretInConfigMap } from './rules/secrets/secret-in-config-map.ts';
import { secretInEnvironment } from './rules/secrets/secret-in-environment.ts';
import { defaultServiceAccount } from './rules/workloads/default-service-account.ts';
import { requestsAndLimits } from './rules/workloads/requests-and-limits.ts';
import { unrequestedToken } from './rules/workloads/unrequested-token.ts';

/** The catalogue; docs/guides/check.md lists the same. */
export const rules: readonly Rule[] = [
  ...podSecurityRules,
  registries,
  digest,
  tags,
  serviceTypes,
  externalIps,
  podHostPorts,
  podHostNetwork,
  ingressTls,
  defaultServiceAccount,
  requestsAndLimits,
  unrequestedToken,
  quotaFit,
  quotaNeedsValues,
  limitRangeBounds,
  secretInEnvironment,
  secretInConfigMap,
  rbacWildcard,
  rbacSecrets,
  rbacEscalation,
  rbacPodExec,
  rbacClusterAdmin,
  rbacEverybody,
  tenantPolicyForbidden,
  tenantPolicyRestricted,
  networkOpening,
  notCovered,
  ignoreWithoutReason,
];
