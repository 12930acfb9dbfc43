import { hasWildcard, roleRules } from '../../rbac-objects.ts';
import type { Rule } from '../../rule.ts';

export const rbacWildcard: Rule = {
  id: 'SB701',
  name: 'rbac-wildcard',
  severity: 'warning',
  title: 'Roles name what they permit',
  help:
    'With * a Role grows with every resource and verb that the cluster learns. All verbs on all resources are an error: with them a tenant can ' +
    'undo the baseline.',
  fix: 'List the API groups, resources and verbs that are needed.',
  link: 'https://kubernetes.io/docs/concepts/security/rbac-good-practices/#least-privilege',
  *check({ objects }) {
    for (const rule of roleRules(objects).filter(hasWildcard)) {
      const { object, field, apiGroups, resources, verbs } = rule;
      const where = Object.entries({ apiGroups, resources, verbs }).flatMap(([key, list]) =>
        list.includes('*') ? [key] : [],
      );
      const isAll = resources.includes('*') && verbs.includes('*');
      yield {
        object,
        path: field.at(where[0] ?? '').path,
        message: `the ${object.kind} permits * in ${where.join(', ')}`,
        ...(isAll ? { severity: 'error' as const } : {}),
      };
    }
  },
};
