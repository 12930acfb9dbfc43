import { bindings } from '../../rbac-objects.ts';
import type { Rule } from '../../rule.ts';

const everybody = new Set([
  'system:authenticated',
  'system:unauthenticated',
  'system:anonymous',
  'system:serviceaccounts',
]);

/** Roles that Kubernetes itself binds so. */
const harmless = new Set([
  'system:public-info-viewer',
  'system:discovery',
  'system:basic-user',
  'system:service-account-issuer-discovery',
]);

export const rbacEverybody: Rule = {
  id: 'SB706',
  name: 'rbac-everybody',
  severity: 'error',
  title: 'Nothing is granted to everybody',
  help: 'system:authenticated is whoever has any credentials, every ServiceAccount of every namespace included; system:anonymous is anybody at all.',
  fix: 'Name the users, groups or ServiceAccounts that are meant.',
  link: 'https://kubernetes.io/docs/concepts/security/rbac-good-practices/',
  *check({ objects }) {
    for (const object of bindings(objects)) {
      const role = object.root.at('roleRef', 'name').text ?? '';
      if (harmless.has(role)) continue;
      for (const subject of object.root.at('subjects').items) {
        const { text: name = '', path } = subject.at('name');
        if (subject.at('kind').text === 'ServiceAccount' || !everybody.has(name)) continue;
        yield { object, path, message: `the ${object.kind} grants ${role} to ${name}` };
      }
    }
  },
};
