import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contentOf } from '../support/content-of.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorHarness, operatorUser } from '../support/operator-harness.ts';
import type { RestClient } from '../support/rest-client.ts';

let harness: OperatorHarness;
let tenant: RestClient;
beforeAll(async () => {
  harness = await OperatorHarness.start();
  tenant = await harness.as('tenant', ['system:masters']);
});
afterAll(() => harness[Symbol.asyncDispose]());

const spec = {
  networkPolicy: {
    defaultDeny: ['Ingress', 'Egress'],
    policies: [
      { name: 'open', justification: 'everything may reach it', spec: { podSelector: {}, ingress: [] } },
    ],
  },
  serviceAccounts: [{ name: 'app', imagePullSecrets: ['registry'] }],
};

/** Everything that a namespace's objects have of ours in their metadata. */
async function tracesIn(namespace: string): Promise<readonly string[]> {
  return (await harness.objects(namespace)).flatMap(({ metadata: { labels, annotations } }) =>
    Object.entries({ ...labels, ...annotations })
      .filter((entry) => /securitybaseline|security-baseline/.test(entry.join('=')))
      .map((entry) => entry.join('=')),
  );
}

describe('cleaning up', () => {
  test('touches nothing that we did not write, though a tenant has put all our labels on it', async () => {
    await using scenario = harness.scenario();
    const { uid } = (await scenario.baseline(spec)).metadata;
    const namespace = await scenario.namespace();
    await scenario.hardened();
    const labels = {
      'app.kubernetes.io/managed-by': 'security-baseline-operator',
      'securitybaseline.io/baseline': scenario.name,
      'securitybaseline.io/baseline-uid': uid,
    };
    const forged = [
      { kind: 'NetworkPolicy', name: 'allow-monitoring', body: { spec: { podSelector: {} } } },
      { kind: 'ResourceQuota', name: 'mine', body: { spec: { hard: { pods: '1' } } } },
      { kind: 'ServiceAccount', name: 'mine', body: {} },
      { kind: 'Role', name: 'pods.reader', body: { rules: [] } },
    ] as const;
    const mark = await harness.audit.mark();
    for (const { kind, name, body } of forged) {
      await tenant.create({ kind, namespace, name }, { metadata: { labels }, ...body });
    }
    await scenario.deleteBaseline();
    await eventually(
      async () => {
        const ours = await harness.managedObjects(namespace);
        return !ours.some((object) => object.includes(scenario.name)) && !ours.includes('ServiceAccount app');
      },
      { what: 'what is ours is gone' },
    );
    for (const { kind, name } of forged) await harness.admin.get({ kind, namespace, name });
    const writes = await harness.audit.writesBy(operatorUser, mark);
    expect(writes.filter((write) => forged.some(({ name }) => write.endsWith(`/${name}`)))).toEqual([]);
  });

  test('takes what a baseline left that was deleted while the operator was down', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline(spec);
    const namespace = await scenario.namespace();
    await scenario.hardened();
    await harness.stopOperator();
    await scenario.deleteBaseline();
    await harness.startOperator();
    await eventually(async () => expect(await harness.managedObjects(namespace)).toEqual([]), {
      what: 'nothing of ours is left',
    });
  });

  test('takes no stricter Pod Security level than we gave, and leaves the one that somebody else gave', async () => {
    await using scenario = harness.scenario();
    const stricter = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    const namespace = await scenario.namespace('a', { ...scenario.label, ...stricter });
    await scenario.baseline({ ...spec, podSecurity: { enforce: 'baseline', warn: 'baseline' } });
    await scenario.hardened();
    const place = { kind: 'Namespace', name: namespace } as const;
    const during = (await harness.admin.get(place)).metadata.labels;
    expect(during).toMatchObject({ ...stricter, 'pod-security.kubernetes.io/warn': 'baseline' });
    await scenario.deleteBaseline();
    await eventually(
      async () =>
        expect((await harness.admin.get(place)).metadata.labels).toEqual({
          ...scenario.label,
          ...stricter,
          'kubernetes.io/metadata.name': namespace,
        }),
      { what: 'our own labels are gone' },
    );
  });
});

describe('a baseline whose objects are to be left behind (deletionPolicy Orphan)', () => {
  test.each(['unselected', 'deleted'])('leaves them, without a trace of us, when %s', async (how) => {
    await using scenario = harness.scenario();
    await scenario.baseline({ ...spec, deletionPolicy: 'Orphan' });
    const namespace = await scenario.namespace();
    await scenario.hardened();
    const before = await harness.objects(namespace);
    if (how === 'deleted') await scenario.deleteBaseline();
    else {
      const [key = ''] = Object.keys(scenario.label);
      const labels = { [key]: null };
      await harness.admin.mergePatch({ kind: 'Namespace', name: namespace }, { metadata: { labels } });
    }
    await eventually(async () => expect(await tracesIn(namespace)).toEqual([]), { what: 'no trace is left' });
    const after = await harness.objects(namespace);
    const bare = (object: object) => ({ ...contentOf(object as never), labels: {}, annotations: {} });
    expect(after.map(bare)).toEqual(before.map(bare));
    expect(after.map(({ metadata }) => metadata.uid)).toEqual(before.map(({ metadata }) => metadata.uid));
  });
});

describe('an impostor where what ours should be cannot be told', () => {
  // This cluster has no Nodes, so the ranges of its pods are not known.
  const internet = {
    networkPolicy: {
      defaultDeny: ['Egress'],
      allow: { internet: { justification: 'everybody reads the news' } },
    },
  };

  test.each(['without our labels', 'with all our labels'])('is deleted, and named, %s', async (how) => {
    await using scenario = harness.scenario();
    await scenario.baseline(internet);
    const namespace = await scenario.namespace();
    await eventually(async () => (await scenario.status()).namespaces?.hardened === 1, {
      what: 'the namespace is hardened as far as can be told',
    });
    const name = `${scenario.name}.default-deny`;
    const { metadata } = await harness.admin.get({ kind: 'NetworkPolicy', namespace, name });
    const impostor = { kind: 'NetworkPolicy', namespace, name: `${scenario.name}.allow-internet` } as const;
    await tenant.create(impostor, {
      metadata: { labels: how === 'with all our labels' ? metadata.labels : {} },
      spec: { podSelector: {}, policyTypes: ['Egress'], egress: [{}] },
    });
    await eventually(async () => (await harness.admin.find(impostor)) === undefined, {
      what: 'the impostor is gone',
    });
    await eventually(
      async () =>
        expect(await harness.events(namespace)).toContainEqual(
          expect.stringContaining(`ImpostorReplaced: a NetworkPolicy ${impostor.name} that the operator`),
        ),
      { what: 'an event names it' },
    );
  });
});

describe("a baseline's allowances where it says nothing any more", () => {
  const closed = {
    networkPolicy: { defaultDeny: ['Egress'] },
    admission: { holdPodsUntilHardened: true },
  };
  const open = {
    networkPolicy: {
      policies: [
        {
          name: 'out',
          justification: 'the crawler visits every site',
          spec: { podSelector: {}, policyTypes: ['Egress'], egress: [{ anyPeer: true }] },
        },
      ],
    },
  };

  /** The UIDs of the baselines for which pods are let in. */
  async function markOf(namespace: string): Promise<string | undefined> {
    const { metadata } = await harness.admin.get({ kind: 'Namespace', name: namespace });
    return metadata.annotations?.['securitybaseline.io/hardened'];
  }

  test('since it is in Audit mode weaken no other; what only says that it is one of them does', async () => {
    await using scenario = harness.scenario();
    await using other = harness.scenario();
    const namespaceSelector = { matchLabels: scenario.label };
    const { uid } = (await scenario.baseline(closed)).metadata;
    await other.baseline({ ...open, namespaceSelector });
    const namespace = await scenario.namespace();
    await scenario.hardened();
    await other.hardened();
    await other.baseline({ ...open, namespaceSelector, mode: 'Audit' });
    await eventually(
      async () => {
        const { status } = await harness.admin.get({ kind: 'SecurityBaseline', name: other.name });
        expect(status).toMatchObject({ audit: { changes: 0 }, namespaces: { selected: 1, hardened: 1 } });
      },
      { what: 'the namespace is as it was' },
    );
    await scenario.hardened();
    expect(await markOf(namespace)).toBe(uid);

    const ours = { kind: 'NetworkPolicy', namespace, name: `${other.name}.out` } as const;
    const { metadata } = await harness.admin.get(ours);
    const disguised = { ...ours, name: `${other.name}.mine` };
    await tenant.create(disguised, {
      metadata: { labels: metadata.labels },
      spec: { podSelector: {}, policyTypes: ['Egress'], egress: [{}] },
    });
    await eventually(
      async () => {
        const { failing } = await scenario.status();
        expect(failing).toMatchObject([{ namespace, reason: 'Weakened' }]);
        expect(failing?.[0]?.message).toContain(`NetworkPolicy ${disguised.name} allows egress to anywhere`);
        expect(failing?.[0]?.message).not.toContain(ours.name);
      },
      { what: 'the status names the one that the tenant made' },
    );
  });

  test('since its removal is held weaken no other', async () => {
    await using scenario = harness.scenario();
    await using other = harness.scenario();
    const suffixes = [...'abcdefghijk'];
    const { uid } = (await scenario.baseline(closed)).metadata;
    await other.baseline({ ...open, namespaceSelector: { matchLabels: scenario.label } });
    const namespaces = await Promise.all(suffixes.map((suffix) => scenario.namespace(suffix)));
    await scenario.hardened(suffixes.length);
    await other.hardened(suffixes.length);
    await other.baseline({ ...open, namespaceSelector: { matchLabels: other.label } });
    await eventually(
      async () => {
        const { conditions } = await other.status();
        expect(conditions).toMatchObject({ RemovalHeld: 'True ManyNamespaces' });
      },
      { what: 'the removal is held' },
    );
    // So that every namespace is looked at once more, with the removal held.
    await scenario.baseline({ ...closed, resourceQuotas: [{ name: 'pods', spec: { hard: { pods: '9' } } }] });
    await scenario.hardened(suffixes.length);
    for (const namespace of namespaces) {
      expect(await markOf(namespace)).toContain(uid);
      expect(await harness.managedObjects(namespace)).toContain(`NetworkPolicy ${other.name}.out`);
    }
  });
});

describe('a baseline created again under its name', () => {
  test.each([
    ['while the operator looked away', () => harness.operator.signal('SIGSTOP')],
    ['while the operator was down', () => harness.stopOperator()],
  ])('%s takes over what is there, without a gap', async (_when, away) => {
    await using scenario = harness.scenario();
    const { uid: oldUid } = (await scenario.baseline(spec)).metadata;
    const namespace = await scenario.namespace();
    await scenario.hardened();
    const before = await harness.objects(namespace);
    await away();
    await scenario.deleteBaseline();
    const { uid } = (await scenario.baseline(spec)).metadata;
    expect(uid).not.toBe(oldUid);
    await back();
    await scenario.hardened();
    const after = await harness.objects(namespace);
    expect(after.map(({ metadata }) => metadata.uid)).toEqual(before.map(({ metadata }) => metadata.uid));
    const deny = await harness.admin.get({
      kind: 'NetworkPolicy',
      namespace,
      name: `${scenario.name}.default-deny`,
    });
    expect(deny.metadata.labels?.['securitybaseline.io/baseline-uid']).toBe(uid);
  });

  async function back(): Promise<void> {
    if (harness.isOperatorRunning) harness.operator.signal('SIGCONT');
    else await harness.startOperator();
  }
});
