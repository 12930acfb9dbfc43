import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contentOf } from '../support/content-of.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorHarness } from '../support/operator-harness.ts';
import type { Body, Kind, RestClient, ServedObject } from '../support/rest-client.ts';
import type { Scenario } from '../support/scenario.ts';

let harness: OperatorHarness;
let mallory: RestClient;
/** One baseline for the whole file; each test has a namespace of its own. */
let scenario: Scenario;
let namespaces = 0;

const spec = {
  networkPolicy: {
    defaultDeny: ['Ingress', 'Egress'],
    allow: { dns: {} },
    policies: [
      {
        name: 'from-gateway',
        justification: 'the gateway routes to every app',
        spec: {
          podSelector: {},
          ingress: [{ from: [{ namespaceSelector: { matchLabels: { role: 'gateway' } } }] }],
        },
      },
    ],
  },
  resourceQuotas: [{ name: 'compute', spec: { hard: { pods: '10', 'requests.cpu': '4' } } }],
  limitRanges: [
    {
      name: 'defaults',
      spec: { limits: [{ type: 'Container', max: { cpu: '2' }, default: { cpu: '1' } }] },
    },
  ],
  serviceAccounts: [
    {
      name: 'app',
      imagePullSecrets: ['registry'],
      rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }],
    },
  ],
  defaultServiceAccount: { automountToken: false },
  podSecurity: { enforce: 'restricted' },
};

beforeAll(async () => {
  harness = await OperatorHarness.start();
  mallory = await harness.as('mallory', ['system:masters']);
  scenario = harness.scenario();
  await scenario.baseline(spec);
});
afterAll(async () => {
  await scenario[Symbol.asyncDispose]();
  await harness[Symbol.asyncDispose]();
});

interface Place {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
}

/** A namespace's objects and its own labels. */
async function contentOfNamespace(namespace: string): Promise<readonly object[]> {
  const objects = (await harness.objects(namespace)).map(contentOf);
  const { metadata } = await harness.admin.get({ kind: 'Namespace', name: namespace });
  return [{ labels: metadata.labels }, ...objects];
}

/** A hardened namespace, and a check that it is as it was. */
async function hardenedNamespace(): Promise<{ namespace: string; restored: () => Promise<void> }> {
  namespaces += 1;
  const namespace = await scenario.namespace(`n${namespaces}`);
  await eventually(
    async () => {
      expect(await harness.managedObjects(namespace)).toHaveLength(8);
      const { metadata } = await harness.admin.get({ kind: 'Namespace', name: namespace });
      expect(metadata.labels?.['pod-security.kubernetes.io/enforce']).toBe('restricted');
      const account = await harness.admin.get({ kind: 'ServiceAccount', namespace, name: 'default' });
      expect(account.automountServiceAccountToken).toBe(false);
    },
    { what: `${namespace} is hardened` },
  );
  const before = await contentOfNamespace(namespace);
  return {
    namespace,
    restored: async () => {
      await eventually(async () => expect(await contentOfNamespace(namespace)).toEqual(before), {
        what: `${namespace} is as it was`,
      });
    },
  };
}

function merge(patch: Body): (place: Place) => Promise<ServedObject> {
  return (place) => mallory.mergePatch(place, patch);
}

function apply(content: Body): (place: Place) => Promise<ServedObject> {
  return (place) => mallory.apply(place, content, 'mallory');
}

function replace(change: Body): (place: Place) => Promise<ServedObject> {
  return async (place) => mallory.replace({ ...(await mallory.get(place)), ...change });
}

async function remove(place: Place): Promise<undefined> {
  await mallory.delete(place);
}

/** One that lives, so that it is not the garbage collector who brings the object back by way of us. */
async function giveOwner(place: Place): Promise<ServedObject> {
  const { namespace } = place;
  const { metadata } = await mallory.create({ kind: 'ConfigMap', namespace, name: 'owner' });
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: metadata.uid };
  return await mallory.mergePatch(place, { metadata: { ownerReferences: [owner] } });
}

const everybody = [{}];
const ourLabels = {
  'app.kubernetes.io/managed-by': null,
  'securitybaseline.io/baseline': null,
  'securitybaseline.io/baseline-uid': null,
};
const everyRule = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];

/** `item` is the object's name, with `@` for the baseline's. */
const tampering: readonly {
  readonly what: string;
  readonly kind: Kind;
  readonly item: string;
  readonly tamper: (place: Place) => Promise<ServedObject | undefined>;
}[] = [
  { what: 'deleted', kind: 'NetworkPolicy', item: '@.default-deny', tamper: remove },
  {
    what: 'opened by replacing it',
    kind: 'NetworkPolicy',
    item: '@.default-deny',
    tamper: replace({ spec: { podSelector: {}, policyTypes: ['Ingress'], ingress: everybody } }),
  },
  {
    what: 'opened for ingress by another field manager through a field we leave empty',
    kind: 'NetworkPolicy',
    item: '@.default-deny',
    tamper: apply({ spec: { podSelector: {}, ingress: everybody } }),
  },
  {
    what: 'opened for egress by another field manager through a field we leave empty',
    kind: 'NetworkPolicy',
    item: '@.default-deny',
    tamper: apply({ spec: { podSelector: {}, egress: everybody } }),
  },
  {
    what: 'made to deny one direction only',
    kind: 'NetworkPolicy',
    item: '@.default-deny',
    tamper: merge({ spec: { policyTypes: ['Ingress'] } }),
  },
  {
    what: 'made to select some pods only',
    kind: 'NetworkPolicy',
    item: '@.default-deny',
    tamper: merge({ spec: { podSelector: { matchLabels: { app: 'a' } } } }),
  },
  {
    what: 'given an owner, for the garbage collector to take it away',
    kind: 'NetworkPolicy',
    item: '@.allow-dns',
    tamper: giveOwner,
  },
  {
    what: 'given a finalizer, for it never to go',
    kind: 'NetworkPolicy',
    item: '@.default-deny',
    tamper: merge({ metadata: { finalizers: ['example.com/stay'] } }),
  },
  {
    what: 'emptied of its labels',
    kind: 'NetworkPolicy',
    item: '@.default-deny',
    tamper: merge({ metadata: { labels: null } }),
  },
  {
    what: 'handed to another baseline by its label',
    kind: 'NetworkPolicy',
    item: '@.default-deny',
    tamper: merge({ metadata: { labels: { 'securitybaseline.io/baseline': 'another' } } }),
  },
  {
    what: 'widened to every peer',
    kind: 'NetworkPolicy',
    item: '@.from-gateway',
    tamper: merge({ spec: { ingress: everybody } }),
  },
  {
    what: 'given another justification',
    kind: 'NetworkPolicy',
    item: '@.from-gateway',
    tamper: merge({ metadata: { annotations: { 'securitybaseline.io/justification': 'because' } } }),
  },
  { what: 'deleted', kind: 'ResourceQuota', item: '@.compute', tamper: remove },
  {
    what: 'raised',
    kind: 'ResourceQuota',
    item: '@.compute',
    tamper: merge({ spec: { hard: { pods: '1000' } } }),
  },
  {
    what: 'rid of a limit',
    kind: 'ResourceQuota',
    item: '@.compute',
    tamper: merge({ spec: { hard: { pods: null } } }),
  },
  {
    what: 'tightened by another field manager',
    kind: 'ResourceQuota',
    item: '@.compute',
    tamper: apply({ spec: { hard: { services: '0' } } }),
  },
  {
    what: 'emptied of its labels',
    kind: 'ResourceQuota',
    item: '@.compute',
    tamper: merge({ metadata: { labels: ourLabels } }),
  },
  { what: 'deleted', kind: 'LimitRange', item: '@.defaults', tamper: remove },
  {
    what: 'rid of its default',
    kind: 'LimitRange',
    item: '@.defaults',
    tamper: merge({ spec: { limits: [{ type: 'Container', max: { cpu: '2' } }] } }),
  },
  {
    what: 'given a limit for another type',
    kind: 'LimitRange',
    item: '@.defaults',
    tamper: apply({ spec: { limits: [{ type: 'Pod', max: { cpu: '1m' } }] } }),
  },
  { what: 'deleted', kind: 'ServiceAccount', item: 'app', tamper: remove },
  {
    what: 'set to mount its token',
    kind: 'ServiceAccount',
    item: 'app',
    tamper: merge({ automountServiceAccountToken: true }),
  },
  {
    what: 'rid of the field that says whether it mounts its token',
    kind: 'ServiceAccount',
    item: 'app',
    tamper: merge({ automountServiceAccountToken: null }),
  },
  {
    what: 'rid of its pull secrets',
    kind: 'ServiceAccount',
    item: 'app',
    tamper: merge({ imagePullSecrets: null }),
  },
  {
    what: 'stripped of our labels',
    kind: 'ServiceAccount',
    item: 'app',
    tamper: merge({ metadata: { labels: ourLabels } }),
  },
  {
    what: 'set to mount its token',
    kind: 'ServiceAccount',
    item: 'default',
    tamper: merge({ automountServiceAccountToken: true }),
  },
  {
    what: 'rid of the field that says whether it mounts its token',
    kind: 'ServiceAccount',
    item: 'default',
    tamper: merge({ automountServiceAccountToken: null }),
  },
  { what: 'deleted', kind: 'ServiceAccount', item: 'default', tamper: remove },
  { what: 'deleted', kind: 'Role', item: '@.app', tamper: remove },
  {
    what: 'widened by another field manager',
    kind: 'Role',
    item: '@.app',
    tamper: apply({ rules: everyRule }),
  },
  { what: 'emptied of its rules', kind: 'Role', item: '@.app', tamper: merge({ rules: null }) },
  {
    what: 'stripped of our labels',
    kind: 'Role',
    item: '@.app',
    tamper: merge({ metadata: { labels: ourLabels } }),
  },
  { what: 'deleted', kind: 'RoleBinding', item: '@.app', tamper: remove },
  {
    what: 'given another subject',
    kind: 'RoleBinding',
    item: '@.app',
    tamper: merge({
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:authenticated' }],
    }),
  },
  {
    what: 'given a subject of another namespace',
    kind: 'RoleBinding',
    item: '@.app',
    tamper: merge({ subjects: [{ kind: 'ServiceAccount', name: 'app', namespace: 'default' }] }),
  },
];

describe('drift of a managed object is repaired', () => {
  test.each(tampering)('$kind $item $what', async ({ kind, item, tamper }) => {
    const { namespace, restored } = await hardenedNamespace();
    const place = { kind, namespace, name: item.replace('@', scenario.name) };
    const before = await harness.admin.get(place);
    const tampered = await tamper(place);
    if (tampered !== undefined) expect(contentOf(tampered)).not.toEqual(contentOf(before));
    await restored();
    const { metadata } = await harness.admin.get(place);
    expect(metadata.resourceVersion).not.toBe(before.metadata.resourceVersion);
  });

  test.each([
    ['lowered', 'privileged'],
    ['taken away', null],
  ])('the Pod Security level %s', async (_what, level) => {
    const { namespace, restored } = await hardenedNamespace();
    const labels = { 'pod-security.kubernetes.io/enforce': level };
    await mallory.mergePatch({ kind: 'Namespace', name: namespace }, { metadata: { labels } });
    await restored();
  });

  test.each([
    ['', []],
    [', and held by a finalizer', ['example.com/stay']],
  ])('a RoleBinding made anew with another role%s', async (_held, finalizers) => {
    const { namespace, restored } = await hardenedNamespace();
    const place = { kind: 'RoleBinding', namespace, name: `${scenario.name}.app` } as const;
    const { metadata, subjects } = await harness.admin.get(place);
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' };
    await whilePaused(async () => {
      await mallory.delete(place);
      await mallory.create(place, { metadata: { labels: metadata.labels, finalizers }, roleRef, subjects });
    });
    await restored();
  });

  test('what others add without effect on security is theirs to keep', async () => {
    const { namespace } = await hardenedNamespace();
    const account = { kind: 'ServiceAccount', namespace, name: 'app' } as const;
    await mallory.mergePatch(account, {
      metadata: { labels: { team: 'payments' }, annotations: { 'example.com/note': 'a' } },
      imagePullSecrets: [{ name: 'registry' }, { name: 'tenants-own' }],
      automountServiceAccountToken: true,
    });
    await eventually(
      async () => {
        const { metadata, ...content } = await harness.admin.get(account);
        expect(content.automountServiceAccountToken).toBe(false);
        expect(content.imagePullSecrets).toEqual([{ name: 'registry' }, { name: 'tenants-own' }]);
        expect(metadata.labels).toMatchObject({ team: 'payments' });
        expect(metadata.annotations).toMatchObject({ 'example.com/note': 'a' });
      },
      { what: 'only the token is repaired' },
    );
  });

  test('tenants are told what was done in their namespace', async () => {
    const { namespace } = await hardenedNamespace();
    const name = `${scenario.name}.default-deny`;
    // The operator must have found the namespace hardened to know that this is drift.
    await eventually(
      () =>
        harness.operator.log.some(
          (line) => line.message === 'namespace hardened' && line.namespace === namespace,
        ),
      { what: 'the operator has seen it hardened' },
    );
    await mallory.delete({ kind: 'NetworkPolicy', namespace, name });
    await eventually(
      async () =>
        expect(await harness.events(namespace)).toEqual([
          `DriftRepaired: NetworkPolicy ${name} was deleted; put back as its baseline declares`,
        ]),
      { what: 'an event says so' },
    );
  });
});

/** Tampers while the operator sees nothing, so that it finds the result rather than each step. */
async function whilePaused(tamper: () => Promise<void>): Promise<void> {
  harness.operator.signal('SIGSTOP');
  try {
    await tamper();
  } finally {
    harness.operator.signal('SIGCONT');
  }
}

async function putImpostor(namespace: string): Promise<void> {
  const place = { kind: 'NetworkPolicy', namespace, name: `${scenario.name}.default-deny` } as const;
  await mallory.delete(place);
  const spec = { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: everybody, egress: everybody };
  await mallory.create(place, { spec });
}

describe('an impostor under a name that is ours', () => {
  test('is replaced, and an event names it', async () => {
    const { namespace, restored } = await hardenedNamespace();
    await whilePaused(() => putImpostor(namespace));
    await restored();
    const name = `${scenario.name}.default-deny`;
    await eventually(
      async () =>
        expect(await harness.events(namespace)).toContainEqual(
          expect.stringContaining(`ImpostorReplaced: a NetworkPolicy ${name} that the operator did not make`),
        ),
      { what: 'an event names it' },
    );
  });

  test('and every other drift that came while the operator was down is found when it starts', async () => {
    const impostor = await hardenedNamespace();
    const opened = await hardenedNamespace();
    const deleted = await hardenedNamespace();
    await harness.stopOperator();
    await putImpostor(impostor.namespace);
    const name = `${scenario.name}.default-deny`;
    const open = apply({ spec: { podSelector: {}, ingress: everybody } });
    await open({ kind: 'NetworkPolicy', namespace: opened.namespace, name });
    for (const kind of ['NetworkPolicy', 'ResourceQuota', 'LimitRange', 'Role', 'RoleBinding'] as const) {
      for (const { metadata } of await harness.admin.list({ kind, namespace: deleted.namespace })) {
        await mallory.delete({ kind, namespace: deleted.namespace, name: metadata.name });
      }
    }
    await harness.startOperator();
    await Promise.all([impostor.restored(), opened.restored(), deleted.restored()]);
  });
});

describe('a foreign ServiceAccount of the wanted name', () => {
  test('is not taken over, is named by AllHardened and an event but does not touch Ready, and once gone is replaced', async () => {
    await using clash = harness.scenario();
    const namespace = await clash.namespace();
    const place = { kind: 'ServiceAccount', namespace, name: 'app' } as const;
    const foreign = await mallory.create(place, { automountServiceAccountToken: true });
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }];
    await clash.baseline({
      serviceAccounts: [{ name: 'app', rules }],
      networkPolicy: { defaultDeny: ['Ingress'] },
    });

    const message =
      `ServiceAccount app exists and was not made by baseline ${clash.name}, so it is left alone; ` +
      'delete it to have it replaced, or use another name in the baseline';
    await eventually(
      async () => {
        const status = await clash.status();
        expect(status.conditions).toEqual({
          Ready: 'True Reconciled',
          AllHardened: 'False NamespacesFailing',
        });
        expect(status.failing).toEqual([{ namespace, reason: 'NameTaken', message }]);
        expect(status.messages.AllHardened).toContain(namespace);
      },
      { what: 'the status names it' },
    );
    await eventually(
      async () => expect(await harness.events(namespace)).toContainEqual(`NameTaken: ${message}`),
      { what: 'an event tells the tenant' },
    );
    expect(await harness.admin.get(place)).toEqual(foreign);
    // The Role alone gives nobody anything; its binding would give the foreign account what is meant for ours.
    expect(await harness.managedObjects(namespace)).toEqual([
      `NetworkPolicy ${clash.name}.default-deny`,
      `Role ${clash.name}.app`,
    ]);

    await mallory.delete(place);
    await clash.hardened();
    const ours = await harness.admin.get(place);
    expect(ours.metadata.labels).toMatchObject({ 'securitybaseline.io/baseline': clash.name });
    expect(ours.automountServiceAccountToken).toBe(false);
  });
});

describe('the scopes of a quota, which cannot be changed in place', () => {
  const scoped = (...scopes: readonly string[]) => ({
    resourceQuotas: [{ name: 'compute', spec: { hard: { pods: '10' }, scopes } }],
  });

  test('follow the baseline, and an impostor with others is replaced; neither turns Ready red', async () => {
    await using own = harness.scenario();
    const taken = await own.namespace('taken');
    const place = { kind: 'ResourceQuota', namespace: taken, name: `${own.name}.compute` } as const;
    await mallory.create(place, { spec: { hard: { pods: '9999' }, scopes: ['BestEffort'] } });
    await own.baseline(scoped());
    const namespace = await own.namespace();
    await own.hardened(2);
    expect((await harness.admin.get(place)).spec).toEqual({ hard: { pods: '10' } });

    for (const scopes of [['NotTerminating', 'NotBestEffort'], ['Terminating'], []]) {
      await own.baseline(scoped(...scopes));
      const { conditions } = await own.hardened(2);
      expect(conditions.Ready).toBe('True Reconciled');
      for (const each of [taken, namespace]) {
        const { spec: served } = await harness.admin.get({ ...place, namespace: each });
        const { scopes: those = [] } = served as { scopes?: readonly string[] };
        expect([...those].sort()).toEqual([...scopes].sort());
      }
    }
  });

  test('that the API server would refuse leave the quota as it was', async () => {
    await using own = harness.scenario();
    await own.baseline(scoped('Terminating'));
    const namespace = await own.namespace();
    await own.hardened();
    const place = { kind: 'ResourceQuota', namespace, name: `${own.name}.compute` } as const;
    const before = await harness.admin.get(place);
    const refused = { hard: { 'requests.cpu': '1' }, scopes: ['BestEffort'] };
    await own.baseline({ resourceQuotas: [{ name: 'compute', spec: refused }] });
    await eventually(async () => (await own.status()).conditions.Ready === 'False Refused', {
      what: 'the status says so',
    });
    expect((await harness.admin.get(place)).metadata.uid).toBe(before.metadata.uid);
  });
});

describe('Pod Security labels that were there before us', () => {
  const enforce = 'pod-security.kubernetes.io/enforce';
  const version = `${enforce}-version`;

  test.each([
    ['a stricter level of an older version keeps the level', 'restricted', 'v1.0', 'baseline', 'latest'],
    ['a lower level of a newer version keeps the version', 'baseline', 'latest', 'restricted', 'v1.30'],
  ])('%s, so that all is refused that either refuses', async (_what, level, since, wanted, of) => {
    await using own = harness.scenario();
    const labels = { ...own.label, [enforce]: level, [version]: since };
    const namespace = await own.namespace('a', labels);
    const pod = (name: string, content: Body) =>
      mallory.create({ kind: 'Pod', namespace, name }, { spec: content });
    const unconfined = {
      securityContext: { seccompProfile: { type: 'Unconfined' }, runAsNonRoot: true },
      containers: [
        {
          name: 'app',
          image: 'app',
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    };
    await own.baseline({ podSecurity: { enforce: wanted, version: of } });
    await own.hardened();
    const { metadata } = await harness.admin.get({ kind: 'Namespace', name: namespace });
    expect(metadata.labels).toMatchObject({ [enforce]: 'restricted', [version]: 'latest' });
    await expect(pod('unconfined', unconfined)).rejects.toThrow('violates PodSecurity "restricted:latest"');

    // Theirs stays when ours goes.
    const kept = wanted === 'baseline' ? [enforce, level] : [version, since];
    const gone = wanted === 'baseline' ? version : enforce;
    await own.deleteBaseline();
    await eventually(
      async () => {
        const after = await harness.admin.get({ kind: 'Namespace', name: namespace });
        expect(after.metadata.labels).toHaveProperty(...([[kept[0]], kept[1]] as [string[], string]));
        expect(after.metadata.labels).not.toHaveProperty([gone]);
      },
      { what: 'our label is gone, and theirs is not' },
    );
  });
});
