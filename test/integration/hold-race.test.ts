import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyManifests, readManifests } from '../../tools/operator/manifests.ts';
import { loadKubeconfig } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { type OperatorHarness, operatorUser } from '../support/operator-harness.ts';
import { OwnCluster } from '../support/own-cluster.ts';
import { RestError } from '../support/rest-client.ts';

/** Policies are the whole cluster's, so they have one of their own. */
let cluster: OwnCluster;
let harness: OperatorHarness;

const fleetSize = 100;

beforeAll(async () => {
  cluster = await OwnCluster.start();
  harness = cluster.harness;
  const policies = [
    'guard/guard-*',
    'guard/baseline-deletion',
    'guard/membership',
    'rules/pods',
    'rules/templates',
    'rules/exposure',
    'rules/tenant-policies',
  ];
  await applyManifests(
    loadKubeconfig(harness.controlPlane.adminKubeconfig),
    policies.flatMap((name) => readManifests(`config/policies/${name}.yaml`)),
  );
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

const spec = {
  networkPolicy: { defaultDeny: ['Ingress', 'Egress'], allow: { dns: {} } },
  resourceQuotas: [{ name: 'compute', spec: { hard: { pods: '10' } } }],
  limitRanges: [{ name: 'defaults', spec: { limits: [{ type: 'Container', default: { cpu: '1' } }] } }],
  serviceAccounts: [{ name: 'app', rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] }],
  podSecurity: { enforce: 'restricted' },
  admission: { holdPodsUntilHardened: true },
};

const podSpec = {
  automountServiceAccountToken: false,
  securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  containers: [
    {
      name: 'app',
      image: 'registry.example.com/app:1',
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    },
  ],
};

/** Whether a pod is let in; refused ones say why. With `dryRun`, one that is let in is not there afterwards. */
async function isAdmitted(namespace: string, dryRun?: 'All'): Promise<boolean> {
  try {
    const query: Record<string, string> = dryRun === undefined ? {} : { dryRun };
    await harness.admin.create({ kind: 'Pod', namespace, name: 'eager' }, { spec: podSpec }, query);
    return true;
  } catch (error) {
    if (error instanceof RestError && /is not hardened yet|service account/.test(error.message)) return false;
    throw error;
  }
}

interface Timed {
  readonly objectRef?: {
    readonly resource: string;
    readonly namespace?: string;
    readonly subresource?: string;
  };
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly responseStatus?: { readonly code?: number };
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}

describe('namespaces and pods created by the hundred while the operator is down', () => {
  test('have no pod before all that their baseline declares', async () => {
    // Not taken away at the end: a baseline that covers so many may not just be deleted, and the control plane goes anyway.
    const scenario = harness.scenario();
    await scenario.baseline(spec);
    const first = await scenario.namespace('0');
    // Until the policies have come into force, it would be let in.
    await eventually(async () => !(await isAdmitted(first, 'All')), { what: 'pods are held' });
    const namespaces = [first];
    for (let index = 1; index < fleetSize; index += 1)
      namespaces.push(await scenario.namespace(String(index)));
    for (const namespace of namespaces) expect(await isAdmitted(namespace)).toBe(false);

    const mark = await harness.audit.mark();
    // From here on every namespace tries to get its pod in, again and again, while the operator starts and hardens.
    const trials = namespaces.map((namespace) =>
      eventually(() => isAdmitted(namespace), { what: `${namespace} gets its pod`, timeoutMs: 150_000 }),
    );
    await harness.startOperator();
    await Promise.all(trials);
    await scenario.hardened(fleetSize);

    const events = (await harness.audit.since(mark)) as unknown as readonly Timed[];
    const early: string[] = [];
    for (const namespace of namespaces) {
      const own = events.filter(({ objectRef }) => objectRef?.namespace === namespace);
      const made = own.filter(
        ({ verb, user, responseStatus, objectRef }) =>
          verb === 'create' &&
          user.username === operatorUser &&
          responseStatus?.code === 201 &&
          objectRef?.resource !== 'events',
      );
      const pod = own.find(
        ({ verb, objectRef, responseStatus }) =>
          verb === 'create' && objectRef?.resource === 'pods' && responseStatus?.code === 201,
      );
      expect(made.map(({ objectRef }) => objectRef?.resource).sort()).toEqual([
        'limitranges',
        'networkpolicies',
        'networkpolicies',
        'resourcequotas',
        'rolebindings',
        'roles',
        'serviceaccounts',
      ]);
      const last =
        made
          .map(({ stageTimestamp }) => stageTimestamp)
          .sort()
          .at(-1) ?? '';
      // Stored before the pod was admitted: its request had not ended when the last object was there.
      if (pod === undefined || pod.stageTimestamp < last)
        early.push(`${namespace}: ${pod?.stageTimestamp} < ${last}`);
    }
    expect(early).toEqual([]);
  }, 300_000);
});

describe('a mark', () => {
  test('stays when the baseline is edited, and goes when a tenant policy weakens the namespace', async () => {
    if (!harness.isOperatorRunning) await harness.startOperator();
    await using scenario = harness.scenario();
    await scenario.baseline(spec);
    const namespace = await scenario.namespace();
    await scenario.hardened();
    const marked = async () => {
      const { metadata } = await harness.admin.get({ kind: 'Namespace', name: namespace });
      return metadata.annotations?.['securitybaseline.io/hardened'];
    };
    await eventually(async () => (await marked()) !== undefined, { what: 'the namespace is marked' });
    const before = await marked();

    const resourceQuotas = [{ name: 'compute', spec: { hard: { pods: '20' } } }];
    await scenario.baseline({ ...spec, resourceQuotas });
    await scenario.hardened();
    expect(await marked()).toBe(before);

    const open = { kind: 'NetworkPolicy', namespace, name: 'open' } as const;
    await harness.admin.create(open, { spec: { podSelector: {}, ingress: [{}] } });
    await eventually(async () => (await marked()) === undefined, { what: 'the mark is taken away' });
    expect(await isAdmitted(namespace)).toBe(false);

    await harness.admin.delete(open);
    await eventually(async () => (await marked()) === before, { what: 'the mark is back' });
    await eventually(() => isAdmitted(namespace), { what: 'pods are let in again' });
  }, 120_000);
});
