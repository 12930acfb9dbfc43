import { describe, expect, test } from 'vitest';
import type { RbacRule } from '../../../src/api/objects.ts';
import type { ServiceAccountItem } from '../../../src/api/types.generated.ts';
import { serviceAccounts } from '../../../src/baseline/service-account.ts';
import { baseline, cluster, namesIn, objectIn } from './fixtures.ts';

const readPods = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
const bindView: RbacRule = {
  apiGroups: ['rbac.authorization.k8s.io'],
  resources: ['clusterroles'],
  verbs: ['bind'],
  resourceNames: ['view'],
};

function give(item: Omit<ServiceAccountItem, 'name'>, grantable: readonly RbacRule[] = []) {
  return serviceAccounts([baseline('tenant', { serviceAccounts: [{ name: 'app', ...item }] })], {
    ...cluster,
    grantable,
  });
}

test('a ServiceAccount mounts no token unless it says so, and has no Role unless it has rules', () => {
  const given = give({});
  expect(namesIn(given)).toEqual(['ServiceAccount/app']);
  expect(objectIn(given, 'ServiceAccount', 'app').manifest.automountServiceAccountToken).toBe(false);
});

test('pull secrets are set, and remembered as ours', () => {
  expect(
    objectIn(give({ imagePullSecrets: ['registry', 'mirror'] }), 'ServiceAccount', 'app').manifest,
  ).toMatchObject({
    metadata: { annotations: { 'securitybaseline.io/image-pull-secrets': 'registry,mirror' } },
    imagePullSecrets: [{ name: 'registry' }, { name: 'mirror' }],
  });
});

test('rules become a Role of its own, and a binding to it', () => {
  const given = give({ rules: [readPods] }, [readPods]);
  expect(objectIn(given, 'Role', 'tenant.app').manifest.rules).toEqual([readPods]);
  expect(objectIn(given, 'RoleBinding', 'tenant.app').manifest).toMatchObject({
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'tenant.app' },
    subjects: [{ kind: 'ServiceAccount', name: 'app' }],
  });
});

test('rules that are not grantable are listed, and none of them is granted', () => {
  const secrets = { apiGroups: [''], resources: ['secrets'], verbs: ['get'] };
  const given = give({ rules: [readPods, secrets] }, [readPods]);
  expect(namesIn(given)).toEqual(['ServiceAccount/app']);
  expect(given.problems).toEqual([
    expect.objectContaining({
      reason: 'RulesNotGrantable',
      missing: true,
      message: expect.stringMatching(
        /^spec\.serviceAccounts\[app\]\.rules: not grantable: get secrets; add them to a ClusterRole/,
      ),
    }),
  ]);
});

test('of many rules that are missing, the first are listed', () => {
  const resources = Array.from({ length: 12 }, (_, i) => `kind${i}`);
  const [problem] = give({ rules: [{ apiGroups: ['example.com'], resources, verbs: ['get'] }] }).problems;
  expect(problem?.message).toContain('get kind7.example.com; and 4 more;');
});

describe('ClusterRoles', () => {
  test('are bound by name, each by a binding of its own', () => {
    const given = give({ clusterRoles: ['view'] }, [bindView]);
    expect(namesIn(given)).toEqual(['ServiceAccount/app', 'RoleBinding/tenant.app.view']);
    expect(objectIn(given, 'RoleBinding', 'tenant.app.view').manifest).toMatchObject({
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'ServiceAccount', name: 'app' }],
    });
    expect(given.problems).toEqual([]);
  });

  test('that are missing are listed; those that are not are bound', () => {
    const given = give({ clusterRoles: ['admin', 'view', 'edit'] }, [bindView]);
    expect(namesIn(given)).toEqual(['ServiceAccount/app', 'RoleBinding/tenant.app.view']);
    expect(given.problems).toEqual([
      expect.objectContaining({
        reason: 'ClusterRolesNotGrantable',
        missing: true,
        message: expect.stringContaining(
          'spec.serviceAccounts[app].clusterRoles: not grantable: admin; edit; name them in',
        ),
      }),
    ]);
  });

  test('beside rules have bindings of other names', () => {
    const given = give({ rules: [readPods], clusterRoles: ['view'] }, [readPods, bindView]);
    expect(namesIn(given)).toEqual([
      'ServiceAccount/app',
      'Role/tenant.app',
      'RoleBinding/tenant.app',
      'RoleBinding/tenant.app.view',
    ]);
  });

  test('the permission to bind is not one to pass on', () => {
    const given = give(
      {
        rules: [
          {
            apiGroups: ['rbac.authorization.k8s.io'],
            resources: ['clusterroles'],
            verbs: ['bind'],
            resourceNames: ['view'],
          },
        ],
      },
      [bindView],
    );
    expect(given.problems[0]?.reason).toBe('RulesNotGrantable');
  });
});
