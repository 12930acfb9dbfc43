import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { OperatorHarness } from '../support/operator-harness.ts';
import { OwnCluster } from '../support/own-cluster.ts';
import type { ServedObject } from '../support/rest-client.ts';

const spec = {
  networkPolicy: { defaultDeny: ['Ingress', 'Egress'] },
  resourceQuotas: [{ name: 'compute', spec: { hard: { pods: '10' } } }],
};

describe('a reconcile that fails is tried again until it succeeds', () => {
  let harness: OperatorHarness;
  let permissions: ServedObject;
  const role = { kind: 'ClusterRole', name: 'security-baseline-operator-own' } as const;
  beforeAll(async () => {
    harness = await OperatorHarness.start();
    permissions = await harness.admin.get(role);
  });
  afterEach(async () => {
    await harness.admin.mergePatch(role, { rules: permissions.rules });
  });
  afterAll(() => harness[Symbol.asyncDispose]());

  test('when the operator may not write: the platform is told, and it heals once it may', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline(spec);
    const rules = (permissions.rules as readonly { resources: readonly string[] }[]).map((rule) =>
      rule.resources.includes('networkpolicies') ? { ...rule, verbs: ['get', 'list', 'watch'] } : rule,
    );
    await harness.admin.mergePatch(role, { rules });
    await eventually(
      async () => {
        const review = await harness.admin.create(
          { kind: 'SubjectAccessReview' },
          {
            spec: {
              user: 'system:serviceaccount:security-baseline-system:security-baseline-operator',
              resourceAttributes: {
                verb: 'create',
                group: 'networking.k8s.io',
                resource: 'networkpolicies',
                namespace: 'default',
              },
            },
          },
        );
        expect(review.status).toMatchObject({ allowed: false });
      },
      { what: 'the permission is gone' },
    );
    const namespace = await scenario.namespace();
    const refused = expect.stringContaining(
      `the operator may not create NetworkPolicy ${scenario.name}.default-deny`,
    );
    await eventually(
      async () => {
        const status = await scenario.status();
        expect(status.conditions).toEqual({
          Ready: 'False Forbidden',
          Stalled: 'True Forbidden',
          AllHardened: 'False NamespacesFailing',
        });
        expect(status.messages.Ready).toEqual(refused);
        expect(status.messages.Ready).toContain(
          'grant it in a ClusterRole labelled securitybaseline.io/operator: "true"',
        );
        expect(status.failing).toEqual([{ namespace, reason: 'Forbidden', message: refused }]);
      },
      { what: 'the status says what is missing' },
    );
    // One refusal does not keep the rest from being done.
    expect(await harness.managedObjects(namespace)).toEqual([`ResourceQuota ${scenario.name}.compute`]);

    // Nothing that the operator watches changes now: only trying again can heal it.
    await harness.admin.mergePatch(role, { rules: permissions.rules });
    await scenario.hardened();
    expect((await scenario.status()).conditions).toEqual({
      Ready: 'True Reconciled',
      AllHardened: 'True Hardened',
    });
  });

  test("when the tenant's quota refuses our objects: the tenant is told, and Ready stays True", async () => {
    await using scenario = harness.scenario();
    await scenario.baseline(spec);
    const namespace = await scenario.namespace('a', {});
    const quota = { kind: 'ResourceQuota', namespace, name: 'no-policies' } as const;
    await harness.admin.create(quota, {
      spec: { hard: { 'count/networkpolicies.networking.k8s.io': '0' } },
    });
    await eventually(
      async () => {
        const { status } = await harness.admin.get(quota);
        return (status as { hard?: object }).hard !== undefined;
      },
      { what: 'the quota is in force' },
    );
    await harness.admin.mergePatch(
      { kind: 'Namespace', name: namespace },
      { metadata: { labels: scenario.label } },
    );
    await eventually(
      async () => {
        const status = await scenario.status();
        expect(status.conditions).toEqual({
          Ready: 'True Reconciled',
          AllHardened: 'False NamespacesFailing',
        });
        const message = expect.stringMatching(
          /^a quota or an admission policy refused to create NetworkPolicy .* exceeded quota: no-policies/,
        );
        expect(status.failing).toEqual([{ namespace, reason: 'Forbidden', message }]);
      },
      { what: 'the status names the namespace' },
    );
    await eventually(
      async () =>
        expect(await harness.events(namespace)).toContainEqual(
          expect.stringMatching(/^Forbidden: .* exceeded quota: no-policies/),
        ),
      { what: 'an event tells the tenant' },
    );
    await harness.admin.delete(quota);
    await scenario.hardened();
  });
});

describe('an API server that is restarted', () => {
  test('finds the operator running on: what changes afterwards is done, what was is kept', async () => {
    await using cluster = await OwnCluster.start();
    const { controlPlane, harness } = cluster;
    await harness.startOperator();
    await using scenario = harness.scenario();
    await scenario.baseline(spec);
    const namespace = await scenario.namespace();
    await scenario.hardened();
    const { operator } = harness;
    const name = `${scenario.name}.default-deny`;
    const before = await harness.admin.get({ kind: 'NetworkPolicy', namespace, name });

    await controlPlane.kill('kube-apiserver');
    await eventually(() => operator.log.some(({ message }) => message === 'watch failed'), {
      what: 'the operator has noticed',
    });
    await controlPlane.restart('kube-apiserver');
    // At once, while its watches are not back yet.
    await harness.admin.delete({ kind: 'ResourceQuota', namespace, name: `${scenario.name}.compute` });
    await scenario.namespace('b');
    await eventually(
      async () => {
        const everything = [`NetworkPolicy ${name}`, `ResourceQuota ${scenario.name}.compute`];
        expect(await harness.managedObjects(namespace)).toEqual(everything);
        expect(await harness.managedObjects(`${scenario.name}-b`)).toEqual(everything);
      },
      { what: 'both namespaces are hardened', timeoutMs: 40_000 },
    );
    await scenario.hardened(2);
    const after = await harness.admin.get({ kind: 'NetworkPolicy', namespace, name });
    expect(after.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    expect(harness.operator.pid).toBe(operator.pid);
    expect((await fetch(`${operator.probes}/readyz`)).status).toBe(200);
    expect((await fetch(`${operator.probes}/healthz`)).status).toBe(200);
  }, 120_000);
});
