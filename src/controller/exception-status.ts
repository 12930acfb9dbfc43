/** What an exception's own status says: everything but the approval, which is for others to write. */
import { type ConditionFact, mergeConditions } from '../api/conditions.ts';
import type { BaselineException, BaselineExceptionStatus } from '../api/types.generated.ts';
import type { Verdict } from '../baseline/exceptions.ts';

/** The part of the status that the operator writes. */
export type WrittenExceptionStatus = Omit<BaselineExceptionStatus, 'approval'>;

/**
 * The status to write.
 *
 * @param now RFC 3339
 */
export function exceptionStatusOf(
  exception: BaselineException,
  verdict: Verdict,
  now: string,
): WrittenExceptionStatus {
  const generation = exception.metadata.generation ?? 0;
  const isActive = verdict.state === 'Active';
  return {
    observedGeneration: generation,
    relaxes: [...verdict.relaxes],
    ...(isActive ? { until: exception.spec.expiresAt } : {}),
    conditions: mergeConditions(exception.status?.conditions ?? [], conditionsOf(verdict), generation, now),
  };
}

/**
 * There is no Ready, and waiting is not Reconciling: kstatus would have GitOps tools wait for an approval, and turn red over time alone. What
 * can never take effect is stalled: its author can mend that.
 */
function conditionsOf({ state, message }: Verdict): ConditionFact[] {
  const fact = (type: string, status: ConditionFact['status']): ConditionFact => ({
    type,
    status,
    reason: state,
    message,
  });
  switch (state) {
    case 'Active':
      return [fact('Active', 'True')];
    case 'AwaitingApproval':
    case 'Expired':
      return [fact('Active', 'False')];
    default:
      return [fact('Active', 'False'), fact('Stalled', 'True')];
  }
}
