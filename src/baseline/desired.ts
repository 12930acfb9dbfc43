/**
 * The desired state of a namespace: a pure and total function of the baselines, the cluster and the namespace. The operator,
 * `plan` and reports all ask it, so that they cannot disagree.
 */
import type { BaselineException, SecurityBaseline } from '../api/types.generated.ts';
import { defaultDenyMark, exceptionMark } from './admission-marks.ts';
import type { ClusterFacts } from './cluster-facts.ts';
import { type DesiredState, nothingDesired } from './desired-state.ts';
import { limitRanges } from './limit-range.ts';
import { refOf } from './manifest.ts';
import { deniedDirections, networkPolicies } from './network-policy.ts';
import { composePodSecurity } from './pod-security.ts';
import { admissionExceptionsOf, exceptionPolicies, lowerPodSecurity, raiseQuota } from './relaxation.ts';
import { resourceQuotas } from './resource-quota.ts';
import { byPrecedence, isEnforcing, type NamespaceIdentity, selects } from './selection.ts';
import { serviceAccounts } from './service-account.ts';

/** The baselines that select a namespace, by precedence, those in Audit mode included. */
export function selectingBaselines(
  baselines: readonly SecurityBaseline[],
  namespace: NamespaceIdentity,
): readonly SecurityBaseline[] {
  return baselines.filter((baseline) => selects(baseline, namespace)).sort(byPrecedence);
}

/**
 * What the baselines give together. Independent of the order in which they are given.
 *
 * @param selecting what {@link selectingBaselines} gives for the namespace
 * @param exceptions those of the namespace that are in effect
 */
export function compose(
  selecting: readonly SecurityBaseline[],
  cluster: ClusterFacts,
  exceptions: readonly BaselineException[] = [],
): DesiredState {
  const baselines = selecting.filter(isEnforcing).sort(byPrecedence);
  const [first] = baselines;
  const auditing = selecting
    .filter((baseline) => !isEnforcing(baseline))
    .sort(byPrecedence)
    .map(refOf);
  if (first === undefined) return { ...nothingDesired, auditing };
  const denied = deniedDirections(baselines);
  const policies = baselines.map((baseline) => networkPolicies(baseline, denied, cluster));
  const limits = limitRanges(baselines);
  const accounts = serviceAccounts(baselines, cluster);
  return {
    baselines: baselines.map(refOf),
    auditing,
    denied,
    deniedMark: defaultDenyMark(baselines, denied) ?? '',
    objects: [
      ...policies.flatMap(({ objects }) => objects),
      ...exceptionPolicies(exceptions, first, denied),
      ...baselines.flatMap(resourceQuotas).map((quota) => raiseQuota(quota, exceptions)),
      ...limits.objects,
      ...accounts.objects,
    ],
    kept: policies.flatMap(({ kept }) => kept),
    podSecurity: lowerPodSecurity(composePodSecurity(baselines), exceptions),
    podSecurityBy: uidsOf(baselines.filter(({ spec }) => spec.podSecurity !== undefined)),
    exceptionMark: exceptionMark(exceptions.flatMap(admissionExceptionsOf)) ?? '',
    mark: baselines.some(({ spec }) => spec.admission?.holdPodsUntilHardened === true)
      ? uidsOf(baselines)
      : [],
    denyDefaultToken: baselines.some(({ spec }) => spec.defaultServiceAccount?.automountToken === false),
    problems: [...policies.flatMap(({ problems }) => problems), ...limits.problems, ...accounts.problems],
  };
}

/** What the baselines would give together if those in Audit mode enforced, too. */
export function composeAsIfEnforced(
  selecting: readonly SecurityBaseline[],
  cluster: ClusterFacts,
  exceptions: readonly BaselineException[] = [],
): DesiredState {
  const enforcing = selecting.map((baseline) => ({
    ...baseline,
    spec: { ...baseline.spec, mode: 'Enforce' as const },
  }));
  return compose(enforcing, cluster, exceptions);
}

function uidsOf(baselines: readonly SecurityBaseline[]): string[] {
  return baselines.map((baseline) => refOf(baseline).uid).sort();
}
