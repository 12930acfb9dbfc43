/**
 * ResourceQuotas: each baseline's own objects. Kubernetes adds them up: the tightest bites.
 * Source: https://kubernetes.io/docs/concepts/policy/resource-quotas/
 */
import type { SecurityBaseline } from '../api/types.generated.ts';
import type { DesiredObject } from './desired-state.ts';
import { desiredObject } from './manifest.ts';

/** The ResourceQuotas of one baseline. */
export function resourceQuotas(baseline: SecurityBaseline): DesiredObject[] {
  return (baseline.spec.resourceQuotas ?? []).map((item) =>
    desiredObject(baseline, { kind: 'ResourceQuota', item: item.name, content: { spec: item.spec } }),
  );
}
