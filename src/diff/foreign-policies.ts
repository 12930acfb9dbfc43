/** NetworkPolicies that the baselines did not ask for: they add up with those that they did. */
import type { NetworkPolicySpec } from '../api/types.generated.ts';
import type { DesiredState } from '../baseline/desired-state.ts';
import { desiredNames } from './desired-names.ts';
import type { Observed } from './diff.ts';
import { isAsWritten } from './ownership.ts';

/** A NetworkPolicy that stands in the namespace beside those of baselines. */
export interface ForeignPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly spec: NetworkPolicySpec;
}

/**
 * What is desired is not foreign; one that differs from what is desired under its name is put back, and so is not for here. Nor is
 * what we wrote and is no longer desired: of a baseline in Audit mode, or whose removal is held, it stays, and no tenant
 * can help that; all else of it goes. Labels do not show that we wrote it, since anybody may write ours on a policy of his own.
 */
export function foreignPolicies(desired: DesiredState, observed: Observed): ForeignPolicy[] {
  const wanted = desiredNames(desired);
  const foreign: ForeignPolicy[] = [];
  for (const object of observed.objects('NetworkPolicy')) {
    const { namespace, name, policy } = object;
    if (policy === undefined || wanted.has(`NetworkPolicy/${name}`) || isAsWritten(object)) continue;
    foreign.push({ namespace, name, spec: policy });
  }
  return foreign;
}
