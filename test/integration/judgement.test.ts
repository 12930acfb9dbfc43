import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { OperatorHarness } from '../support/operator-harness.ts';

let harness: OperatorHarness;

const deny = { defaultDeny: ['Ingress', 'Egress'] };

beforeAll(async () => {
  harness = await OperatorHarness.start();
});
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
});

describe('a baseline in Audit mode', () => {
  test('writes nothing, and says in status, events and metrics what enforcing would change', async () => {
    await using scenario = harness.scenario();
    const spec = { networkPolicy: deny, podSecurity: { enforce: 'baseline' } };
    const namespace = await scenario.namespace();
    await scenario.baseline({ ...spec, mode: 'Audit' });

    const changes = [`create NetworkPolicy ${scenario.name}.default-deny`, 'label and annotate Namespace'];
    await eventually(
      async () => {
        const { status } = await harness.admin.get({ kind: 'SecurityBaseline', name: scenario.name });
        expect(status).toMatchObject({
          namespaces: { selected: 1, hardened: 0 },
          audit: { changes: 2, namespaces: 1, first: [{ namespace, changes }] },
        });
      },
      { what: 'the status says what would change' },
    );
    expect(await harness.managedObjects(namespace)).toEqual([]);
    const { metadata } = await harness.admin.get({ kind: 'Namespace', name: namespace });
    expect(metadata.labels).not.toHaveProperty('pod-security.kubernetes.io/enforce');
    await eventually(
      async () =>
        expect(await harness.events('default')).toEqual(
          expect.arrayContaining([
            `WouldChange: in namespace ${namespace}, enforcing would ${changes.join('; ')}`,
          ]),
        ),
      { what: 'an event says so' },
    );
    expect(await harness.operator.metrics()).toMatch(/security_baseline_audit_changes [1-9]/);

    await scenario.baseline(spec);
    await scenario.hardened();
    const { status } = await harness.admin.get({ kind: 'SecurityBaseline', name: scenario.name });
    expect(status).not.toHaveProperty('audit');
  });

  test('leaves what it wrote while it enforced', async () => {
    await using scenario = harness.scenario();
    const spec = {
      networkPolicy: deny,
      podSecurity: { enforce: 'baseline' },
      defaultServiceAccount: { automountToken: false },
    };
    await scenario.baseline(spec);
    const namespace = await scenario.namespace();
    await scenario.hardened();
    await scenario.baseline({ ...spec, mode: 'Audit' });

    await eventually(async () => (await scenario.status()).observedGeneration === 2, {
      what: 'the mode is observed',
    });
    await eventually(
      async () => {
        const { status } = await harness.admin.get({ kind: 'SecurityBaseline', name: scenario.name });
        expect(status).toMatchObject({ audit: { changes: 0 }, namespaces: { selected: 1, hardened: 1 } });
      },
      { what: 'nothing would change' },
    );
    expect(await harness.managedObjects(namespace)).toEqual([`NetworkPolicy ${scenario.name}.default-deny`]);
    const { metadata } = await harness.admin.get({ kind: 'Namespace', name: namespace });
    expect(metadata.labels).toHaveProperty('pod-security.kubernetes.io/enforce', 'baseline');
  });
});

describe('a tenant policy', () => {
  test.each([
    ['allows ingress from anywhere', { ingress: [{}] }, 'allows ingress from anywhere'],
    [
      'allows egress to every address',
      { egress: [{ to: [{ ipBlock: { cidr: '0.0.0.0/0' } }] }], policyTypes: ['Egress'] },
      'allows egress to an external range (0.0.0.0/0)',
    ],
    [
      'lets any namespace in',
      { ingress: [{ from: [{ namespaceSelector: {} }] }] },
      'allows ingress from any namespace',
    ],
  ])('that %s makes the namespace not hardened, and names itself', async (_what, policy, message) => {
    await using scenario = harness.scenario();
    await scenario.baseline({ networkPolicy: deny });
    const namespace = await scenario.namespace();
    await scenario.hardened();
    const open = { kind: 'NetworkPolicy', namespace, name: 'open-wide' } as const;
    await harness.admin.create(open, { spec: { podSelector: {}, ...policy } });

    await eventually(
      async () => {
        const { conditions, failing } = await scenario.status();
        expect(conditions).toMatchObject({
          AllHardened: 'False NamespacesFailing',
          Ready: 'True Reconciled',
        });
        expect(failing).toMatchObject([{ namespace, reason: 'Weakened' }]);
        expect(failing?.[0]?.message).toContain(`NetworkPolicy open-wide ${message}`);
      },
      { what: 'the status names it' },
    );
    await eventually(
      async () =>
        expect(await harness.events(namespace)).toEqual(
          expect.arrayContaining([expect.stringContaining(`Weakened: NetworkPolicy open-wide ${message}`)]),
        ),
      { what: 'the tenant sees an event' },
    );

    await harness.admin.delete(open);
    await scenario.hardened();
  });

  test('that carries our labels does not hide behind them', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline({ networkPolicy: deny });
    const namespace = await scenario.namespace();
    await scenario.hardened();
    const { metadata } = await harness.admin.get({
      kind: 'NetworkPolicy',
      namespace,
      name: `${scenario.name}.default-deny`,
    });
    await harness.admin.create(
      { kind: 'NetworkPolicy', namespace, name: 'in-disguise' },
      { metadata: { labels: metadata.labels }, spec: { podSelector: {}, ingress: [{}] } },
    );

    await eventually(
      async () =>
        expect((await scenario.status()).failing).toMatchObject([{ namespace, reason: 'Weakened' }]),
      {
        what: 'the status names the namespace',
      },
    );
  });

  test('that stays within what the baseline leaves open weakens nothing', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline({ networkPolicy: { defaultDeny: ['Egress'] } });
    const namespace = await scenario.namespace();
    await harness.admin.create(
      { kind: 'NetworkPolicy', namespace, name: 'in' },
      { spec: { podSelector: {}, ingress: [{}] } },
    );
    await harness.admin.create(
      { kind: 'NetworkPolicy', namespace, name: 'out' },
      { spec: { podSelector: {}, policyTypes: ['Egress'], egress: [{ to: [{ podSelector: {} }] }] } },
    );

    await scenario.hardened();
  });
});

describe('a baseline that asks something of admission', () => {
  test('says where the admission policies are not installed, and works otherwise', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline({ networkPolicy: deny, admission: { images: { requireDigest: true } } });
    await scenario.namespace();
    const { conditions, messages } = await scenario.hardened();

    expect(conditions).toMatchObject({ Ready: 'True Reconciled', AdmissionOff: 'True PoliciesMissing' });
    expect(messages.AdmissionOff).toContain('apply config/policies');
  });
});

describe('a rival', () => {
  test('that changes an object again and again is named, and the object put back each time', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline({ resourceQuotas: [{ name: 'compute', spec: { hard: { pods: '10' } } }] });
    const namespace = await scenario.namespace();
    await scenario.hardened();
    const quota = { kind: 'ResourceQuota', namespace, name: `${scenario.name}.compute` } as const;
    const hardIs = async (pods: string) => {
      const { spec } = await harness.admin.get(quota);
      return (spec as { hard: { pods: string } }).hard.pods === pods;
    };

    for (let round = 0; round < 5; round += 1) {
      await harness.admin.apply(quota, { spec: { hard: { pods: '99' } } }, 'other-controller');
      await eventually(() => hardIs('10'), { what: `the quota is put back, round ${round}` });
    }

    await eventually(
      async () =>
        expect(await harness.events(namespace)).toEqual(
          expect.arrayContaining([
            expect.stringContaining('Rival: other-controller keeps changing this object'),
          ]),
        ),
      { what: 'an event names the rival' },
    );
    expect(await harness.operator.metrics()).toMatch(
      /security_baseline_rivals_total\{kind="ResourceQuota",actor="other"\} [1-9]/,
    );
  });
});
