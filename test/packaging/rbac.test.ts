/**
 * The operator's permissions: that they are enough, and that they are no more than it uses. Everything it does is done here once, under
 * what is installed; the API server's audit log says what that took. (The integration tests run under the same
 * permissions: kustomize.test.ts compares.)
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { dnsService } from '../support/operator-harness.ts';
import { RestClient } from '../support/rest-client.ts';
import { InstallCluster, operatorUser, namespace as own } from './install-cluster.ts';
import {
  type Atom,
  atomsOf,
  type BoundRole,
  type Done,
  needs,
  requestsOf,
  rolesBoundTo,
  textOf,
} from './rbac-atoms.ts';

const spec = {
  namespaceSelector: { matchLabels: { environment: 'prod' } },
  networkPolicy: { defaultDeny: ['Ingress', 'Egress'], allow: { dns: {} } },
  resourceQuotas: [{ name: 'compute', spec: { hard: { pods: '10' } } }],
  limitRanges: [{ name: 'defaults', spec: { limits: [{ type: 'Container', default: { memory: '64Mi' } }] } }],
  serviceAccounts: [{ name: 'app', rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] }],
  defaultServiceAccount: { automountToken: false },
  podSecurity: { enforce: 'restricted' },
  admission: { images: { requireDigest: true } },
  exceptions: { allow: ['Quota'], maxDuration: '1h' },
};

/** What the operator may do to the objects it manages, and how somebody changes one so that it has to. */
const tampering = [
  ['NetworkPolicy', 'tenant.default-deny', { spec: { ingress: [{}] } }],
  ['ResourceQuota', 'tenant.compute', { spec: { hard: { pods: '99' } } }],
  ['LimitRange', 'tenant.defaults', { spec: { limits: [] } }],
  ['ServiceAccount', 'app', { automountServiceAccountToken: true }],
  ['Role', 'tenant.app', { rules: [] }],
  ['RoleBinding', 'tenant.app', { subjects: [] }],
] as const;

const ownRole = { kind: 'ClusterRole', name: 'security-baseline-operator-own' } as const;

/** Permissions for what is not done here, each with the reason. */
const rare: Readonly<Record<string, string>> = {
  'patch events.events.k8s.io':
    'an event that repeats is written again after a minute at the soonest: test/unit/kube/event-recorder.test.ts',
};

let cluster: InstallCluster;
let breakGlass: RestClient;
let requests: readonly Done[];
let bound: readonly BoundRole[];
/** What it works by; what baselines may grant, which it is bound to beside that, is the platform team's. */
let allowed: readonly Atom[];

beforeAll(async () => {
  // Without streaming lists, as on older API servers: the operator then lists before it watches.
  cluster = await InstallCluster.start(['--feature-gates=WatchList=false']);
  breakGlass = new RestClient(
    await cluster.controlPlane.kubeconfigForUser('ada', ['system:masters', 'security-baseline:break-glass']),
  );
  await cluster.admin.create(
    { kind: 'Service', namespace: 'kube-system', name: 'kube-dns' },
    { spec: dnsService },
  );
  await cluster.kubectl('apply', '-k', 'config/default');
  await cluster.kubectl('apply', '-f', 'config/samples/grantable.yaml');
  await doEverything();
  requests = await requestsOf(operatorUser, cluster.controlPlane.auditLogPath ?? '');
  bound = await rolesBoundTo(cluster.admin, { namespace: own, name: 'security-baseline-operator' });
  const works = [ownRole, ...bound.filter(({ kind }) => kind === 'Role')];
  allowed = (await Promise.all(works.map(async (role) => await atomsOf(cluster.admin, role)))).flat();
});
afterAll(async () => {
  breakGlass?.close();
  await cluster?.[Symbol.asyncDispose]();
});

async function doEverything(): Promise<void> {
  await cluster.kubectl(
    ...['patch', 'deployment', 'security-baseline-operator', '-n', own, '--type=json'],
    ...[
      '-p',
      '[{"op":"add","path":"/spec/template/spec/containers/0/args/-","value":"--removal-threshold=3"}]',
    ],
  );
  await cluster.runOperator();
  const { admin } = cluster;
  const baseline = { kind: 'SecurityBaseline', name: 'tenant' } as const;
  await admin.create(baseline, { spec });
  for (const name of tenants) await admin.create({ kind: 'Namespace', name }, prod);
  await hardened(tenants.length);

  // Twice each: the second time, the event that told of the first is told again.
  for (const [kind, name, change] of [...tampering, ...tampering]) {
    const target = { kind, name, namespace: 'a' };
    const { metadata } = await breakGlass.mergePatch(target, change);
    await eventually(
      async () => (await admin.get(target)).metadata.resourceVersion !== metadata.resourceVersion,
      { what: `${kind} is put back` },
    );
  }
  const exception = { kind: 'BaselineException', namespace: 'a', name: 'more-pods' } as const;
  const expiresAt = new Date(Date.now() + 1_800_000).toISOString().replace(/\.\d+/, '');
  await admin.create(exception, {
    spec: { reason: 'A launch.', expiresAt, quota: { hard: { pods: '20' } } },
  });
  await eventually(
    async () => {
      const { status } = await admin.get(exception);
      return (status as { conditions?: unknown }).conditions !== undefined;
    },
    { what: 'it is judged' },
  );

  // All namespaces would lose it: held, then undone.
  const current = await admin.get(baseline);
  await admin.replace({ ...current, spec: { ...spec, namespaceSelector: { matchLabels: { no: 'one' } } } });
  const holds = { kind: 'ConfigMap', namespace: own, name: 'security-baseline-removal-holds' } as const;
  await eventually(async () => Object.keys((await admin.get(holds)).data ?? {}).length > 0, {
    what: 'it is held',
  });
  await admin.replace({ ...(await admin.get(baseline)), spec: { ...spec, deletionPolicy: 'Orphan' } });
  await eventually(async () => Object.keys((await admin.get(holds)).data ?? {}).length === 0, {
    what: 'nothing is held',
  });
  await hardened(tenants.length);

  // Of the one that leaves, the objects are left behind; of the others, they are taken away.
  await breakGlass.mergePatch(
    { kind: 'Namespace', name: 'a' },
    { metadata: { labels: { environment: null } } },
  );
  await gone('a');
  await admin.replace({ ...(await admin.get(baseline)), spec });
  await hardened(tenants.length - 1);
  const { metadata } = await admin.get(baseline);
  const allow = { 'securitybaseline.io/allow-deletion': String(metadata.generation) };
  await admin.mergePatch(baseline, { metadata: { annotations: allow } });
  await admin.delete(baseline);
  for (const namespace of tenants) await gone(namespace);
  await cluster.stopOperator();
}

const tenants = ['a', 'b', 'c', 'd', 'e'];
const prod = { metadata: { labels: { environment: 'prod' } } };

async function hardened(count: number): Promise<void> {
  await eventually(
    async () => {
      const { status, metadata } = await cluster.admin.get({ kind: 'SecurityBaseline', name: 'tenant' });
      expect(status).toMatchObject({
        observedGeneration: metadata.generation,
        namespaces: { hardened: count },
      });
    },
    { what: `${count} namespaces are hardened`, timeoutMs: 60_000 },
  );
}

/** Nothing in the namespace is managed any more. */
async function gone(namespace: string): Promise<void> {
  await eventually(
    async () => {
      for (const [kind] of tampering)
        for (const { metadata } of await cluster.admin.list({ kind, namespace }))
          expect(metadata.labels ?? {}).not.toHaveProperty('securitybaseline.io/baseline');
    },
    { what: `nothing in ${namespace} is managed`, timeoutMs: 60_000 },
  );
}

describe('the permissions of the operator', () => {
  test('are enough: nothing that it asked for was forbidden', () => {
    const forbidden = requests.filter(({ isAllowed }) => !isAllowed).map(textOf);
    expect([...new Set(forbidden)]).toEqual([]);
  });

  test('are no more than it uses, but for what is rare', () => {
    const unused = allowed.filter((atom) => !requests.some((done) => needs(done, atom))).map(textOf);
    expect(unused.sort()).toEqual(Object.keys(rare).sort());
  });

  test('are bound to it as one ClusterRole: its own, what baselines may grant, and nothing beside', async () => {
    const clusterRoles = bound.filter(({ kind }) => kind === 'ClusterRole');
    expect(clusterRoles).toEqual([{ kind: 'ClusterRole', name: 'security-baseline-operator' }]);
    const texts = async (role: BoundRole): Promise<readonly string[]> =>
      (await atomsOf(cluster.admin, role)).map(textOf);
    const grantable = await texts({ kind: 'ClusterRole', name: 'security-baseline-grantable' });
    expect(grantable).toContain('get configmaps');
    const [gathered] = await Promise.all(clusterRoles.map(texts));
    expect(gathered?.toSorted()).toEqual([...(await texts(ownRole)), ...grantable].sort());
  });

  test('are what it works by: no other role allows it anything but to ask what it may do', () => {
    const others = requests.filter((done) => !allowed.some((atom) => needs(done, atom))).map(textOf);
    expect(
      [...new Set(others)].filter((text) => !text.startsWith('create selfsubjectaccessreviews')),
    ).toEqual([]);
  });
});

describe('the component bind-roles', () => {
  test('lets the operator bind the Roles that it names, and no other', async () => {
    await cluster.kubectl('apply', '-k', 'config/components/bind-roles');
    const mayBind = async (name: string): Promise<boolean> => {
      const { status } = await cluster.admin.create(
        { kind: 'SubjectAccessReview' },
        {
          spec: {
            user: operatorUser,
            resourceAttributes: {
              verb: 'bind',
              group: 'rbac.authorization.k8s.io',
              resource: 'roles',
              name,
              namespace: 'a',
            },
          },
        },
      );
      return (status as { allowed: boolean }).allowed;
    };
    await eventually(async () => await mayBind('tenant.app'), { what: 'it may bind tenant.app' });
    expect(await mayBind('tenant.other')).toBe(false);
    await cluster.kubectl('delete', '-k', 'config/components/bind-roles');
    await eventually(async () => !(await mayBind('tenant.app')), { what: 'it may not any more' });
  });
});
