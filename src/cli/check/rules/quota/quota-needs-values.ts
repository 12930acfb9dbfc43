import type { ResourceQuotaSpec } from '../../../../api/types.generated.ts';
import { containerLimits, defaultsOf, missingResources } from '../../pod-resources.ts';
import { containerName } from '../../pod-templates.ts';
import { isDecidable, podsInScope } from '../../quota-usage.ts';
import type { Rule } from '../../rule.ts';

export const quotaNeedsValues: Rule = {
  id: 'SB502',
  name: 'quota-needs-values',
  severity: 'error',
  title: 'Containers say what the quotas count',
  help: 'Where a quota counts requests or limits of cpu or memory, a pod that has none is refused.',
  fix: 'Set them in resources.requests and resources.limits, or have a LimitRange in the baseline give a default.',
  link: 'https://kubernetes.io/docs/concepts/policy/resource-quotas/#requests-vs-limits',
  *check(scope) {
    if (scope.kind !== 'namespace') return;
    const defaults = defaultsOf(containerLimits(scope.desired));
    for (const { kind, name, manifest, baseline } of scope.desired.objects) {
      if (kind !== 'ResourceQuota') continue;
      const spec = manifest.spec as ResourceQuotaSpec;
      if (!isDecidable(spec)) continue;
      for (const resource of ['cpu', 'memory']) {
        for (const counted of ['requests', 'limits'] as const) {
          const isCounted =
            `${counted}.${resource}` in spec.hard || (counted === 'requests' && resource in spec.hard);
          if (!isCounted) continue;
          for (const pod of podsInScope(spec, scope.pods, defaults)) {
            for (const { container, field } of missingResources(pod.spec, defaults, [resource], [counted])) {
              yield {
                object: pod.object,
                path: field.path,
                baseline: baseline.name,
                message: `container ${containerName(container)} has no ${counted}.${resource}, which quota ${name} counts`,
              };
            }
          }
        }
      }
    }
  },
};
