import { bindings } from '../../rbac-objects.ts';
import type { Rule } from '../../rule.ts';

export const rbacClusterAdmin: Rule = {
  id: 'SB705',
  name: 'rbac-cluster-admin',
  severity: 'error',
  title: 'Nobody is bound to cluster-admin',
  help: 'cluster-admin may do everything; bound in a namespace, everything there: also delete what the baseline put in place.',
  fix: 'Bind a Role that permits what is needed. For emergencies there is the break-glass group.',
  link: 'https://kubernetes.io/docs/concepts/security/rbac-good-practices/#least-privilege',
  *check({ objects }) {
    for (const object of bindings(objects)) {
      const field = object.root.at('roleRef', 'name');
      if (field.text === 'cluster-admin' && object.root.at('roleRef', 'kind').text === 'ClusterRole') {
        yield { object, path: field.path, message: `the ${object.kind} binds cluster-admin` };
      }
    }
  },
};
