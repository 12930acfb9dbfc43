import { admissionPodRule } from '../../admission-rule.ts';
import { containerLimits, defaultsOf, missingResources } from '../../pod-resources.ts';
import { containerName } from '../../pod-templates.ts';

export const requestsAndLimits = admissionPodRule({
  id: 'SB402',
  name: 'requests-and-limits',
  title: 'Containers have requests and limits for cpu and memory',
  help: "Without them a pod takes what its neighbours need. What the baselines' LimitRanges give by default is not missing.",
  fix: 'Set resources.requests and resources.limits for cpu and memory.',
  *find({ object, spec }, { admission, baseline, scope }) {
    if (admission.workloads?.requireRequestsAndLimits !== true) return;
    // In a pod every LimitRange's defaults are there when the policy looks; for a template it asks only this baseline's.
    const limits = containerLimits(scope.desired, object.kind === 'Pod' ? undefined : baseline.metadata.name);
    const lacking = missingResources(spec, defaultsOf(limits), ['cpu', 'memory']);
    for (const { container, field, missing } of lacking) {
      yield {
        path: field.path,
        message: `container ${containerName(container)} has no ${missing.join(', ')}`,
      };
    }
  },
});
