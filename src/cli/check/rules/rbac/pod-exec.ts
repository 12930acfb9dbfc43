import { hasWildcard, permits, roleRules } from '../../rbac-objects.ts';
import type { Rule } from '../../rule.ts';

const ways = [
  { resource: 'pods/exec', verbs: ['create', 'get'] },
  { resource: 'pods/attach', verbs: ['create', 'get'] },
  { resource: 'pods/ephemeralcontainers', verbs: ['update', 'patch'] },
  { resource: 'nodes/proxy', verbs: ['create', 'get'] },
] as const;

export const rbacPodExec: Rule = {
  id: 'SB704',
  name: 'rbac-pod-exec',
  severity: 'warning',
  title: 'Roles do not permit to enter running pods',
  help: 'Who may exec into a pod has its ServiceAccount, its Secrets and its network; nodes/proxy gives that for all pods of a node.',
  fix: 'Keep it to a Role that people take for an hour, and not a workload.',
  link: 'https://kubernetes.io/docs/concepts/security/rbac-good-practices/#workload-creation',
  *check({ objects }) {
    for (const rule of roleRules(objects)) {
      if (rule.isNamed || hasWildcard(rule)) continue;
      const found = ways.filter(({ resource, verbs }) => permits(rule, '', resource, verbs));
      if (found.length === 0) continue;
      const what = found.map(({ resource }) => resource).join(', ');
      yield {
        object: rule.object,
        path: rule.field.path,
        message: `the ${rule.object.kind} permits ${what}`,
      };
    }
  },
};
