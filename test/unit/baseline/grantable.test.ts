import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { managedKinds } from '../../../src/api/kinds.ts';
import type { RbacRule } from '../../../src/api/objects.ts';
import { describeRule, notBindable, notGrantable } from '../../../src/baseline/grantable.ts';

const rbac = 'rbac.authorization.k8s.io';
const everything: RbacRule[] = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];

function rule(verbs: string, resources: string, apiGroups = '', resourceNames = ''): RbacRule {
  const list = (text: string): string[] => text.split(',');
  return {
    apiGroups: list(apiGroups),
    resources: list(resources),
    verbs: list(verbs),
    ...(resourceNames === '' ? {} : { resourceNames: list(resourceNames) }),
  };
}

describe('what is grantable', () => {
  test.each<[string, RbacRule, RbacRule[]]>([
    ['the rule itself', rule('get,list', 'pods'), [rule('get,list', 'pods')]],
    ['a part of a rule', rule('get', 'pods'), [rule('get,list', 'pods,configmaps')]],
    [
      'what several rules add up to',
      rule('get,list', 'pods,configmaps'),
      [rule('get', 'pods'), rule('list', 'pods'), rule('get,list', 'configmaps')],
    ],
    ['any verb where a star is granted', rule('patch', 'pods'), [rule('*', 'pods')]],
    [
      'any group where a star is granted',
      rule('get', 'deployments', 'apps'),
      [rule('get', 'deployments', '*')],
    ],
    ['any resource where a star is granted', rule('get', 'pods'), [rule('get', '*')]],
    ['a subresource where a star is granted', rule('get', 'pods/log'), [rule('get', '*')]],
    [
      'a subresource of everything',
      rule('update', 'deployments/scale', 'apps'),
      [rule('update', '*/scale', 'apps')],
    ],
    ['a name where no names are granted', rule('get', 'configmaps', '', 'app'), [rule('get', 'configmaps')]],
    [
      'a name among those granted',
      rule('get', 'configmaps', '', 'app'),
      [rule('get', 'configmaps', '', 'web,app')],
    ],
    [
      'a URL',
      { nonResourceURLs: ['/metrics'], verbs: ['get'] },
      [{ nonResourceURLs: ['/metrics'], verbs: ['get'] }],
    ],
    [
      'a URL below a star',
      { nonResourceURLs: ['/healthz/etcd'], verbs: ['get'] },
      [{ nonResourceURLs: ['/healthz/*'], verbs: ['*'] }],
    ],
    [
      'into pods: not a managed kind, so it is for the platform team to say',
      rule('create', 'pods/exec,pods/attach,pods/portforward'),
      [rule('create', 'pods/exec,pods/attach,pods/portforward')],
    ],
    ['reading namespaces', rule('get,list,watch', 'namespaces'), everything],
    ['reading ClusterRoles', rule('get', 'clusterroles', rbac), everything],
    ['nothing', { apiGroups: [''], resources: [], verbs: [] }, []],
  ])('%s', (_name, asked, grantable) => {
    expect(notGrantable([asked], grantable)).toEqual([]);
  });
});

describe('what is not grantable: more than was granted', () => {
  test.each<[string, RbacRule, RbacRule[]]>([
    ['anything, while nothing is', rule('get', 'pods'), []],
    ['another verb', rule('delete', 'pods'), [rule('get', 'pods')]],
    ['another group', rule('get', 'pods', 'metrics.k8s.io'), [rule('get', 'pods')]],
    ['another resource', rule('get', 'secrets'), [rule('get', 'pods')]],
    ['a subresource of what is granted', rule('get', 'pods/log'), [rule('get', 'pods')]],
    ['what a granted subresource belongs to', rule('get', 'pods'), [rule('get', 'pods/log,*/log')]],
    ['another subresource', rule('get', 'pods/exec'), [rule('get', '*/log')]],
    ['a deeper subresource that begins alike', rule('get', 'pods/log/all'), [rule('get', '*/log')]],
    ['another name', rule('get', 'configmaps', '', 'other'), [rule('get', 'configmaps', '', 'app')]],
    ['all names', rule('get', 'configmaps'), [rule('get', 'configmaps', '', 'app')]],
    [
      'a star as a name, which is a name like any other',
      rule('get', 'configmaps', '', 'app'),
      [rule('get', 'configmaps', '', '*')],
    ],
    ['a star of resources', rule('get', '*'), [rule('get', 'pods,configmaps,secrets')]],
    ['a star of groups', rule('get', 'pods', '*'), [rule('get', 'pods')]],
    [
      'verb and resource of two rules mixed',
      rule('delete', 'pods'),
      [rule('get', 'pods'), rule('delete', 'configmaps')],
    ],
    ['a URL', { nonResourceURLs: ['/metrics'], verbs: ['get'] }, [rule('*', '*', '*')]],
    [
      'a URL that begins alike',
      { nonResourceURLs: ['/healthzz'], verbs: ['get'] },
      [{ nonResourceURLs: ['/healthz', '/healthz/*'], verbs: ['get'] }],
    ],
  ])('%s', (_name, asked, grantable) => {
    expect(notGrantable([asked], grantable).length).toBeGreaterThan(0);
  });

  test('only the parts that are missing are told', () => {
    const missing = notGrantable(
      [rule('get,delete', 'pods,secrets')],
      [rule('get', 'pods,secrets'), rule('delete', 'pods')],
    );
    expect(missing.map(describeRule)).toEqual(['delete secrets']);
  });
});

describe('what is never grantable, whatever the grantable ClusterRole says', () => {
  test.each(Object.entries(managedKinds))(
    '%s, by any verb, nor its subresources',
    (_kind, { group, plural }) => {
      for (const verb of ['get', 'create', 'delete', 'deletecollection', '*']) {
        for (const resource of [plural, `${plural}/status`, `${plural}/token`, `${plural}/*`]) {
          expect(notGrantable([rule(verb, resource, group)], everything)).toHaveLength(1);
          expect(notGrantable([rule(verb, resource, '*')], everything)).toHaveLength(1);
          expect(notGrantable([rule(verb, resource, group, 'one')], everything)).toHaveLength(1);
        }
      }
    },
  );

  test.each<[string, RbacRule]>([
    ['tokens of ServiceAccounts', rule('create', 'serviceaccounts/token')],
    ['everything', rule('*', '*', '*')],
    ['every resource of the core group', rule('get', '*')],
    ['every subresource of one name', rule('create', '*/token')],
    ['baselines', rule('get', 'securitybaselines', 'securitybaseline.io')],
    ['approval of exceptions', rule('patch', 'baselineexceptions/status', 'securitybaseline.io')],
    ['whatever else our group will hold', rule('get', 'others', 'securitybaseline.io')],
    ["a namespace's labels", rule('patch', 'namespaces')],
    ["a namespace's labels by a subresource", rule('update', 'namespaces/status')],
    ["a namespace's labels among harmless verbs", rule('get,update', 'namespaces')],
    ['impersonation', rule('impersonate', 'users')],
    ['constrained impersonation', rule('impersonate:user-info', 'users', 'authentication.k8s.io')],
    ['constrained impersonation for an action', rule('impersonate-on:user-info:get', 'pods')],
    ['binding', rule('bind', 'clusterroles', rbac, 'view')],
    ['escalation', rule('escalate', 'clusterroles', rbac)],
    ['every verb, which includes these', rule('*', 'clusterroles', rbac)],
  ])('%s', (_name, asked) => {
    expect(notGrantable([asked], everything).length).toBeGreaterThan(0);
    expect(notGrantable([asked], [asked]).length).toBeGreaterThan(0);
  });
});

describe('ClusterRoles by bind', () => {
  const bind = rule('bind', 'clusterroles', rbac, 'view,edit');

  test('those that a rule names', () => {
    expect(notBindable(['view', 'edit'], [bind])).toEqual([]);
    expect(notBindable(['admin', 'view'], [bind])).toEqual(['admin']);
    expect(notBindable([], [])).toEqual([]);
  });

  test.each<[string, RbacRule]>([
    ['without names', rule('bind', 'clusterroles', rbac)],
    ['with a star as the name', rule('bind', 'clusterroles', rbac, '*')],
    ['with a star as the verb', rule('*', 'clusterroles', rbac, 'view')],
    ['with a star as the resource', rule('bind', '*', rbac, 'view')],
    ['with a star as the group', rule('bind', 'clusterroles', '*', 'view')],
    ['with another verb', rule('get,escalate', 'clusterroles', rbac, 'view')],
    ['about Roles', rule('bind', 'roles', rbac, 'view')],
    ['of another group', rule('bind', 'clusterroles', '', 'view')],
  ])('not by a rule %s', (_name, granted) => {
    expect(notBindable(['view'], [granted])).toEqual(['view']);
  });

  test('never cluster-admin', () => {
    expect(notBindable(['cluster-admin'], [rule('bind', 'clusterroles', rbac, 'cluster-admin')])).toEqual([
      'cluster-admin',
    ]);
  });
});

describe('as a property', () => {
  interface Request {
    readonly verb: string;
    readonly group: string;
    readonly resource: string;
    readonly name: string;
  }
  /** Every request that the words below can make, and some words that no rule speaks of. */
  const requests: Request[] = ['get', 'delete', 'impersonate', 'other'].flatMap((verb) =>
    ['', 'apps', rbac, 'other'].flatMap((group) =>
      [
        'pods',
        'pods/log',
        'deployments/scale',
        'roles',
        'serviceaccounts',
        'serviceaccounts/token',
        'namespaces',
        'other',
        'other/log',
      ].flatMap((resource) => ['app', 'other'].map((name) => ({ verb, group, resource, name }))),
    ),
  );

  /** What the authorizer lets pass: https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/rbac/v1/evaluation_helpers.go */
  function allows(
    { verbs, apiGroups = [], resources = [], resourceNames = [] }: RbacRule,
    { verb, group, resource, name }: Request,
  ): boolean {
    const [, subresource] = resource.split('/');
    return (
      (verbs.includes('*') || verbs.includes(verb)) &&
      (apiGroups.includes('*') || apiGroups.includes(group)) &&
      (resources.includes('*') ||
        resources.includes(resource) ||
        (subresource !== undefined && resources.includes(`*/${subresource}`))) &&
      (resourceNames.length === 0 || resourceNames.includes(name))
    );
  }

  const some = (...words: string[]) =>
    fc.uniqueArray(fc.constantFrom(...words), { minLength: 1, maxLength: 3 });
  const anyRule: fc.Arbitrary<RbacRule> = fc.record({
    verbs: some('get', 'delete', 'impersonate', '*'),
    apiGroups: some('', 'apps', rbac, '*'),
    resources: some(
      'pods',
      'pods/log',
      'deployments/scale',
      'roles',
      'serviceaccounts',
      'serviceaccounts/token',
      'namespaces',
      '*',
      '*/log',
      '*/scale',
    ),
    resourceNames: fc.uniqueArray(fc.constantFrom('app', 'web'), { maxLength: 2 }),
  });

  test('what is grantable lets pass nothing that the grantable rules do not, and nothing of the managed kinds', () => {
    const managed = Object.values(managedKinds).map(({ group, plural }) => `${group}/${plural}`);
    fc.assert(
      fc.property(anyRule, fc.array(anyRule, { maxLength: 4 }), (asked, grantable) => {
        if (notGrantable([asked], grantable).length > 0) return;
        for (const request of requests.filter((candidate) => allows(asked, candidate))) {
          expect(grantable.some((granted) => allows(granted, request))).toBe(true);
          expect(managed).not.toContain(`${request.group}/${request.resource.split('/')[0]}`);
          expect(request.verb).not.toBe('impersonate');
          if (request.resource === 'namespaces' && request.group === '') expect(request.verb).toBe('get');
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('whatever a grantable rule says is grantable in any parts, as long as it is neither managed nor escalating', () => {
    const harmless: fc.Arbitrary<RbacRule> = fc.record({
      verbs: some('get', 'delete', 'create'),
      apiGroups: some('', 'apps', 'batch'),
      resources: some('pods', 'pods/log', 'deployments/scale', 'secrets'),
      resourceNames: fc.uniqueArray(fc.constantFrom('app', 'web'), { maxLength: 2 }),
    });
    fc.assert(
      fc.property(
        fc.array(harmless, { minLength: 1, maxLength: 4 }),
        fc.nat(),
        fc.nat(),
        (grantable, index, cut) => {
          const source = grantable[index % grantable.length];
          if (source === undefined) throw new Error('no rule');
          const part = { ...source, verbs: source.verbs.slice(cut % source.verbs.length) };
          expect(notGrantable([part], grantable)).toEqual([]);
          expect(notGrantable(grantable, grantable)).toEqual([]);
        },
      ),
    );
  });
});
