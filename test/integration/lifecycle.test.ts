import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { OperatorHarness, operatorUser } from '../support/operator-harness.ts';
import type { Scenario } from '../support/scenario.ts';

let harness: OperatorHarness;
beforeAll(async () => {
  harness = await OperatorHarness.install({ proxied: true });
});
afterEach(async () => {
  harness.proxy.release();
  await harness.stopOperator();
});
afterAll(() => harness[Symbol.asyncDispose]());

const spec = {
  networkPolicy: { defaultDeny: ['Ingress', 'Egress'], allow: { dns: {}, sameNamespace: {} } },
  resourceQuotas: [{ name: 'compute', spec: { hard: { pods: '10', 'requests.cpu': '4' } } }],
  limitRanges: [
    {
      name: 'defaults',
      spec: { limits: [{ type: 'Container', max: { cpu: '2000m' }, default: { memory: '0.5Gi' } }] },
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
const objectsPerNamespace = 8;

/** A baseline in two hardened namespaces. */
async function hardened(scenario: Scenario): Promise<readonly string[]> {
  await scenario.baseline(spec);
  const namespaces = [await scenario.namespace('a'), await scenario.namespace('b')];
  await scenario.hardened(2);
  return namespaces;
}

/** Gives what must not happen time to happen, and holds that the operator has written nothing since the mark. */
async function nothingWrittenFor(milliseconds: number, since: number): Promise<void> {
  await sleep(milliseconds);
  expect(await harness.audit.writesBy(operatorUser, since)).toEqual([]);
}

/** What a metric whose name begins so adds up to. */
async function metric(name: string): Promise<number> {
  return (await harness.operator.metrics())
    .split('\n')
    .filter((line) => line.startsWith(name))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** Resolves when the operator has looked at every namespace at least once since it started, and has nothing left to do. */
async function firstPassDone(): Promise<void> {
  const namespaces = await harness.admin.list({ kind: 'Namespace' });
  // Those that an earlier test has deleted may be gone before anybody looks.
  const { length } = namespaces.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const guarded = 4;
  await eventually(
    async () => {
      expect(await metric('security_baseline_reconciles_total')).toBeGreaterThanOrEqual(length - guarded);
    },
    { what: 'every namespace was looked at' },
  );
}

describe('before every cache has synced', () => {
  test('nothing is removed or written, though the list of baselines is withheld for long', async () => {
    await using scenario = harness.scenario();
    await harness.startOperator();
    const namespaces = await hardened(scenario);
    await harness.stopOperator();

    const mark = await harness.audit.mark();
    harness.proxy.treat((_method, path) => (path.includes('/securitybaselines') ? 'hold' : 'pass'));
    const operator = await harness.launchOperator();
    const unready = ['[-] watch-securitybaselines.securitybaseline.io failed: not synced yet'];
    await eventually(
      async () => {
        const answer = await fetch(`${operator.probes}/readyz?verbose`);
        expect(answer.status).toBe(503);
        expect((await answer.text()).split('\n').filter((line) => line.startsWith('[-]'))).toEqual(unready);
        return harness.proxy.held > 0 && operator.log.some(({ message }) => message === 'leading');
      },
      { what: 'it leads, and every other list is there' },
    );
    await nothingWrittenFor(1000, mark);
    for (const namespace of namespaces) {
      expect(await harness.managedObjects(namespace)).toHaveLength(objectsPerNamespace);
    }

    harness.proxy.release();
    await operator.ready();
    await firstPassDone();
    expect(await harness.audit.writesBy(operatorUser, mark)).toEqual([]);
  });

  test('nothing is removed either when the baselines may not be listed', async () => {
    await using scenario = harness.scenario();
    await harness.startOperator();
    const [namespace = ''] = await hardened(scenario);
    await harness.stopOperator();

    const mark = await harness.audit.mark();
    const forbidden = { status: 403, reason: 'Forbidden' } as const;
    harness.proxy.treat((_method, path) => (path.includes('/securitybaselines') ? forbidden : 'pass'));
    const operator = await harness.launchOperator();
    await eventually(
      () =>
        operator.log.some(
          ({ message, resource }) =>
            message === 'watch failed' && resource === 'securitybaselines.securitybaseline.io',
        ) && operator.log.some(({ message }) => message === 'leading'),
      { what: 'the list of baselines was refused' },
    );
    expect((await fetch(`${operator.probes}/readyz`)).status).toBe(503);
    await nothingWrittenFor(1000, mark);
    expect(await harness.managedObjects(namespace)).toHaveLength(objectsPerNamespace);
  });
});

// Writes are read from the audit log: those of the operator's own user, but for its Lease's renewals. What others
// write meanwhile (the controller manager's quota status) is not counted, but may not move the operator to write.
describe('nothing is written when nothing differs', () => {
  test('in 60 idle seconds, with a resync in each of them', async () => {
    await using scenario = harness.scenario();
    await harness.startOperator({ flags: ['--resync-interval', '1s'] });
    await hardened(scenario);
    // Events about what was just done may still be on their way.
    await settled();
    const mark = await harness.audit.mark();
    await nothingWrittenFor(60_000, mark);
  }, 120_000);

  test('after a restart and after every watch was broken and had to list anew', async () => {
    await using scenario = harness.scenario();
    await harness.startOperator();
    await hardened(scenario);
    await settled();
    await harness.stopOperator();

    const mark = await harness.audit.mark();
    await harness.startOperator();
    await firstPassDone();
    await nothingWrittenFor(1500, mark);

    const lists = await metric('security_baseline_watch_relists_total');
    const gone = { status: 410, reason: 'Expired' } as const;
    harness.proxy.treat((_method, path) =>
      path.includes('watch=true') && !path.includes('sendInitialEvents') ? gone : 'pass',
    );
    harness.proxy.breakWatches();
    await eventually(
      async () =>
        expect(await metric('security_baseline_watch_relists_total')).toBeGreaterThanOrEqual(2 * lists),
      { what: 'every resource was listed anew', timeoutMs: 30_000 },
    );
    harness.proxy.release();
    await nothingWrittenFor(1500, mark);
  });
});

/** Resolves when the operator has written nothing for two seconds: the interval of statuses, twice. */
async function settled(): Promise<void> {
  await eventually(
    async () => {
      const mark = await harness.audit.mark();
      await sleep(2000);
      return (await harness.audit.writesBy(operatorUser, mark)).length === 0;
    },
    { what: 'the operator has come to rest', timeoutMs: 30_000 },
  );
}

describe('deleting a namespace', () => {
  async function gone(namespace: string): Promise<void> {
    await eventually(
      async () => (await harness.admin.find({ kind: 'Namespace', name: namespace })) === undefined,
      { what: `${namespace} is gone`, timeoutMs: 30_000 },
    );
  }

  test('completes with the operator, which leaves a terminating namespace alone, and without it', async () => {
    await using scenario = harness.scenario();
    await harness.startOperator();
    const [first = '', second = ''] = await hardened(scenario);
    for (const object of await harness.objects(first)) {
      expect(object.metadata.finalizers ?? []).toEqual([]);
      expect(object.metadata.ownerReferences ?? []).toEqual([]);
    }
    const baseline = await harness.admin.get({ kind: 'SecurityBaseline', name: scenario.name });
    expect(baseline.metadata.finalizers ?? []).toEqual([]);
    const { metadata } = await harness.admin.get({ kind: 'Namespace', name: first });
    expect(metadata.finalizers ?? []).toEqual([]);

    await settled();
    const mark = await harness.audit.mark();
    await harness.admin.delete({ kind: 'Namespace', name: first });
    await gone(first);
    const writes = await harness.audit.writesBy(operatorUser, mark);
    expect(writes.filter((write) => write.includes(first))).toEqual([]);
    await scenario.hardened(1);

    await harness.stopOperator();
    await harness.admin.delete({ kind: 'Namespace', name: second });
    await gone(second);
  });
});
