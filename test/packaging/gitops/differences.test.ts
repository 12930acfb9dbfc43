/** What a GitOps tool sees of the operator's work on objects that are in git: nothing to fight over, and nothing to prune. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import type { OperatorHarness } from '../../support/operator-harness.ts';
import { OwnCluster } from '../../support/own-cluster.ts';
import type { Body, ServedObject, Target } from '../../support/rest-client.ts';
import { argoConfigMap, fromGuide } from './guide.ts';
import { threeWayDifference } from './judge.ts';

let cluster: OwnCluster;
let harness: OperatorHarness;

beforeAll(async () => {
  cluster = await OwnCluster.start();
  harness = cluster.harness;
  await harness.startOperator();
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

/** The name under which Argo CD applies. */
const argo = 'argocd-controller';
/** With what the tools mark the objects that they have applied, and may prune. */
const tracking = {
  labels: {
    'app.kubernetes.io/instance': 'fleet',
    'kustomize.toolkit.fluxcd.io/name': 'fleet',
    'kustomize.toolkit.fluxcd.io/namespace': 'flux-system',
  },
  annotations: { 'argocd.argoproj.io/tracking-id': 'fleet:/Namespace:/shop' },
};

type Named = Target & { readonly name: string };

/** Applies as Argo CD does; nothing may come of it. */
async function expectNoDifference(target: Named, git: Body): Promise<void> {
  const before = await harness.admin.get(target);
  const after = await harness.admin.apply(target, git, argo);
  expect(after.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
}

/** The paths of the fields that a manager owns, such as `f:metadata f:labels f:app`. */
function fieldsOf(object: ServedObject, manager: string): readonly string[] {
  const entries = (object.metadata.managedFields ?? []) as readonly {
    readonly manager?: string;
    readonly fieldsV1?: object;
  }[];
  const paths = (fields: object, prefix = ''): string[] =>
    Object.entries(fields).flatMap(([key, value]: [string, object]) =>
      Object.keys(value).length === 0 ? [`${prefix}${key}`] : paths(value, `${prefix}${key} `),
    );
  return entries.flatMap((entry) => (entry.manager === manager ? paths(entry.fieldsV1 ?? {}) : []));
}

test('what the API server fills in within lists is no difference to a server-side comparison, but is to a three-way one', async () => {
  const target = { kind: 'SecurityBaseline', name: 'defaults' } as const;
  const spec = {
    namespaceSelector: { matchLabels: { nobody: 'has-this' } },
    serviceAccounts: [{ name: 'app' }],
    networkPolicy: {
      policies: [
        {
          name: 'web',
          justification: 'the gateway serves it',
          spec: {
            podSelector: {},
            ingress: [
              {
                from: [{ namespaceSelector: { matchLabels: { name: 'gateway' } } }],
                ports: [{ port: 8080 }],
              },
            ],
          },
        },
      ],
    },
  };
  const git = {
    apiVersion: 'securitybaseline.io/v1alpha1',
    kind: 'SecurityBaseline',
    metadata: { name: 'defaults' },
    spec,
  };
  const applied = await harness.admin.apply(target, { spec }, argo);

  expect(await threeWayDifference(git, applied)).toMatchObject({
    spec: { serviceAccounts: spec.serviceAccounts, networkPolicy: { policies: spec.networkPolicy.policies } },
  });
  await eventually(
    async () => {
      const { metadata, status } = await harness.admin.get(target);
      return (status as { observedGeneration: number }).observedGeneration === metadata.generation;
    },
    { what: 'the operator has written its status' },
  );
  await expectNoDifference(target, { spec });
  await harness.admin.delete(target);

  const { metadata, spec: application } = fromGuide('Application');
  expect(metadata.annotations?.['argocd.argoproj.io/compare-options']).toBe('ServerSideDiff=true');
  expect(application).toMatchObject({
    syncPolicy: { syncOptions: expect.arrayContaining(['ServerSideApply=true']) },
  });
});

test('a Namespace and a baseline in git stay in sync while the operator works on them, and tracking is not passed on', async () => {
  await using scenario = harness.scenario();
  const name = `${scenario.name}-shop`;
  const namespace = { kind: 'Namespace', name } as const;
  const baseline = { kind: 'SecurityBaseline', name: scenario.name } as const;
  const gitNamespace = {
    metadata: { ...tracking, labels: { ...tracking.labels, ...scenario.label } },
  };
  const gitBaseline = {
    metadata: tracking,
    spec: {
      namespaceSelector: { matchLabels: scenario.label },
      networkPolicy: { defaultDeny: ['Ingress', 'Egress'], allow: { dns: {} } },
      resourceQuotas: [{ name: 'compute', spec: { hard: { pods: '10' } } }],
      limitRanges: [{ name: 'defaults', spec: { limits: [{ type: 'Container', default: { cpu: '1' } }] } }],
      serviceAccounts: [{ name: 'app', automountToken: false, rules: [grantable] }],
      defaultServiceAccount: { automountToken: false },
      podSecurity: { enforce: 'restricted' },
    },
  };
  await harness.admin.apply(namespace, gitNamespace, argo);
  await harness.admin.apply(baseline, gitBaseline, argo);
  await scenario.hardened();

  await expectNoDifference(namespace, gitNamespace);
  await expectNoDifference(baseline, gitBaseline);

  const managed = (await harness.objects(name)).filter(
    ({ metadata }) => metadata.labels?.['securitybaseline.io/baseline'] === scenario.name,
  );
  expect(managed.map(({ kind }) => kind).sort()).toEqual([
    'LimitRange',
    'NetworkPolicy',
    'NetworkPolicy',
    'ResourceQuota',
    'Role',
    'RoleBinding',
    'ServiceAccount',
  ]);
  const marks = [...Object.keys(tracking.labels), ...Object.keys(tracking.annotations)];
  for (const { metadata } of managed) {
    const carried = Object.keys({ ...metadata.labels, ...metadata.annotations });
    expect(carried.filter((key) => marks.includes(key))).toEqual([]);
    expect(metadata.ownerReferences).toBeUndefined();
  }
  await harness.admin.delete(namespace);
});

test('what the operator adds to objects of others is owned by the manager that config/argocd tells Argo CD to leave alone', async () => {
  await using scenario = harness.scenario();
  await scenario.baseline({
    defaultServiceAccount: { automountToken: false },
    podSecurity: { enforce: 'restricted' },
  });
  const namespace = await scenario.namespace();
  await scenario.hardened();
  const manager = 'security-baseline-operator';

  const settings = argoConfigMap().data['resource.customizations.ignoreDifferences.all'];
  expect(settings).toBe(`managedFieldsManagers:\n  - ${manager}\n`);
  expect(fieldsOf(await harness.admin.get({ kind: 'Namespace', name: namespace }), manager)).toEqual(
    expect.arrayContaining(['f:metadata f:labels f:pod-security.kubernetes.io/enforce']),
  );
  expect(
    fieldsOf(await harness.admin.get({ kind: 'ServiceAccount', namespace, name: 'default' }), manager),
  ).toContain('f:automountServiceAccountToken');
});

test('a Pod Security level that git declares otherwise is taken back, and an event says so', async () => {
  await using scenario = harness.scenario();
  await scenario.baseline({ podSecurity: { enforce: 'restricted' } });
  const name = await scenario.namespace();
  await scenario.hardened();
  const target = { kind: 'Namespace', name } as const;
  const enforce = 'pod-security.kubernetes.io/enforce';

  await harness.admin.apply(target, { metadata: { labels: { [enforce]: 'privileged' } } }, argo);

  await eventually(
    async () => (await harness.admin.get(target)).metadata.labels?.[enforce] === 'restricted',
    {
      what: 'the level is back',
    },
  );
  const told =
    "DriftRepaired: the namespace's Pod Security labels were changed; put back as its baseline declares";
  await eventually(async () => (await harness.events(name)).includes(told), { what: 'an event says so' });
});

const grantable = { apiGroups: [''], resources: ['configmaps'], verbs: ['get'] };
