/** What active exceptions change in a namespace's desired state. */
import { exceptionAnnotation, justificationAnnotation } from '../api/labels.ts';
import { derivedItems } from '../api/names.ts';
import { parseQuantity } from '../api/quantity.ts';
import type { BaselineException, SecurityBaseline } from '../api/types.generated.ts';
import type { AdmissionException } from './admission-marks.ts';
import type { DesiredObject, DesiredState, Direction } from './desired-state.ts';
import { desiredObject } from './manifest.ts';
import { withoutMarks } from './network-policy.ts';
import { strictness } from './pod-security.ts';

/**
 * The NetworkPolicies that exceptions add. They belong to the first baseline, like everything of ours belongs to one, and are
 * written only in directions that are denied.
 */
export function exceptionPolicies(
  exceptions: readonly BaselineException[],
  first: SecurityBaseline,
  denied: readonly Direction[],
): DesiredObject[] {
  return exceptions.flatMap(({ metadata, spec }) => {
    const ingress = denied.includes('Ingress') ? spec.ingress : undefined;
    const egress = denied.includes('Egress') ? spec.egress : undefined;
    if (ingress === undefined && egress === undefined) return [];
    const policyTypes: Direction[] = [
      ...(ingress === undefined ? [] : (['Ingress'] as const)),
      ...(egress === undefined ? [] : (['Egress'] as const)),
    ];
    return desiredObject(first, {
      kind: 'NetworkPolicy',
      item: derivedItems.exceptionPrefix + metadata.name,
      annotations: { [justificationAnnotation]: spec.reason, [exceptionAnnotation]: metadata.name },
      content: {
        spec: withoutMarks({
          podSelector: spec.podSelector ?? {},
          policyTypes,
          ...(ingress === undefined ? {} : { ingress }),
          ...(egress === undefined ? {} : { egress }),
        }),
      },
    });
  });
}

/** ResourceQuotas with the limits that exceptions raise; never lowered. */
export function raiseQuota(quota: DesiredObject, exceptions: readonly BaselineException[]): DesiredObject {
  const spec = quota.manifest.spec as { readonly hard: Readonly<Record<string, string | number>> };
  const hard = { ...spec.hard };
  let isRaised = false;
  for (const { spec: asked } of exceptions) {
    for (const [resource, quantity] of Object.entries(asked.quota?.hard ?? {})) {
      const current = hard[resource];
      if (current === undefined || (parseQuantity(quantity) ?? 0n) <= (parseQuantity(current) ?? 0n))
        continue;
      hard[resource] = quantity;
      isRaised = true;
    }
  }
  return isRaised ? { ...quota, manifest: { ...quota.manifest, spec: { ...spec, hard } } } : quota;
}

/** The enforced Pod Security level, lowered to the lowest that an exception asks for; audit and warn go on telling. */
export function lowerPodSecurity(
  levels: DesiredState['podSecurity'],
  exceptions: readonly BaselineException[],
): DesiredState['podSecurity'] {
  let enforce = levels.enforce;
  for (const { spec } of exceptions) {
    const level = spec.podSecurity?.enforce;
    if (enforce === undefined || level === undefined || strictness(level) >= strictness(enforce.level))
      continue;
    enforce = { ...enforce, level };
  }
  return enforce === undefined ? levels : { ...levels, enforce };
}

/** What admission must know of an exception in effect. */
export function admissionExceptionsOf({ spec }: BaselineException): AdmissionException[] {
  const expiresAt = new Date(spec.expiresAt).toISOString().replace(/\.\d+Z$/, 'Z');
  return [
    ...(spec.ingress === undefined ? [] : [{ kind: 'Ingress' as const, expiresAt }]),
    ...(spec.egress === undefined ? [] : [{ kind: 'Egress' as const, expiresAt }]),
    ...(spec.images?.registries ?? []).map((source) => ({ kind: 'Images' as const, expiresAt, source })),
  ];
}
