import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contentOf } from '../support/content-of.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorHarness, operatorUser } from '../support/operator-harness.ts';
import type { Kind, ServedObject } from '../support/rest-client.ts';

let harness: OperatorHarness;
beforeAll(async () => {
  harness = await OperatorHarness.start({
    flags: ['--protected-namespaces', 'hardening-protected'],
    proxied: true,
  });
});
afterAll(() => harness[Symbol.asyncDispose]());

async function present(kind: Kind, namespace: string, name: string): Promise<ServedObject> {
  return await eventually(() => harness.admin.get({ kind, namespace, name }), {
    what: `${kind} ${name} is there`,
  });
}

const denyAll = { networkPolicy: { defaultDeny: ['Ingress', 'Egress'] } };

/** Everything that a baseline can ask for. */
const everything = {
  networkPolicy: {
    defaultDeny: ['Ingress', 'Egress'],
    allow: { dns: {}, sameNamespace: {} },
    policies: [
      {
        name: 'from-gateway',
        justification: 'the gateway routes to every app',
        spec: {
          podSelector: { matchLabels: { app: 'web' } },
          ingress: [
            {
              from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'gateway' } } }],
              ports: [{ port: 8080 }, { port: 9000, endPort: 9010, protocol: 'UDP' }],
            },
          ],
        },
      },
      {
        name: 'to-anywhere',
        justification: 'the crawler visits every site',
        spec: {
          podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['crawler'] }] },
          policyTypes: ['Egress'],
          egress: [{ anyPeer: true, ports: [{ port: 'https' }] }],
        },
      },
    ],
  },
  resourceQuotas: [{ name: 'compute', spec: { hard: { 'requests.cpu': '20', pods: 100 } } }],
  limitRanges: [
    {
      name: 'defaults',
      spec: { limits: [{ type: 'Container', default: { cpu: '500m' }, defaultRequest: { cpu: '100m' } }] },
    },
  ],
  serviceAccounts: [
    {
      name: 'app',
      imagePullSecrets: ['registry', 'mirror'],
      rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'] }],
    },
    { name: 'worker', automountToken: true },
  ],
  defaultServiceAccount: { automountToken: false },
  podSecurity: { enforce: 'baseline', audit: 'restricted', warn: 'restricted', version: 'v1.30' },
};

describe('a namespace that a baseline selects', () => {
  test('gets every part of it, exactly so', async () => {
    await using scenario = harness.scenario();
    const { uid } = (await scenario.baseline(everything)).metadata;
    const namespace = await scenario.namespace();
    await scenario.hardened();

    const { name } = scenario;
    const labels = {
      'app.kubernetes.io/managed-by': 'security-baseline-operator',
      'securitybaseline.io/baseline': name,
      'securitybaseline.io/baseline-uid': uid,
    };
    const because = (justification: string) => ({ 'securitybaseline.io/justification': justification });
    const objects = (await harness.objects(namespace)).map(contentOf);
    const expected = [
      {
        kind: 'NetworkPolicy',
        name: `${name}.default-deny`,
        labels,
        annotations: {},
        spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
      },
      {
        kind: 'NetworkPolicy',
        name: `${name}.allow-dns`,
        labels,
        annotations: {},
        spec: {
          podSelector: {},
          policyTypes: ['Egress'],
          egress: [
            {
              to: [
                {
                  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
                  podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
                },
              ],
              ports: [
                { protocol: 'UDP', port: 53 },
                { protocol: 'TCP', port: 53 },
              ],
            },
          ],
        },
      },
      {
        kind: 'NetworkPolicy',
        name: `${name}.allow-same-namespace`,
        labels,
        annotations: {},
        spec: {
          podSelector: {},
          policyTypes: ['Ingress', 'Egress'],
          ingress: [{ from: [{ podSelector: {} }] }],
          egress: [{ to: [{ podSelector: {} }] }],
        },
      },
      {
        kind: 'NetworkPolicy',
        name: `${name}.from-gateway`,
        labels,
        annotations: because('the gateway routes to every app'),
        spec: {
          podSelector: { matchLabels: { app: 'web' } },
          policyTypes: ['Ingress'],
          ingress: [
            {
              from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'gateway' } } }],
              ports: [
                { protocol: 'TCP', port: 8080 },
                { protocol: 'UDP', port: 9000, endPort: 9010 },
              ],
            },
          ],
        },
      },
      {
        kind: 'NetworkPolicy',
        name: `${name}.to-anywhere`,
        labels,
        annotations: because('the crawler visits every site'),
        // anyPeer is the baseline's word, not Kubernetes'.
        spec: {
          podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['crawler'] }] },
          policyTypes: ['Egress'],
          egress: [{ ports: [{ protocol: 'TCP', port: 'https' }] }],
        },
      },
      {
        kind: 'ResourceQuota',
        name: `${name}.compute`,
        labels,
        annotations: {},
        spec: { hard: { 'requests.cpu': '20', pods: '100' } },
      },
      {
        kind: 'LimitRange',
        name: `${name}.defaults`,
        labels,
        annotations: {},
        spec: {
          limits: [{ type: 'Container', default: { cpu: '500m' }, defaultRequest: { cpu: '100m' } }],
        },
      },
      {
        kind: 'ServiceAccount',
        name: 'app',
        labels,
        annotations: { 'securitybaseline.io/image-pull-secrets': 'registry,mirror' },
        automountServiceAccountToken: false,
        imagePullSecrets: [{ name: 'registry' }, { name: 'mirror' }],
      },
      {
        kind: 'ServiceAccount',
        name: 'default',
        labels: undefined,
        annotations: {},
        automountServiceAccountToken: false,
      },
      {
        kind: 'ServiceAccount',
        name: 'worker',
        labels,
        annotations: {},
        automountServiceAccountToken: true,
      },
      {
        kind: 'Role',
        name: `${name}.app`,
        labels,
        annotations: {},
        rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'] }],
      },
      {
        kind: 'RoleBinding',
        name: `${name}.app`,
        labels,
        annotations: {},
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: `${name}.app` },
        subjects: [{ kind: 'ServiceAccount', name: 'app', namespace }],
      },
    ];
    const byName = (a: object, b: object) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
    expect(objects.toSorted(byName)).toEqual(expected.toSorted(byName));

    const { metadata } = await harness.admin.get({ kind: 'Namespace', name: namespace });
    expect(metadata.labels).toEqual({
      ...scenario.label,
      'kubernetes.io/metadata.name': namespace,
      'pod-security.kubernetes.io/enforce': 'baseline',
      'pod-security.kubernetes.io/enforce-version': 'v1.30',
      'pod-security.kubernetes.io/audit': 'restricted',
      'pod-security.kubernetes.io/audit-version': 'v1.30',
      'pod-security.kubernetes.io/warn': 'restricted',
      'pod-security.kubernetes.io/warn-version': 'v1.30',
    });
  });

  test('is selected by expressions, and not when it is excluded by name or glob', async () => {
    await using scenario = harness.scenario();
    const [[key = '', value = ''] = []] = Object.entries(scenario.label);
    await scenario.baseline({
      ...denyAll,
      namespaceSelector: {
        matchExpressions: [
          { key, operator: 'In', values: [value, 'another'] },
          { key: 'tier', operator: 'NotIn', values: ['lab'] },
          { key: 'owner', operator: 'Exists' },
          { key: 'exempt', operator: 'DoesNotExist' },
        ],
      },
      excludeNamespaces: [`${scenario.name}-sandbox-*`, `${scenario.name}-excluded`],
    });
    const owner = { ...scenario.label, owner: 'team' };
    const selected = await scenario.namespace('selected', { ...owner, tier: 'gold' });
    const others = await Promise.all([
      scenario.namespace('lab', { ...owner, tier: 'lab' }),
      scenario.namespace('ownerless', scenario.label),
      scenario.namespace('exempt', { ...owner, exempt: '' }),
      scenario.namespace('sandbox-1', owner),
      scenario.namespace('excluded', owner),
    ]);
    await scenario.hardened(1);
    expect(await harness.managedObjects(selected)).toEqual([`NetworkPolicy ${scenario.name}.default-deny`]);
    for (const other of others) expect(await harness.managedObjects(other)).toEqual([]);
  });

  test('is left alone when it is protected, whatever the selector says', async () => {
    await using scenario = harness.scenario();
    // A selector by name, so that this test takes hold of nobody else's namespaces.
    const named = 'kubernetes.io/metadata.name';
    const guarded = [
      'hardening-protected',
      'kube-system',
      'kube-public',
      'kube-node-lease',
      'security-baseline-system',
    ];
    await scenario.namespaceNamed('hardening-protected');
    const witness = await scenario.namespace('witness');
    await scenario.baseline({
      ...denyAll,
      podSecurity: { enforce: 'restricted' },
      namespaceSelector: {
        matchExpressions: [{ key: named, operator: 'In', values: [...guarded, witness] }],
      },
    });
    await scenario.hardened(1);
    expect(await harness.managedObjects(witness)).toHaveLength(1);
    for (const namespace of guarded) expect(await harness.managedObjects(namespace)).toEqual([]);
    const { metadata } = await harness.admin.get({ kind: 'Namespace', name: 'kube-system' });
    expect(metadata.labels).toEqual({ [named]: 'kube-system' });
  });
});

describe('a namespace that changes', () => {
  test('is hardened when a label makes it selected, and stripped when the label goes', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline(everything);
    const namespace = await scenario.namespace('a', {});
    const bare = { kind: 'Namespace', name: namespace } as const;
    await harness.admin.mergePatch(bare, { metadata: { labels: scenario.label } });
    await scenario.hardened();
    expect(await harness.managedObjects(namespace)).toHaveLength(11);

    const [key = ''] = Object.keys(scenario.label);
    await harness.admin.mergePatch(bare, { metadata: { labels: { [key]: null } } });
    await eventually(async () => expect(await harness.managedObjects(namespace)).toEqual([]), {
      what: 'nothing of ours is left',
    });
    await eventually(
      async () => {
        const { metadata } = await harness.admin.get(bare);
        expect(metadata.labels).toEqual({ 'kubernetes.io/metadata.name': namespace });
      },
      { what: 'the Pod Security labels are taken back' },
    );
  });

  test('is hardened again when it was deleted and created under the same name', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline(denyAll);
    const namespace = await scenario.namespace();
    const name = `${scenario.name}.default-deny`;
    const first = await present('NetworkPolicy', namespace, name);
    await harness.admin.delete({ kind: 'Namespace', name: namespace });
    await eventually(
      async () => (await harness.admin.find({ kind: 'Namespace', name: namespace })) === undefined,
      { what: 'the namespace is gone', timeoutMs: 30_000 },
    );
    await scenario.namespace();
    const second = await present('NetworkPolicy', namespace, name);
    expect(second.metadata.uid).not.toBe(first.metadata.uid);
    await scenario.hardened();
  });
});

describe('a namespace recreated while the watch of its policies is silent', () => {
  test('is not taken for hardened by what its namesake had', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline({ ...denyAll, admission: { holdPodsUntilHardened: true } });
    const namespace = await scenario.namespace();
    await scenario.hardened();
    const name = `${scenario.name}.default-deny`;
    const first = await present('NetworkPolicy', namespace, name);
    harness.proxy.treat((_method, path) => (/\/networkpolicies\?.*watch=true/.test(path) ? 'hold' : 'pass'));
    try {
      harness.proxy.breakWatches();
      await eventually(() => harness.proxy.held > 0, { what: 'the watch of policies is silent' });
      await harness.admin.delete({ kind: 'Namespace', name: namespace });
      await eventually(
        async () => {
          const isGone = (await harness.admin.find({ kind: 'Namespace', name: namespace })) === undefined;
          // Clocks of API servers differ, so what is but little older than the namespace is looked at all the same.
          return isGone && Date.now() - Date.parse(first.metadata.creationTimestamp) > 7000;
        },
        { what: 'the namespace is gone, and what was in it is old', timeoutMs: 30_000 },
      );
      await scenario.namespace();
      const second = await present('NetworkPolicy', namespace, name);
      expect(second.metadata.uid).not.toBe(first.metadata.uid);
      await eventually(
        async () => {
          const { metadata } = await harness.admin.get({ kind: 'Namespace', name: namespace });
          expect(metadata.annotations).toHaveProperty(['securitybaseline.io/hardened']);
        },
        { what: 'pods are let in' },
      );
      expect(harness.proxy.held).toBeGreaterThan(0);
    } finally {
      harness.proxy.release();
    }
  });
});

describe('a baseline that changes', () => {
  test('brings what is new, takes what is renamed or removed, and leaves the rest untouched', async () => {
    await using scenario = harness.scenario();
    const { name } = scenario;
    await scenario.baseline(everything);
    const namespace = await scenario.namespace();
    await scenario.hardened();
    const deny = await present('NetworkPolicy', namespace, `${name}.default-deny`);

    const { serviceAccounts: _, defaultServiceAccount: __, ...rest } = everything;
    await scenario.baseline({
      ...rest,
      networkPolicy: { ...rest.networkPolicy, allow: { dns: {} } },
      resourceQuotas: [{ name: 'renamed', spec: { hard: { pods: '7' } } }],
      limitRanges: [
        { name: 'defaults', spec: { limits: [{ type: 'Container', default: { cpu: '250m' } }] } },
      ],
      podSecurity: { enforce: 'restricted' },
    });
    await scenario.hardened();
    expect(await harness.managedObjects(namespace)).toEqual(
      [
        `LimitRange ${name}.defaults`,
        `NetworkPolicy ${name}.allow-dns`,
        `NetworkPolicy ${name}.default-deny`,
        `NetworkPolicy ${name}.from-gateway`,
        `NetworkPolicy ${name}.to-anywhere`,
        `ResourceQuota ${name}.renamed`,
      ].sort(),
    );
    expect((await present('LimitRange', namespace, `${name}.defaults`)).spec).toEqual({
      limits: [{ type: 'Container', default: { cpu: '250m' }, defaultRequest: { cpu: '250m' } }],
    });
    const untouched = await present('NetworkPolicy', namespace, `${name}.default-deny`);
    expect(untouched.metadata.resourceVersion).toBe(deny.metadata.resourceVersion);
    const account = await present('ServiceAccount', namespace, 'default');
    expect(account).not.toHaveProperty('automountServiceAccountToken');
    const { metadata } = await harness.admin.get({ kind: 'Namespace', name: namespace });
    expect(metadata.labels).toEqual({
      ...scenario.label,
      'kubernetes.io/metadata.name': namespace,
      'pod-security.kubernetes.io/enforce': 'restricted',
      'pod-security.kubernetes.io/enforce-version': 'latest',
    });
  });

  test('and is deleted leaves nothing of ours behind and touches nothing foreign', async () => {
    await using scenario = harness.scenario();
    const namespace = await scenario.namespace('a', { ...scenario.label, team: 'payments' });
    const foreign = [
      { kind: 'NetworkPolicy', name: 'tenants-own', body: { spec: { podSelector: {} } } },
      { kind: 'ResourceQuota', name: 'tenants-own', body: { spec: { hard: { pods: '3' } } } },
      { kind: 'ServiceAccount', name: 'tenants-own', body: {} },
      { kind: 'Role', name: 'dotted.name', body: { rules: [] } },
      { kind: 'ConfigMap', name: 'tenants-own', body: { data: { a: 'b' } } },
    ] as const;
    for (const { kind, name, body } of foreign) await harness.admin.create({ kind, namespace, name }, body);
    await scenario.baseline(everything);
    await scenario.hardened();
    const mark = await harness.audit.mark();
    await scenario.deleteBaseline();
    await eventually(async () => expect(await harness.managedObjects(namespace)).toEqual([]), {
      what: 'nothing of ours is left',
    });
    await eventually(
      async () => {
        const { metadata } = await harness.admin.get({ kind: 'Namespace', name: namespace });
        expect(metadata.labels).toEqual({
          ...scenario.label,
          team: 'payments',
          'kubernetes.io/metadata.name': namespace,
        });
        expect(JSON.stringify(metadata.annotations ?? {})).not.toContain('securitybaseline.io');
        const account = await harness.admin.get({ kind: 'ServiceAccount', namespace, name: 'default' });
        expect(account).not.toHaveProperty('automountServiceAccountToken');
        // Nor does the API server remember us on the objects that stay.
        for (const { managedFields = [] } of [metadata, account.metadata]) {
          expect(managedFields.map(({ manager }) => manager)).not.toContain('security-baseline-operator');
        }
      },
      { what: 'the namespace and its default ServiceAccount are as they were' },
    );
    for (const { kind, name } of foreign) await present(kind, namespace, name);
    const touched = (await harness.audit.since(mark)).filter(
      ({ user, objectRef }) => user.username === operatorUser && /own|dotted/.test(objectRef?.name ?? ''),
    );
    expect(touched).toEqual([]);
  });
});
