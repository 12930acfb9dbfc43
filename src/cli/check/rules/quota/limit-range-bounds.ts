import { parseQuantity } from '../../../../api/quantity.ts';
import { containerLimits, defaultsOf, effectiveResources } from '../../pod-resources.ts';
import { containerName } from '../../pod-templates.ts';
import type { Rule } from '../../rule.ts';

export const limitRangeBounds: Rule = {
  id: 'SB503',
  name: 'limit-range-bounds',
  severity: 'error',
  title: "Containers stay within the baselines' LimitRanges",
  help: 'A container that asks for less than min, or may use more than max, is refused.',
  fix: 'Bring resources.requests and resources.limits between min and max.',
  link: 'https://kubernetes.io/docs/concepts/policy/limit-range/',
  *check(scope) {
    if (scope.kind !== 'namespace') return;
    const limits = containerLimits(scope.desired);
    const defaults = defaultsOf(limits);
    for (const { object, spec } of scope.pods) {
      for (const container of [...spec.at('initContainers').items, ...spec.at('containers').items]) {
        const effective = effectiveResources(container, defaults);
        const bounds = limits.flatMap(({ min = {}, max = {} }) => [
          ...Object.entries(min).map(([resource, bound]) => ({ resource, bound, is: 'min' as const })),
          ...Object.entries(max).map(([resource, bound]) => ({ resource, bound, is: 'max' as const })),
        ]);
        for (const { resource, bound, is } of bounds) {
          for (const kind of ['requests', 'limits'] as const) {
            const amount = effective[kind].get(resource);
            const edge = parseQuantity(bound);
            if (amount === undefined || edge === undefined) continue;
            if (is === 'min' ? amount >= edge : amount <= edge) continue;
            const field = container.at('resources', kind, resource);
            const given = `${kind}.${resource} ${field.scalar ?? '(by default)'}`;
            const relation = is === 'min' ? 'less than the min' : 'more than the max';
            yield {
              object,
              path: field.path,
              message: `container ${containerName(container)}: ${given} is ${relation} ${bound} of a LimitRange`,
            };
          }
        }
      }
    }
  },
};
