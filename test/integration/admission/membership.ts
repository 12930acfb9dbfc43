import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Body,
  breakGlass,
  type Call,
  create,
  dryRun,
  get,
  mergePatch,
  replace,
  tenant,
  type User,
} from './cluster.ts';
import { type ClusterOf, tryEach } from './table.ts';

const leaving = (baseline: string): RegExp =>
  new RegExp(`baseline ${baseline}, leaving: relabelling namespace \\S+ out of it; ask the platform team`);
const joining = (baseline: string): RegExp =>
  new RegExp(`baseline ${baseline}, joining: relabelling namespace \\S+ into it; ask the platform team`);
const creating = (baseline: string): RegExp =>
  new RegExp(`baseline ${baseline}, joining: creating namespace \\S* into it`);

const namespaces = '/api/v1/namespaces';
const label = (name: string, labels: Body): Call =>
  mergePatch(`${namespaces}/${name}`, { metadata: { labels } });
const newNamespace = (metadata: Body): Call => create(namespaces, { metadata });

/** May move namespaces in and out of `members`. */
const mover: User = { name: 'max', groups: ['tenants', 'movers'] };

/** Namespaces that come into a baseline, or leave it, by their labels. */
export function membershipTests(cluster: ClusterOf): void {
  describe('moving namespaces into and out of baselines', () => {
    beforeAll(async () => {
      const podSecurity = { warn: 'baseline' };
      await cluster().baseline('members', {
        namespaceSelector: { matchLabels: { member: 'yes' } },
        podSecurity,
      });
      await cluster().baseline('guarded', {
        namespaceSelector: { matchLabels: { guarded: 'yes' } },
        joining: 'Guarded',
        podSecurity,
      });
      await cluster().baseline('expressions', {
        namespaceSelector: {
          matchExpressions: [
            { key: 'tier', operator: 'Exists' },
            { key: 'tier', operator: 'NotIn', values: ['lab', 'test'] },
            { key: 'free', operator: 'DoesNotExist' },
            { key: 'stage', operator: 'In', values: ['prod', 'staging'] },
          ],
        },
        excludeNamespaces: ['expressions-ex*d'],
        podSecurity,
      });
      await cluster().namespace('member', { member: 'yes', team: 'a' });
      await cluster().namespace('stranger', { team: 'a' });
      await cluster().namespace('expressed', { tier: 'web', stage: 'prod' });
      await cluster().namespace('expressions-excluded', { tier: 'web', stage: 'prod' });
      await cluster().do(
        breakGlass,
        create('/apis/rbac.authorization.k8s.io/v1/clusterroles', {
          metadata: { name: 'mover' },
          rules: [
            {
              apiGroups: ['securitybaseline.io'],
              resources: ['securitybaselines'],
              resourceNames: ['members'],
              verbs: ['join', 'leave'],
            },
          ],
        }),
      );
      await cluster().do(
        breakGlass,
        create('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
          metadata: { name: 'mover' },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'mover' },
          subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'movers' }],
        }),
      );
      await cluster().untilDenied(tenant, dryRun(label('member', { member: 'no' })), leaving('members'));
    });

    tryEach(cluster, [
      ['a label that selects is changed', label('member', { member: 'no' }), leaving('members')],
      ['a label that selects is removed', label('member', { member: null }), leaving('members')],
      [
        'all labels are replaced',
        replace(`${namespaces}/member`, { metadata: { name: 'member' } }),
        leaving('members'),
      ],
      ['another label is changed', label('member', { team: 'b' }), 'allowed'],
      [
        'an annotation is changed',
        mergePatch(`${namespaces}/member`, { metadata: { annotations: { a: 'b' } } }),
        'allowed',
      ],
      ['a label that selects is set', label('stranger', { member: 'yes' }), joining('members')],
      ['another label is set', label('stranger', { other: 'yes' }), 'allowed'],
      ['who has the verb leave', label('member', { member: 'no' }), 'allowed', mover],
      ['who has the verb join', label('stranger', { member: 'yes' }), 'allowed', mover],
      [
        'who has the verb join, on another baseline',
        label('stranger', { guarded: 'yes' }),
        joining('guarded'),
        mover,
      ],
      ['creation into an open baseline', newNamespace({ name: 'new', labels: { member: 'yes' } }), 'allowed'],
      [
        'creation into a guarded baseline',
        newNamespace({ name: 'new', labels: { guarded: 'yes' } }),
        creating('guarded'),
      ],
      [
        'creation into it with a generated name',
        newNamespace({ generateName: 'new-', labels: { guarded: 'yes' } }),
        creating('guarded'),
      ],
      ['creation beside it', newNamespace({ name: 'new', labels: { guarded: 'no' } }), 'allowed'],
      ['Exists no longer holds', label('expressed', { tier: null }), leaving('expressions')],
      ['NotIn no longer holds', label('expressed', { tier: 'lab' }), leaving('expressions')],
      ['DoesNotExist no longer holds', label('expressed', { free: '' }), leaving('expressions')],
      ['In no longer holds', label('expressed', { stage: 'dev' }), leaving('expressions')],
      ['In holds with another value', label('expressed', { stage: 'staging', tier: 'db' }), 'allowed'],
      ['one of several requirements is met', label('stranger', { tier: 'web' }), 'allowed'],
      ['the last of them is met', label('stranger', { tier: 'web', stage: 'prod' }), joining('expressions')],
      ['an excluded namespace', label('expressions-excluded', { tier: null }), 'allowed'],
    ]);

    it('denied: a label that selects, by server-side apply with all labels left out', async () => {
      const call: Call = {
        method: 'PATCH',
        path: `${namespaces}/applied?fieldManager=git`,
        body: {
          apiVersion: 'v1',
          kind: 'Namespace',
          metadata: { name: 'applied', labels: { member: 'yes' } },
        },
        contentType: 'application/apply-patch+yaml',
      };
      await cluster().do(tenant, call);
      const without = { ...call, body: { ...call.body, metadata: { name: 'applied' } } };
      expect(await cluster().outcome(tenant, dryRun(without))).toMatch(leaving('members'));
      expect(await cluster().outcome(breakGlass, dryRun(without))).toBe('allowed');
      expect((await cluster().do(tenant, get(`${namespaces}/applied`))).metadata).toMatchObject({
        labels: { member: 'yes' },
      });
    });
  });
}
