import { hasWildcard, permits, roleRules } from '../../rbac-objects.ts';
import type { Rule } from '../../rule.ts';

export const rbacSecrets: Rule = {
  id: 'SB702',
  name: 'rbac-secrets',
  severity: 'warning',
  title: 'Roles do not permit to list or watch Secrets',
  help: 'list and watch give the contents of all Secrets, tokens of other ServiceAccounts among them.',
  fix: 'Permit get, with resourceNames.',
  link: 'https://kubernetes.io/docs/concepts/security/rbac-good-practices/#listing-secrets',
  *check({ objects }) {
    for (const rule of roleRules(objects)) {
      if (rule.isNamed || hasWildcard(rule) || !permits(rule, '', 'secrets', ['list', 'watch'])) continue;
      const given = rule.verbs.filter((verb) => verb === 'list' || verb === 'watch');
      yield {
        object: rule.object,
        path: rule.field.path,
        message: `the ${rule.object.kind} permits ${given.join(' and ')} of all Secrets`,
      };
    }
  },
};
