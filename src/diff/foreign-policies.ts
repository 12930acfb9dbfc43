/** NetworkPolicies that the baselines did not ask for: they add up with those that they did. */
import type { NetworkPolicySpec } from '../api/types.generated.ts';
import type { DesiredState } from '../baseline/desired-state.ts';
import type { Observed } from './diff.ts';

/** A NetworkPolicy that stands in the namespace beside the desired ones. */
export interface ForeignPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly spec: NetworkPolicySpec;
}

/**
 * What counts is whether a policy is desired, not what its labels say: anybody may write ours on a policy of his own. One
 * that differs from what is desired under its name is put back, and so is not for here.
 */
export function foreignPolicies(desired: DesiredState, observed: Observed): ForeignPolicy[] {
  const wanted = new Set([...desired.objects, ...desired.kept].map(({ kind, name }) => `${kind}/${name}`));
  const foreign: ForeignPolicy[] = [];
  for (const { namespace, name, policy } of observed.objects('NetworkPolicy')) {
    if (policy !== undefined && !wanted.has(`NetworkPolicy/${name}`))
      foreign.push({ namespace, name, spec: policy });
  }
  return foreign;
}
