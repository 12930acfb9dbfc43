import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { dnsService, OperatorHarness } from '../support/operator-harness.ts';
import type { Condition, ReadableStatus, Scenario, Status } from '../support/scenario.ts';

let harness: OperatorHarness;
beforeAll(async () => {
  harness = await OperatorHarness.start({ proxied: true });
});
afterEach(() => harness.proxy.release());
afterAll(() => harness[Symbol.asyncDispose]());

const deny = { networkPolicy: { defaultDeny: ['Ingress', 'Egress'] } };
const guarded = ['kube-system', 'kube-public', 'kube-node-lease', 'security-baseline-system'];

/**
 * What Flux and Argo CD make of it.
 * Source: https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/status/generic.go
 */
async function kstatus({ name }: Scenario): Promise<'InProgress' | 'Failed' | 'Current'> {
  const { metadata, status = {} } = await harness.admin.get({ kind: 'SecurityBaseline', name });
  const { observedGeneration, conditions = [] } = status as Status;
  const is = (type: string, value: string): boolean =>
    conditions.some((condition) => condition.type === type && condition.status === value);
  if (observedGeneration !== metadata.generation) return 'InProgress';
  if (is('Reconciling', 'True')) return 'InProgress';
  if (is('Stalled', 'True')) return 'Failed';
  return is('Ready', 'True') ? 'Current' : 'InProgress';
}

async function conditions({ name }: Scenario): Promise<readonly Condition[]> {
  const { status } = await harness.admin.get({ kind: 'SecurityBaseline', name });
  return (status as Status).conditions ?? [];
}

/** Resolves with the status once the check passes on it. */
async function statusWhere(
  scenario: Scenario,
  what: string,
  check: (status: ReadableStatus) => void,
): Promise<ReadableStatus> {
  return await eventually(
    async () => {
      const status = await scenario.status();
      check(status);
      return status;
    },
    { what, timeoutMs: 30_000 },
  );
}

const allDone = { Ready: 'True Reconciled', AllHardened: 'True Hardened' };

/** Withholds the writing of NetworkPolicies, so that what lies between two states stays to be seen. */
function withholdPolicies(): void {
  harness.proxy.treat((method, path) =>
    method !== 'GET' && path.includes('/networkpolicies') ? 'hold' : 'pass',
  );
}

test('counts the selected, the hardened and those that no baseline covers, at the generation it saw', async () => {
  await using scenario = harness.scenario();
  const { metadata } = await scenario.baseline(deny);
  await statusWhere(scenario, 'a baseline that selects nothing is done', ({ conditions, namespaces }) => {
    expect(conditions).toEqual(allDone);
    expect(namespaces).toMatchObject({ selected: 0, hardened: 0, failing: 0 });
  });
  for (const suffix of ['a', 'b', 'c']) await scenario.namespace(suffix);
  await scenario.namespace('uncovered', {});
  await scenario.hardened(3);
  await eventually(
    async () => {
      const uncovered = (await harness.admin.list({ kind: 'Namespace' }))
        .filter(({ metadata: { name, deletionTimestamp } }) => !guarded.includes(name) && !deletionTimestamp)
        .filter(({ metadata: { name } }) => !/-[abc]$/.test(name));
      const status = await scenario.status();
      const namespaces = { selected: 3, hardened: 3, failing: 0, uncovered: uncovered.length };
      expect(status).toMatchObject({ observedGeneration: metadata.generation, namespaces });
    },
    { what: 'the counts are right' },
  );
  const before = await conditions(scenario);
  expect(before.map(({ observedGeneration }) => observedGeneration)).toEqual([1, 1]);

  const edited = await scenario.baseline({ networkPolicy: { defaultDeny: ['Ingress'] } });
  expect(edited.metadata.generation).toBe(2);
  await statusWhere(scenario, 'the edit is done', ({ observedGeneration, namespaces, conditions }) => {
    expect(observedGeneration).toBe(2);
    expect(namespaces).toMatchObject({ selected: 3, hardened: 3 });
    expect(conditions).toEqual(allDone);
  });
});

test('a namespace just created does not flip Ready; an edited baseline does until it is rolled out', async () => {
  await using scenario = harness.scenario();
  await scenario.baseline(deny);
  await statusWhere(scenario, 'the baseline is ready', ({ conditions }) =>
    expect(conditions).toEqual(allDone),
  );
  const [ready] = await conditions(scenario);
  expect(await kstatus(scenario)).toBe('Current');

  withholdPolicies();
  await scenario.namespace();
  await statusWhere(scenario, 'the new namespace is counted', ({ conditions, namespaces }) => {
    expect(namespaces).toMatchObject({ selected: 1, hardened: 0, failing: 0 });
    expect(conditions).toEqual({ Ready: 'True Reconciled', AllHardened: 'False NamespacesPending' });
  });
  expect(await kstatus(scenario)).toBe('Current');
  harness.proxy.release();
  await scenario.hardened(1);
  expect((await conditions(scenario))[0]).toEqual(ready);

  withholdPolicies();
  await scenario.baseline({ networkPolicy: { defaultDeny: ['Ingress'] } });
  expect(await kstatus(scenario)).toBe('InProgress');
  await statusWhere(scenario, 'the rollout shows', ({ conditions, observedGeneration }) => {
    expect(observedGeneration).toBe(2);
    expect(conditions).toEqual({
      Ready: 'False RollingOut',
      Reconciling: 'True RollingOut',
      AllHardened: 'False NamespacesPending',
    });
  });
  expect(await kstatus(scenario)).toBe('InProgress');
  harness.proxy.release();
  await scenario.hardened(1);
  expect(await kstatus(scenario)).toBe('Current');
});

test('names the first ten failing namespaces in order, counts all, and stays Ready for the platform', async () => {
  await using scenario = harness.scenario();
  const suffixes = Array.from({ length: 12 }, (_, index) => `n${String(index).padStart(2, '0')}`);
  const names = suffixes.map((suffix) => `${scenario.name}-${suffix}`);
  await Promise.all(
    suffixes.toReversed().map(async (suffix) => {
      const namespace = await scenario.namespace(suffix, {});
      await harness.admin.create({ kind: 'ServiceAccount', namespace, name: 'app' });
    }),
  );
  await scenario.baseline({ serviceAccounts: [{ name: 'app' }] });
  for (const name of names) {
    await harness.admin.mergePatch({ kind: 'Namespace', name }, { metadata: { labels: scenario.label } });
  }
  const status = await statusWhere(scenario, 'all clash', ({ namespaces }) =>
    expect(namespaces).toMatchObject({ selected: 12, hardened: 0, failing: 12 }),
  );
  expect(status.conditions).toEqual({ Ready: 'True Reconciled', AllHardened: 'False NamespacesFailing' });
  expect(status.failing?.map(({ namespace }) => namespace)).toEqual(names.slice(0, 10));
  expect(status.messages.AllHardened).toBe(
    `0 of 12 selected namespaces are hardened; failing: ${names.slice(0, 10).join(', ')}, ...`,
  );
  expect(await kstatus(scenario)).toBe('Current');
});

test('a baseline that asks for more than is grantable is stalled: the message names the field, the rule and the fix', async () => {
  await using scenario = harness.scenario();
  const account = (verbs: readonly string[]) => ({
    serviceAccounts: [{ name: 'app', rules: [{ apiGroups: [''], resources: ['configmaps'], verbs }] }],
  });
  await scenario.baseline(account(['get', 'delete']));
  const namespace = await scenario.namespace();
  const message = expect.stringContaining(
    'spec.serviceAccounts[app].rules: not grantable: delete configmaps; add them to a ClusterRole labelled ' +
      'securitybaseline.io/grantable: "true"',
  );
  await statusWhere(scenario, 'the baseline is stalled', ({ conditions, messages }) => {
    expect(conditions).toEqual({
      Ready: 'False RulesNotGrantable',
      Stalled: 'True RulesNotGrantable',
      AllHardened: 'False RulesNotGrantable',
    });
    expect(messages).toMatchObject({ Ready: message, Stalled: message });
  });
  expect(await kstatus(scenario)).toBe('Failed');
  expect(await harness.managedObjects(namespace)).toEqual(['ServiceAccount app']);

  await scenario.baseline(account(['get']));
  await scenario.hardened();
  expect(await kstatus(scenario)).toBe('Current');
  expect(await harness.managedObjects(namespace)).toContain(`Role ${scenario.name}.app`);
});

test('a baseline that allows a DNS which is not there is stalled, and is done once there is one', async () => {
  const dns = { kind: 'Service', namespace: 'kube-system', name: 'kube-dns' } as const;
  await harness.admin.delete(dns);
  await using _ = { [Symbol.asyncDispose]: restoreDns };
  await using scenario = harness.scenario();
  await scenario.baseline({ networkPolicy: { defaultDeny: ['Egress'], allow: { dns: {} } } });
  const namespace = await scenario.namespace();
  await statusWhere(scenario, 'the baseline is stalled', ({ conditions, messages }) => {
    expect(conditions).toMatchObject({ Ready: 'False DnsNotFound', Stalled: 'True DnsNotFound' });
    expect(messages.Ready).toContain("spec.networkPolicy.allow.dns: the cluster's DNS was not found");
    expect(messages.Ready).toMatch(/give namespace and podSelector/i);
  });
  expect(await kstatus(scenario)).toBe('Failed');
  expect(await harness.managedObjects(namespace)).toEqual([`NetworkPolicy ${scenario.name}.default-deny`]);

  await restoreDns();
  await scenario.hardened();
  expect(await harness.managedObjects(namespace)).toEqual([
    `NetworkPolicy ${scenario.name}.allow-dns`,
    `NetworkPolicy ${scenario.name}.default-deny`,
  ]);

  async function restoreDns(): Promise<void> {
    if ((await harness.admin.find(dns)) === undefined) await harness.admin.create(dns, { spec: dnsService });
  }
});
