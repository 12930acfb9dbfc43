/**
 * What Flux and Argo CD show for statuses that the operator has written. The tools' own libraries judge; Argo
 * CD's is given config/argocd.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import type { OperatorHarness } from '../../support/operator-harness.ts';
import { OwnCluster } from '../../support/own-cluster.ts';
import type { Body, ServedObject } from '../../support/rest-client.ts';
import type { Condition, Scenario } from '../../support/scenario.ts';
import { argoConfigMap } from './guide.ts';
import { judge } from './judge.ts';

let cluster: OwnCluster;
let harness: OperatorHarness;

const deny = { networkPolicy: { defaultDeny: ['Ingress', 'Egress'] } };

beforeAll(async () => {
  cluster = await OwnCluster.start({ flags: ['--removal-threshold', '1'], proxied: true });
  harness = cluster.harness;
  await harness.startOperator();
});
afterEach(async () => {
  harness.proxy.release();
  if (!harness.isOperatorRunning) await harness.startOperator();
});
afterAll(() => cluster[Symbol.asyncDispose]());

/** Withholds the writing of NetworkPolicies, so that a rollout stays under way. */
function withholdPolicies(): void {
  harness.proxy.treat((method, path) =>
    method !== 'GET' && path.includes('/networkpolicies') ? 'hold' : 'pass',
  );
}

async function baselineOf({ name }: Scenario): Promise<ServedObject> {
  return await harness.admin.get({ kind: 'SecurityBaseline', name });
}

/** The object, once a condition says this, such as `Ready=True Reconciled`, about its present generation. */
async function once(read: () => Promise<ServedObject>, says: string): Promise<ServedObject> {
  return await eventually(
    async () => {
      const object = await read();
      const { conditions = [], observedGeneration } = (object.status ?? {}) as {
        conditions?: readonly Condition[];
        observedGeneration?: number;
      };
      const told = conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
      if (!told.includes(says) || observedGeneration !== object.metadata.generation) {
        throw new Error(told.join(', '));
      }
      return object;
    },
    { what: says, timeoutMs: 30_000 },
  );
}

describe('a baseline', () => {
  test('that the operator has not seen is not healthy to either, though it says nothing of itself', async () => {
    await harness.stopOperator();
    await using scenario = harness.scenario();
    await scenario.baseline(deny);

    const { kstatus, argo } = await judge(await baselineOf(scenario));

    expect(kstatus.status).toBe('InProgress');
    expect(argo).toEqual({
      status: 'Progressing',
      message: 'the operator has not seen this generation yet',
    });
  });

  test('of which all is done is healthy', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline(deny);
    await scenario.namespace();
    await scenario.hardened();

    expect(await judge(await baselineOf(scenario))).toMatchObject({
      kstatus: { status: 'Current' },
      argo: {
        status: 'Healthy',
        message: 'everything that the operator can do is done in every selected namespace',
      },
    });
  });

  test('that was edited is in progress until the operator has seen it', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline(deny);
    await once(() => baselineOf(scenario), 'Ready=True Reconciled');
    await harness.stopOperator();
    await scenario.baseline({ networkPolicy: { defaultDeny: ['Ingress'] } });

    const edited = await baselineOf(scenario);

    expect(edited).toMatchObject({ metadata: { generation: 2 }, status: { observedGeneration: 1 } });
    expect(await judge(edited)).toMatchObject({
      kstatus: { status: 'InProgress' },
      argo: { status: 'Progressing' },
    });
  });

  test('that is being rolled out is in progress, and says how far it is', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline(deny);
    await scenario.namespace();
    await scenario.hardened();
    withholdPolicies();
    await scenario.baseline({ networkPolicy: { defaultDeny: ['Ingress'] } });

    const rollingOut = await once(() => baselineOf(scenario), 'Reconciling=True RollingOut');

    const message = '1 of 1 selected namespaces wait for the last change';
    expect(await judge(rollingOut)).toMatchObject({
      kstatus: { status: 'InProgress', message },
      argo: { status: 'Progressing', message },
    });
  });

  test('that asks for what cannot be done is failed, with the reason', async () => {
    await using scenario = harness.scenario();
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['delete'] }];
    await scenario.baseline({ serviceAccounts: [{ name: 'app', rules }] });

    const stalled = await once(() => baselineOf(scenario), 'Stalled=True RulesNotGrantable');

    const message = expect.stringContaining('not grantable: delete configmaps');
    expect(await judge(stalled)).toMatchObject({
      kstatus: { status: 'Failed', message },
      argo: { status: 'Degraded', message },
    });
  });

  test('that a tenant stands in the way of is healthy, and names him', async () => {
    await using scenario = harness.scenario();
    const namespace = await scenario.namespace('a', {});
    await harness.admin.create({ kind: 'ServiceAccount', namespace, name: 'app' });
    await scenario.baseline({ serviceAccounts: [{ name: 'app' }] });
    await harness.admin.mergePatch(
      { kind: 'Namespace', name: namespace },
      { metadata: { labels: scenario.label } },
    );

    const clashing = await once(() => baselineOf(scenario), 'AllHardened=False NamespacesFailing');

    expect(await judge(clashing)).toMatchObject({
      kstatus: { status: 'Current' },
      argo: {
        status: 'Healthy',
        message: expect.stringContaining(
          `AllHardened=False: 0 of 1 selected namespaces are hardened; failing: ${namespace}`,
        ),
      },
    });
  });

  test('whose removal is held is healthy, and says what is held', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline(deny);
    await scenario.namespace('a');
    await scenario.namespace('b');
    await scenario.hardened(2);
    await scenario.baseline({ ...deny, namespaceSelector: { matchLabels: { nobody: 'has-this' } } });

    const held = await once(() => baselineOf(scenario), 'RemovalHeld=True ManyNamespaces');

    expect(await judge(held)).toMatchObject({
      kstatus: { status: 'Current' },
      argo: {
        status: 'Healthy',
        message: expect.stringMatching(/RemovalHeld=True: 2 namespaces would lose/),
      },
    });
  });
});

describe('an exception', () => {
  let scenario: Scenario;
  let namespace: string;
  const exception = { kind: 'BaselineException', name: 'legacy' } as const;

  beforeAll(async () => {
    scenario = harness.scenario();
    await scenario.baseline({ ...deny, exceptions: { allow: ['Egress'], maxDuration: '8h' } });
    namespace = await scenario.namespace();
    await scenario.hardened();
  });
  afterEach(() => harness.admin.delete({ ...exception, namespace }));
  afterAll(() => scenario[Symbol.asyncDispose]());

  async function ask(relaxation: Body, seconds = 3600): Promise<ServedObject> {
    const expiresAt = new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
    const spec = { reason: 'the migration reads the old database', expiresAt, ...relaxation };
    return await harness.admin.create({ ...exception, namespace }, { spec });
  }

  const database = { egress: [{ to: [{ ipBlock: { cidr: '10.1.2.3/32' } }], ports: [{ port: 5432 }] }] };
  const read = () => harness.admin.get({ ...exception, namespace });

  test('that the operator has not seen is not healthy to either', async () => {
    await harness.stopOperator();
    await ask(database);

    const { kstatus, argo } = await judge(await read());

    expect(kstatus.status).toBe('InProgress');
    expect(argo).toEqual({ status: 'Progressing', message: 'the operator has not judged it yet' });
  });

  test('that waits for its approval is neither red nor waited for', async () => {
    await ask(database);

    const { kstatus, argo } = await judge(await once(read, 'Active=False AwaitingApproval'));

    expect(kstatus.status).toBe('Current');
    expect(argo).toEqual({
      status: 'Healthy',
      message: expect.stringContaining('AwaitingApproval: waits for somebody who may approve it'),
    });
  });

  test('that is in effect is healthy', async () => {
    const { metadata } = await ask(database);
    const approval = { by: 'security', uid: metadata.uid, generation: metadata.generation };
    await harness.admin.mergePatch({ ...exception, namespace }, { status: { approval } }, 'status');

    expect(await judge(await once(read, 'Active=True Active'))).toMatchObject({
      kstatus: { status: 'Current' },
      argo: { status: 'Healthy', message: expect.stringContaining('Active: approved by security') },
    });
  });

  test('that has ended is healthy: time alone breaks no sync', async () => {
    await ask(database, 2);

    const { kstatus, argo } = await judge(await once(read, 'Active=False Expired'));

    expect(kstatus.status).toBe('Current');
    expect(argo).toEqual({ status: 'Healthy', message: expect.stringContaining('Expired: expired at') });
  });

  test('that can never take effect is failed, with the reason', async () => {
    await ask({ podSecurity: { enforce: 'privileged' } });

    const message = expect.stringContaining('allows no exception for PodSecurity');
    expect(await judge(await once(read, 'Stalled=True NotAllowed'))).toMatchObject({
      kstatus: { status: 'Failed', message },
      argo: { status: 'Degraded', message },
    });
  });
});

test("config/argocd adds its keys to Argo CD's ConfigMap, and takes none away", async () => {
  const namespace = 'argocd';
  const target = { kind: 'ConfigMap', namespace, name: 'argocd-cm' } as const;
  await harness.admin.create({ kind: 'Namespace', name: namespace });
  await harness.admin.create(target, { data: { url: 'https://argocd.example.com' } });
  const { data } = argoConfigMap();

  const applied = await harness.admin.apply(target, { data }, 'security-baseline');

  expect(applied.data).toEqual({ url: 'https://argocd.example.com', ...data });
});
