/**
 * The operator is bound to one ClusterRole, into which the controller manager gathers what it may do: a moment after the installation, and
 * a moment after what is grantable has changed. First there is no controller manager, so that the moment lasts.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyManifests } from '../../tools/operator/manifests.ts';
import { loadKubeconfig } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import type { OperatorHarness } from '../support/operator-harness.ts';
import { OwnCluster } from '../support/own-cluster.ts';
import type { Scenario } from '../support/scenario.ts';

const bound = { kind: 'ClusterRole', name: 'security-baseline-operator' } as const;
const grantable = { kind: 'ClusterRole', name: 'security-baseline-grantable' } as const;
const readEndpoints = { apiGroups: [''], resources: ['endpoints'], verbs: ['get'] };

let cluster: OwnCluster;
let harness: OperatorHarness;
beforeAll(async () => {
  cluster = await OwnCluster.start();
  harness = cluster.harness;
  await cluster.controlPlane.kill('kube-controller-manager');
});
afterAll(() => cluster?.[Symbol.asyncDispose]());

async function rulesOf(role: typeof bound | typeof grantable): Promise<readonly unknown[]> {
  return (await harness.admin.get(role)).rules as readonly unknown[];
}

/** As the controller manager does it. */
async function gather(role: typeof bound | typeof grantable, rules: readonly unknown[]): Promise<void> {
  await harness.admin.mergePatch(role, { rules });
}

/** A baseline with rules that are not grantable yet, in the namespace that is returned. */
async function askTooMuch(scenario: Scenario, rules: readonly object[]): Promise<string> {
  await scenario.baseline({ serviceAccounts: [{ name: 'app', rules }] });
  const namespace = await scenario.namespace();
  await eventually(
    async () =>
      expect((await scenario.status()).conditions).toMatchObject({ Stalled: 'True RulesNotGrantable' }),
    { what: 'it is not grantable' },
  );
  return namespace;
}

describe('until the controller manager has gathered', () => {
  test('the permissions of a fresh installation, the operator is not ready; then it is, and works', async () => {
    const rules = await rulesOf(bound);
    await gather(bound, []);
    const operator = await harness.launchOperator();
    await eventually(
      () =>
        expect(operator.log).toContainEqual(
          expect.objectContaining({
            message: 'watch failed',
            error: expect.objectContaining({ kind: 'forbidden' }),
          }),
        ),
      { what: 'it is refused' },
    );
    const readyz = await fetch(`${operator.probes}/readyz`);
    expect([readyz.status, await readyz.text()]).toEqual([503, expect.stringContaining('not synced yet')]);

    await gather(bound, rules);
    await operator.ready();
    await using scenario = harness.scenario();
    await scenario.baseline({ networkPolicy: { defaultDeny: ['Ingress'] } });
    await scenario.namespace();
    await scenario.hardened();
  });

  test('what has become grantable, the Role is refused; then it is there, and nothing of the failure is left', async () => {
    const { operator } = harness;
    await using scenario = harness.scenario();
    const namespace = await askTooMuch(scenario, [readEndpoints]);
    const role = `Role ${scenario.name}.app`;

    await gather(grantable, [...(await rulesOf(grantable)), readEndpoints]);
    await eventually(
      () =>
        expect(JSON.stringify(operator.log)).toContain(
          'is attempting to grant RBAC permissions not currently held',
        ),
      { what: 'the API server refuses the Role' },
    );
    expect(await harness.managedObjects(namespace)).not.toContain(role);
    await eventually(
      async () =>
        expect((await scenario.status()).conditions).toMatchObject({
          Ready: 'False NotGathered',
          Reconciling: 'True NotGathered',
        }),
      { what: 'it lasts, and is told' },
    );

    // Nothing that the operator watches changes now: only trying again can heal it.
    await gather(bound, [...(await rulesOf(bound)), readEndpoints]);
    await scenario.hardened();
    expect(await harness.managedObjects(namespace)).toContain(role);
    expect((await scenario.status()).conditions).toEqual({
      Ready: 'True Reconciled',
      AllHardened: 'True Hardened',
    });
  });
});

describe('with the controller manager', () => {
  test('there again, what was applied is waited for until it is gathered', async () => {
    const { adminKubeconfig } = cluster.controlPlane;
    const readJobs = { apiGroups: ['batch'], resources: ['jobs'], verbs: ['get'] };
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'grantable-get-jobs', labels: { 'securitybaseline.io/grantable': 'true' } },
      rules: [readJobs],
    };
    const applied = applyManifests(loadKubeconfig(adminKubeconfig), [role]).then(() => rulesOf(bound));
    const [rules] = await Promise.all([applied, cluster.controlPlane.restart('kube-controller-manager')]);
    expect(rules).toContainEqual(readJobs);
  });

  test('what a label makes grantable at run time is granted', async () => {
    await using scenario = harness.scenario();
    const rules = [{ apiGroups: ['batch'], resources: ['jobs'], verbs: ['create'] }];
    const namespace = await askTooMuch(scenario, rules);
    const labels = { 'securitybaseline.io/grantable': 'true' };
    await harness.admin.create(
      { kind: 'ClusterRole', name: 'grantable-jobs' },
      { metadata: { labels }, rules },
    );
    await scenario.hardened();
    const role = { kind: 'Role', namespace, name: `${scenario.name}.app` } as const;
    expect((await harness.admin.get(role)).rules).toEqual(rules);
  });

  test('by its label a ClusterRole gives the operator rights, of those that who writes it has himself', async () => {
    const mine = [
      { apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles'], verbs: ['create', 'patch'] },
      { apiGroups: [''], resources: ['events'], verbs: ['list'] },
    ];
    const { admin } = harness;
    await admin.create({ kind: 'ClusterRole', name: 'writer' }, { rules: mine });
    const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'wim' }];
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'writer' };
    await admin.create({ kind: 'ClusterRoleBinding', name: 'writer' }, { roleRef, subjects });
    const wim = await harness.as('wim');
    const metadata = { labels: { 'securitybaseline.io/operator': 'true' } };
    const secrets = { apiGroups: [''], resources: ['secrets'], verbs: ['list'] };
    await eventually(
      async () =>
        await wim.create({ kind: 'ClusterRole', name: 'events' }, { metadata, rules: mine.slice(1) }),
      { what: 'he may write ClusterRoles' },
    );
    await eventually(async () => expect(await rulesOf(bound)).toContainEqual(mine[1]), {
      what: 'the operator has the rule',
    });

    await expect(
      wim.create({ kind: 'ClusterRole', name: 'secrets' }, { metadata, rules: [secrets] }),
    ).rejects.toThrow('attempting to grant RBAC permissions not currently held');
    // Nor by a label on what somebody else has written.
    await admin.create({ kind: 'ClusterRole', name: 'secrets' }, { rules: [secrets] });
    await expect(wim.mergePatch({ kind: 'ClusterRole', name: 'secrets' }, { metadata })).rejects.toThrow(
      'attempting to grant RBAC permissions not currently held',
    );
  });
});
