import { parseQuantity } from '../../../../api/quantity.ts';
import type { ResourceQuotaSpec } from '../../../../api/types.generated.ts';
import { formatAmount } from '../../amount-text.ts';
import { containerLimits, defaultsOf } from '../../pod-resources.ts';
import { isDecidable, podsInScope, type Use, usesOf } from '../../quota-usage.ts';
import type { Rule } from '../../rule.ts';

/** How many objects a message names. */
const mostNamed = 3;

export const quotaFit: Rule = {
  id: 'SB501',
  name: 'quota-fit',
  severity: 'error',
  title: "What the manifests ask for together fits the baselines' quotas",
  help:
    'The sum of all pods (requests or limits, times replicas), claims and objects of a namespace is held against each quota. What runs there ' +
    'beside the manifests, surges of rollouts and autoscalers come on top.',
  fix: 'Ask for less or for fewer replicas, or have the quota raised: in the baseline, or by a BaselineException of kind Quota.',
  link: 'https://kubernetes.io/docs/concepts/policy/resource-quotas/',
  *check(scope) {
    if (scope.kind !== 'namespace') return;
    const defaults = defaultsOf(containerLimits(scope.desired));
    for (const { kind, name, manifest, baseline } of scope.desired.objects) {
      if (kind !== 'ResourceQuota') continue;
      const spec = manifest.spec as ResourceQuotaSpec;
      if (!isDecidable(spec)) continue;
      const pods = podsInScope(spec, scope.pods, defaults);
      const objects = spec.scopes === undefined && spec.scopeSelector === undefined ? scope.objects : [];
      for (const [resource, hard] of Object.entries(spec.hard)) {
        const limit = parseQuantity(hard) ?? 0n;
        const uses = usesOf(resource, pods, objects, defaults);
        const used = uses.reduce((sum, { amount }) => sum + amount, 0n);
        const [greatest] = uses.toSorted((a, b) => (a.amount < b.amount ? 1 : a.amount > b.amount ? -1 : 0));
        if (used <= limit || greatest === undefined) continue;
        yield {
          object: greatest.object,
          path: ['spec', 'replicas'],
          baseline: baseline.name,
          message:
            `quota ${name} gives namespace ${scope.namespace} ${resource} ${formatAmount(limit)}, the manifests take ${formatAmount(used)}: ` +
            `${formatAmount(used - limit)} short (${describe(uses)})`,
        };
      }
    }
  },
};

function describe(uses: readonly Use[]): string {
  const sorted = uses.toSorted((a, b) => (a.amount < b.amount ? 1 : a.amount > b.amount ? -1 : 0));
  const named = sorted
    .slice(0, mostNamed)
    .map(({ object, amount }) => `${object.kind} ${object.name} ${formatAmount(amount)}`);
  const others = sorted.length - named.length;
  return [...named, ...(others > 0 ? [`${others} more`] : [])].join(', ');
}
