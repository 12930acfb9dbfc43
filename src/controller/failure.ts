/** Why a namespace is not hardened, and whose matter that is. */
import { managedByLabel, operatorName } from '../api/labels.ts';
import type { Change, Clash } from '../diff/change-set.ts';
import { describeChange, describeTarget } from '../diff/change-set.ts';
import { isApiError } from '../kube/api-error.ts';

/** Whose matter a failure is. It decides what the baseline's Ready says. */
export type Responsible =
  /** The platform team's: the baseline or the operator's permissions must change. */
  | 'platform'
  /** The tenant's: something in the namespace stands in the way. It cannot turn the platform's GitOps red. */
  | 'tenant'
  /** Nobody's: it is tried again, and will pass. */
  | 'passing';

/** One thing that stands in the way. */
export interface Failure {
  /** CamelCase, for machines. */
  readonly reason:
    | 'Altered'
    | 'Forbidden'
    | 'Refused'
    | 'NameTaken'
    | 'NotGathered'
    | 'Weakened'
    | 'Unavailable';
  readonly responsible: Responsible;
  /** Names the object and the fix. */
  readonly message: string;
}

/** What was written was taken, and is not what was written. */
export class AlteredError extends Error {
  override readonly name = 'AlteredError';

  /** @param target names the object */
  constructor(target: string) {
    super(`${target} is not as it was written`);
  }
}

/**
 * What a failed write means. A refusal by RBAC is the platform's matter, one by a quota or an admission policy the tenant's; the answer looks
 * the same, so it takes a question to the API server to tell.
 *
 * @param isPermitted asks the API server whether RBAC lets us do this
 */
export async function failureOf(
  change: Change,
  error: unknown,
  isPermitted: (change: Change) => Promise<boolean>,
): Promise<Failure> {
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof AlteredError) {
    return {
      reason: 'Altered',
      responsible: 'tenant',
      message:
        `${text}, each time: an admission webhook or another controller changes ${describeTarget(change)}; ` +
        `have it leave objects alone that are labelled ${managedByLabel}=${operatorName}`,
    };
  }
  if (isApiError(error, 'invalid')) {
    return {
      reason: 'Refused',
      responsible: isShared(change) ? 'tenant' : 'platform',
      message: `the API server refused to ${describeChange(change)}: ${text}`,
    };
  }
  if (isNotGathered(change, error)) {
    return {
      reason: 'NotGathered',
      responsible: 'passing',
      message:
        'what is grantable has to be gathered into the ClusterRole security-baseline-operator, too, by the controller manager, from ' +
        `ClusterRoles labelled securitybaseline.io/grantable: "true"; until then ${text}`,
    };
  }
  if (isApiError(error, 'forbidden')) {
    const permitted = await isPermitted(change);
    return {
      reason: 'Forbidden',
      responsible: permitted ? 'tenant' : 'platform',
      message: permitted
        ? `a quota or an admission policy refused to ${describeChange(change)}: ${text}`
        : `the operator may not ${describeChange(change)}: ${text}; grant it in a ClusterRole labelled securitybaseline.io/operator: "true"`,
    };
  }
  return {
    reason: 'Unavailable',
    responsible: 'passing',
    message: `${describeChange(change)}: ${text}; it is tried again`,
  };
}

/**
 * Whether a failure counts only from the second time on. What somebody else has written over may have been a coincidence; and what has just become grantable is
 * known to us a moment before it is among our own rights (docs/adr/0016).
 */
export function mayBeOverSoon(change: Change, error: unknown): boolean {
  return error instanceof AlteredError || isNotGathered(change, error);
}

/** A binding to a Role is refused for what is in that Role by now, which a tenant may have written: that is nothing to wait for. */
function isNotGathered(change: Change, error: unknown): boolean {
  if (!isApiError(error) || !error.isBeyondOwnRights || !('desired' in change)) return false;
  const { kind, manifest } = change.desired;
  return (
    kind === 'Role' || (manifest.roleRef as { readonly kind?: string } | undefined)?.kind === 'ClusterRole'
  );
}

/** Whether the object is not ours alone: what others put there can be what is refused, such as annotations beyond 256 KiB. */
function isShared({ action }: Change): boolean {
  return action === 'label' || action === 'patch' || action === 'set-default-token';
}

/** What a clash means. */
export function failureOfClash({ kind, name, desired }: Clash): Failure {
  return {
    reason: 'NameTaken',
    responsible: 'tenant',
    message:
      `${kind} ${name} exists and was not made by baseline ${desired.baseline.name}, so it is left alone; ` +
      'delete it to have it replaced, or use another name in the baseline',
  };
}
