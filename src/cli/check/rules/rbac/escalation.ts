import { hasWildcard, permits, roleRules } from '../../rbac-objects.ts';
import type { Rule } from '../../rule.ts';

const group = 'rbac.authorization.k8s.io';

/** With any of these, one can give oneself everything else. */
const ways: readonly { readonly group: string; readonly resource: string; readonly verb: string }[] = [
  { group, resource: 'roles', verb: 'escalate' },
  { group, resource: 'clusterroles', verb: 'escalate' },
  { group, resource: 'roles', verb: 'bind' },
  { group, resource: 'clusterroles', verb: 'bind' },
  { group: '', resource: 'users', verb: 'impersonate' },
  { group: '', resource: 'groups', verb: 'impersonate' },
  { group: '', resource: 'serviceaccounts', verb: 'impersonate' },
  { group: '', resource: 'serviceaccounts/token', verb: 'create' },
];

export const rbacEscalation: Rule = {
  id: 'SB703',
  name: 'rbac-escalation',
  severity: 'error',
  title: 'Roles do not permit to escalate, bind or impersonate',
  help: 'Each of these is a way to any other permission: more rules in a Role, a stronger Role for oneself, or to act as somebody else.',
  fix: 'Leave it out, or name in resourceNames the Roles or accounts that are meant.',
  link: 'https://kubernetes.io/docs/concepts/security/rbac-good-practices/#privilege-escalation-risks',
  *check({ objects }) {
    for (const rule of roleRules(objects)) {
      if (rule.isNamed || hasWildcard(rule)) continue;
      const found = ways.filter((way) => permits(rule, way.group, way.resource, [way.verb]));
      if (found.length === 0) continue;
      const what = found.map(({ verb, resource }) => `${verb} ${resource}`).join(', ');
      yield {
        object: rule.object,
        path: rule.field.path,
        message: `the ${rule.object.kind} permits ${what}`,
      };
    }
  },
};
