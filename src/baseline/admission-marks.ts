/**
 * What the operator tells admission about a namespace: annotations that the static policies read (config/policies), and
 * whose writing by anybody else the guard refuses. Format and reasons: docs/adr/0008-admission-by-vap.md.
 */
import type { SecurityBaseline } from '../api/types.generated.ts';
import type { Direction, PodSecurityMode } from './desired-state.ts';

/** A relaxation that admission has to know of: until when, and of what. */
export type AdmissionException =
  /** Tenants' NetworkPolicies may have any peers in this direction. */
  | { readonly kind: 'Ingress' | 'Egress'; readonly expiresAt: string }
  /** Images under this prefix (one that ends in '/'), or of exactly this repository. */
  | { readonly kind: 'Images'; readonly expiresAt: string; readonly source: string };

/** The value of `hardenedAnnotation`; undefined where the annotation must not be there. */
export function hardenedMark(baselineUids: readonly string[]): string | undefined {
  return baselineUids.length === 0 ? undefined : baselineUids.toSorted().join(',');
}

/** The value of `podSecurityAnnotation`; undefined where the annotation must not be there. */
export function podSecurityMark(modes: readonly PodSecurityMode[]): string | undefined {
  return modes.length === 0 ? undefined : modes.toSorted().join(',');
}

/**
 * The value of `defaultDenyAnnotation`; undefined where the annotation must not be there: a baseline's own directions are
 * known to admission, so that it is needed only where others deny more than one that restricts tenants.
 *
 * @param enforcing the enforcing baselines that select the namespace
 * @param denied what they deny together
 */
export function defaultDenyMark(
  enforcing: readonly SecurityBaseline[],
  denied: readonly Direction[],
): string | undefined {
  const isNeeded = enforcing.some(
    ({ spec: { networkPolicy } }) =>
      networkPolicy?.tenantPolicies === 'Restrict' &&
      denied.some((direction) => !networkPolicy.defaultDeny?.includes(direction)),
  );
  return isNeeded ? denied.toSorted().join(',') : undefined;
}

/**
 * The value of `exceptionsAnnotation`; undefined where the annotation must not be there. Sorted and without
 * doubles, so that the same exceptions in another order are no difference.
 *
 * @throws TypeError for an expiry that is no RFC 3339 time in UTC, and for a source that would break the format: such a
 * mark would make admission fail for the whole namespace.
 */
export function exceptionMark(exceptions: readonly AdmissionException[]): string | undefined {
  const entries = new Set(exceptions.map(entryOf));
  return entries.size === 0 ? undefined : [...entries].sort().join(';');
}

function entryOf(exception: AdmissionException): string {
  const { kind, expiresAt } = exception;
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(expiresAt)) {
    throw new TypeError(`expiresAt ${JSON.stringify(expiresAt)} is not a time such as 2030-01-31T12:00:00Z`);
  }
  if (exception.kind !== 'Images') return `${kind} ${expiresAt}`;
  if (!/^[-a-z0-9._:/]+$/.test(exception.source)) {
    throw new TypeError(`source ${JSON.stringify(exception.source)} is not a registry or repository`);
  }
  return `${kind} ${expiresAt} ${exception.source}`;
}
