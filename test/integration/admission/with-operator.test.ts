import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultDenyAnnotation } from '../../../src/api/labels.ts';
import { applyManifests, readManifests } from '../../../tools/operator/manifests.ts';
import { loadKubeconfig } from '../../support/control-plane.ts';
import { eventually } from '../../support/eventually.ts';
import { managedKinds, type OperatorHarness } from '../../support/operator-harness.ts';
import { OwnCluster } from '../../support/own-cluster.ts';
import { podSpec } from './pods.ts';

/** The operator, the policies and the controllers of a cluster, all at once: each stands in the way of the others where it may not. */
let cluster: OwnCluster;
let harness: OperatorHarness;

beforeAll(async () => {
  cluster = await OwnCluster.start();
  harness = cluster.harness;
  await applyManifests(
    loadKubeconfig(harness.controlPlane.adminKubeconfig),
    ['guard', 'rules'].flatMap((folder) => readManifests(`config/policies/${folder}/!(kustomization).yaml`)),
  );
  await harness.startOperator();
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

const everything = {
  networkPolicy: { defaultDeny: ['Ingress', 'Egress'], allow: { dns: {} }, tenantPolicies: 'Restrict' },
  resourceQuotas: [{ name: 'compute', spec: { hard: { pods: '10' } } }],
  limitRanges: [{ name: 'defaults', spec: { limits: [{ type: 'Container', default: { cpu: '1' } }] } }],
  serviceAccounts: [{ name: 'app', rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] }],
  podSecurity: { warn: 'restricted' },
  admission: { holdPodsUntilHardened: true, images: { registries: ['registry.example.com/'] } },
};

describe('deleting a hardened namespace, with a pod and all managed objects in it, past all policies', () => {
  test.each(['running', 'stopped'] as const)(
    'completes with the operator %s',
    async (state) => {
      if (!harness.isOperatorRunning) await harness.startOperator();
      await using scenario = harness.scenario();
      await scenario.baseline(everything);
      const namespace = await scenario.namespace();
      await scenario.hardened();
      const pod = { kind: 'Pod', namespace, name: 'app' } as const;
      await eventually(() => harness.admin.create(pod, { spec: podSpec() }), { what: 'a pod is let in' });
      const kinds = new Set((await harness.managedObjects(namespace)).map((name) => name.split(' ')[0]));
      expect(kinds).toEqual(new Set(managedKinds));
      const tenant = await harness.as('tess', ['system:masters']);
      await expect(
        tenant.delete({ kind: 'ResourceQuota', namespace, name: `${scenario.name}.compute` }),
      ).rejects.toThrow(/only the operator may change it/);

      if (state === 'stopped') await harness.stopOperator();
      await tenant.delete({ kind: 'Namespace', name: namespace });
      await eventually(
        async () => expect(await harness.admin.find({ kind: 'Namespace', name: namespace })).toBeUndefined(),
        { what: `${namespace} is gone`, timeoutMs: 60_000 },
      );
    },
    120_000,
  );
});

describe('Restrict of one baseline', () => {
  test('holds in the direction that another baseline denies', async () => {
    if (!harness.isOperatorRunning) await harness.startOperator();
    await using restricting = harness.scenario();
    await using denying = harness.scenario();
    await restricting.baseline({ networkPolicy: { defaultDeny: ['Ingress'], tenantPolicies: 'Restrict' } });
    await denying.baseline({
      namespaceSelector: { matchLabels: restricting.label },
      networkPolicy: { defaultDeny: ['Egress'] },
    });
    const namespace = await restricting.namespace();
    await eventually(
      async () => {
        const { metadata } = await harness.admin.get({ kind: 'Namespace', name: namespace });
        expect(metadata.annotations?.[defaultDenyAnnotation]).toBe('Egress,Ingress');
      },
      { what: 'the operator tells admission what is denied' },
    );
    const tenant = await harness.as('tess', ['system:masters']);
    const openEgress = { podSelector: {}, policyTypes: ['Egress'], egress: [{}] };
    const policy = { kind: 'NetworkPolicy', namespace, name: 'out' } as const;
    await eventually(
      () => expect(tenant.create(policy, { spec: openEgress })).rejects.toThrow(/spec\.egress without peers/),
      { what: 'a policy that opens egress is refused' },
    );

    await denying.deleteBaseline();
    await eventually(
      async () => {
        const { metadata } = await harness.admin.get({ kind: 'Namespace', name: namespace });
        expect(metadata.annotations?.[defaultDenyAnnotation]).toBeUndefined();
      },
      { what: 'the mark goes with the baseline that denied more' },
    );
  });
});
