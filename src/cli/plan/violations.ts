/** What a plan brings that something in the namespace breaks: quotas, limits, clashes and tenants' own policies. */
import { managedByLabel, operatorName } from '../../api/labels.ts';
import type { LimitRangeLimit, ResourceQuotaSpec } from '../../api/types.generated.ts';
import { isEnforcing, selects } from '../../baseline/selection.ts';
import { restrictViolations } from '../../connectivity/restriction.ts';
import { weakeningOf } from '../../controller/weakening.ts';
import { foreignPolicies } from '../../diff/foreign-policies.ts';
import type { ObservedNamespace } from '../../diff/observed-namespace.ts';
import type { Evaluation, Fleet } from '../cluster/fleet.ts';
import type { PodRecord } from '../cluster/pod-record.ts';
import { limitRangeViolations } from './limit-range-violations.ts';
import type { PlannedChanges } from './object-changes.ts';
import { type QuotaInput, quotaViolations } from './quota-violations.ts';
import type { Violation } from './report.ts';

/** What new and changed quotas and limit ranges refuse of what runs. */
export function objectViolations(
  { namespace, changes }: PlannedChanges,
  fleet: Fleet,
  after: Evaluation,
  podsByNamespace: ReadonlyMap<string, readonly PodRecord[]>,
): readonly Violation[] {
  const { name } = namespace;
  const pods = podsByNamespace.get(name) ?? [];
  return changes.flatMap((change) => {
    if (!('desired' in change)) return [];
    const { kind, name: object, manifest } = change.desired;
    if (kind === 'LimitRange') return limitRangeViolations(name, object, limitsOf(manifest), pods);
    if (kind !== 'ResourceQuota') return [];
    return quotaViolations(quotaInput(name, object, manifest.spec as ResourceQuotaSpec, pods, fleet, after));
  });
}

function quotaInput(
  namespace: string,
  name: string,
  spec: ResourceQuotaSpec,
  pods: readonly PodRecord[],
  fleet: Fleet,
  after: Evaluation,
): QuotaInput {
  const observed = after.view.namespace(namespace);
  const desired = observed === undefined ? [] : after.desired.of(observed).objects;
  const wanted = desired.filter(({ kind }) => kind === 'LimitRange').map(({ manifest }) => manifest);
  const names = new Set(wanted.map(({ metadata }) => metadata.name));
  const foreign = fleet
    .inNamespace('LimitRange', namespace)
    .filter(
      ({ metadata }) => metadata.labels?.[managedByLabel] !== operatorName && !names.has(metadata.name),
    );
  return {
    namespace,
    name,
    spec,
    pods,
    current: fleet.inNamespace('ResourceQuota', namespace),
    limits: [...wanted, ...foreign].flatMap(limitsOf),
  };
}

function limitsOf({ spec }: { readonly [field: string]: unknown }): readonly LimitRangeLimit[] {
  return (spec as { readonly limits?: readonly LimitRangeLimit[] } | undefined)?.limits ?? [];
}

/** What keeps the namespace from becoming hardened, and did not before. */
export function stateViolations(
  namespace: ObservedNamespace,
  before: Evaluation,
  after: Evaluation,
): readonly Violation[] {
  const now = statesOf(namespace, after);
  const known = new Set(
    statesOf(namespace, before).map(({ rule, subject, message }) => `${rule} ${subject} ${message}`),
  );
  return now.filter(({ rule, subject, message }) => !known.has(`${rule} ${subject} ${message}`));
}

function statesOf(namespace: ObservedNamespace, evaluation: Evaluation): Violation[] {
  const { name } = namespace;
  const desired = evaluation.desired.of(namespace);
  const observed = evaluation.view.observed(namespace);
  const clashes = evaluation.changes(namespace).clashes.map(
    (clash): Violation => ({
      rule: 'clash',
      namespace: name,
      subject: `${clash.kind} ${clash.name}`,
      message:
        'is there already and not ours, and is left as it is: rename or delete it, or the namespace will not be hardened',
    }),
  );
  const weakened = weakeningOf(desired, observed).map(
    ({ message }): Violation => ({ rule: 'weakened', namespace: name, subject: 'Namespace', message }),
  );
  const rules = evaluation.baselines
    .filter((baseline) => isEnforcing(baseline) && selects(baseline, namespace))
    .map(({ spec }) => spec.networkPolicy?.tenantPolicies ?? 'Allow');
  const foreign = foreignPolicies(desired, observed);
  const refused = foreign.flatMap((policy): Violation[] => {
    const subject = `NetworkPolicy ${policy.name}`;
    if (rules.includes('Forbid')) {
      return [
        {
          rule: 'tenant-policy',
          namespace: name,
          subject,
          message: 'tenantPolicies: Forbid refuses its next change',
        },
      ];
    }
    const reasons = rules.includes('Restrict') ? restrictViolations(policy, desired.denied) : [];
    return reasons.map(({ field, message }) => ({
      rule: 'tenant-policy',
      namespace: name,
      subject,
      message: `tenantPolicies: Restrict refuses its next change: ${field}: ${message}`,
    }));
  });
  return [...clashes, ...weakened, ...refused];
}
