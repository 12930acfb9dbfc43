/** Who may do what with baselines and exceptions: each answer is the API server's, to a request by impersonation. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyManifests, readManifests } from '../../tools/operator/manifests.ts';
import {
  AdmissionCluster,
  baselineMeta,
  type Call,
  create,
  dryRun,
  get,
  mergePatch,
  remove,
  replace,
  type User,
} from '../integration/admission/cluster.ts';
import { loadKubeconfig } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';

const group = '/apis/securitybaseline.io/v1alpha1';
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const exceptionMeta = (name: string) => ({
  apiVersion: 'securitybaseline.io/v1alpha1',
  kind: 'BaselineException',
  metadata: { name },
});
const exceptionSpec = {
  reason: 'Because it is tested.',
  expiresAt: '2999-01-01T00:00:00Z',
  quota: { hard: { pods: '20' } },
};
const labels = { metadata: { labels: { a: 'b' } } };
const approval = { status: { approval: { by: 'somebody', uid: 'a-uid', generation: 1 } } };

/**
 * People, each with the role that he has: `view`, `edit` and `admin` are Kubernetes' own, bound in the namespace team-a, and `all-admin` is
 * `admin` bound in the whole cluster.
 */
const people = ['nobody', 'view', 'edit', 'admin', 'all-admin', 'approver', 'platform'] as const;
type Person = (typeof people)[number];

const exceptions = (namespace: string): string => `${group}/namespaces/${namespace}/baselineexceptions`;
const baselines = `${group}/securitybaselines`;
const may = (verb: string): Call =>
  create('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { verb, group: 'securitybaseline.io', resource: 'securitybaselines' } },
  });
const bindApprover = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  metadata: { name: 'mine' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'security-baseline-approver' },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'admin' }],
};

/** What is tried, and who may. */
const table: readonly (readonly [what: string, call: Call, who: readonly Person[]])[] = [
  [
    'read an exception of team-a',
    get(`${exceptions('team-a')}/given`),
    ['view', 'edit', 'admin', 'all-admin', 'approver', 'platform'],
  ],
  [
    'read an exception of team-b',
    get(`${exceptions('team-b')}/given`),
    ['all-admin', 'approver', 'platform'],
  ],
  [
    'ask for an exception',
    dryRun(create(exceptions('team-a'), { ...exceptionMeta('new'), spec: exceptionSpec })),
    ['edit', 'admin', 'all-admin'],
  ],
  [
    'label an exception',
    dryRun(mergePatch(`${exceptions('team-a')}/given`, labels)),
    ['edit', 'admin', 'all-admin'],
  ],
  [
    'take an exception back',
    dryRun(remove(`${exceptions('team-a')}/given`)),
    ['edit', 'admin', 'all-admin', 'platform'],
  ],
  ['take all exceptions back', dryRun(remove(exceptions('team-a'))), ['edit', 'admin', 'all-admin']],
  [
    'approve an exception',
    dryRun(mergePatch(`${exceptions('team-a')}/given/status`, approval)),
    ['approver'],
  ],
  [
    'approve an exception by writing over its status',
    dryRun(
      replace(`${exceptions('team-a')}/given/status`, {
        ...exceptionMeta('given'),
        spec: exceptionSpec,
        ...approval,
      }),
    ),
    [],
  ],
  ['make oneself an approver', dryRun(create(`${rbac}/namespaces/team-a/rolebindings`, bindApprover)), []],
  ['read baselines', get(baselines), ['all-admin', 'approver', 'platform']],
  [
    'write a baseline',
    dryRun(
      create(baselines, {
        ...baselineMeta('new'),
        spec: { namespaceSelector: {}, podSecurity: { enforce: 'baseline' } },
      }),
    ),
    ['platform'],
  ],
  ['change a baseline', dryRun(mergePatch(`${baselines}/given`, labels)), ['platform']],
  ['delete a baseline', dryRun(remove(`${baselines}/given`)), ['platform']],
  ['delete all baselines at once', dryRun(remove(baselines)), []],
  ["write a baseline's status", dryRun(mergePatch(`${baselines}/given/status`, { status: {} })), []],
  ['move namespaces into a baseline', may('join'), ['platform']],
  ['move namespaces out of a baseline', may('leave'), ['platform']],
  [
    'confirm a removal',
    dryRun(
      mergePatch(
        '/api/v1/namespaces/security-baseline-system/configmaps/security-baseline-removal-holds',
        labels,
      ),
    ),
    ['all-admin', 'platform'],
  ],
];

let cluster: AdmissionCluster;
const root: User = { name: 'root', groups: ['system:masters'] };

beforeAll(async () => {
  cluster = await AdmissionCluster.start();
  const manifests = [
    'crds/baselineexceptions.yaml',
    'config/default/namespace.yaml',
    'config/rbac/service-account.yaml',
    'config/rbac/removal-holds.yaml',
    'config/people/[!k]*.yaml',
  ].flatMap(readManifests);
  await applyManifests(loadKubeconfig(cluster.controlPlane.adminKubeconfig), manifests);
  for (const namespace of ['team-a', 'team-b']) {
    await cluster.namespace(namespace);
    await cluster.do(root, create(exceptions(namespace), { ...exceptionMeta('given'), spec: exceptionSpec }));
  }
  await cluster.baseline('given', { namespaceSelector: {}, podSecurity: { enforce: 'baseline' } });
  for (const role of ['view', 'edit', 'admin']) await bind('rolebindings', role, role, 'team-a');
  await bind('clusterrolebindings', 'admin', 'all-admin');
  for (const role of ['approver', 'platform']) {
    await bind('clusterrolebindings', `security-baseline-${role}`, role);
  }
  // Kubernetes' own roles take ours in a moment later.
  const sees = async (): Promise<boolean> =>
    (await cluster.send({ name: 'edit', groups: [] }, get(exceptions('team-a')))).status === 200;
  await eventually(sees, { what: 'roles are aggregated' });
});
afterAll(async () => await cluster?.[Symbol.asyncDispose]());

async function bind(plural: string, role: string, user: string, namespace?: string): Promise<void> {
  const path = namespace === undefined ? `${rbac}/${plural}` : `${rbac}/namespaces/${namespace}/${plural}`;
  await cluster.do(
    root,
    create(path, {
      metadata: { name: `test-${user}` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
    }),
  );
}

describe.each(table)('%s', (_what, call, who) => {
  test.each(people)('%s', async (person) => {
    const { status, body } = await cluster.send({ name: person, groups: ['system:authenticated'] }, call);
    const isReview = call.path.endsWith('selfsubjectaccessreviews');
    const allowed = isReview ? (body.status as { allowed: boolean }).allowed : status < 300;
    // Refused by RBAC, and not because the request would not do.
    if (!allowed && !isReview) expect({ status, message: body.message }).toMatchObject({ status: 403 });
    expect(allowed).toBe(who.includes(person));
  });
});
