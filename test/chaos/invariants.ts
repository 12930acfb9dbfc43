import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { describeChange } from '../../src/diff/change-set.ts';
import { evaluate } from '../support/evaluation.ts';
import { eventually } from '../support/eventually.ts';
import { managedKinds, operatorUser } from '../support/operator-harness.ts';
import type { RestClient, ServedObject } from '../support/rest-client.ts';
import type { ChaosCluster } from './chaos-cluster.ts';
import { type Fleet, fingerprintOf } from './fleet.ts';
import { form } from './form.ts';
import { Watches } from './watches.ts';

/** No write for so long counts as settled: statuses are written once a second. Milliseconds. */
const settledAfterMs = 1_200;

/**
 * What must hold once the chaos is over, read by somebody else than the operator: the status says that all is in
 * place; every namespace is exactly as desired, by the operator's own functions and by what is written down here; what belongs
 * to others is as it was; and then nothing is written or listed any more.
 *
 * @param brokenAt the place in the audit log after which every watch was broken; none, unless given
 */
export async function expectOrder(
  cluster: ChaosCluster,
  fleet: Fleet,
  brokenAt = fleet.bornAt,
): Promise<void> {
  const watches = await Watches.of(cluster.audit, fleet.bornAt, brokenAt);
  await eventually(
    async () => {
      await expectStatus(cluster.admin, fleet);
      // A watch may be opened only to be told that its version has expired: it has to stay.
      const open = await watches.open();
      const writes = await writesWithin(cluster, settledAfterMs);
      expect(writes).toEqual([]);
      expect(open).toBeDefined();
      expect(await watches.open()).toEqual(open);
    },
    { what: `${fleet.name} is in order and the operator has settled`, timeoutMs: form.patienceMs },
  );
  await expectState(cluster, fleet);
  const mark = await cluster.audit.mark();
  await sleep(form.idleWindowMs);
  const lists = (await cluster.audit.since(mark))
    .filter(({ user, verb, requestURI }) => user.username === operatorUser && isList(verb, requestURI))
    .map(({ requestURI }) => requestURI);
  expect({ writes: await cluster.audit.writesBy(operatorUser, mark), lists }).toEqual({
    writes: [],
    lists: [],
  });
  await expectState(cluster, fleet);
  await expectStatus(cluster.admin, fleet);
}

/** Whether a request reads everything there is, rather than what is new. */
export function isList(verb: string, requestURI: string): boolean {
  return verb === 'list' || (verb === 'watch' && requestURI.includes('sendInitialEvents=true'));
}

async function writesWithin(cluster: ChaosCluster, ms: number): Promise<readonly string[]> {
  const mark = await cluster.audit.mark();
  await sleep(ms);
  return await cluster.audit.writesBy(operatorUser, mark);
}

async function expectStatus(admin: RestClient, fleet: Fleet): Promise<void> {
  const { metadata, status } = await admin.get({ kind: 'SecurityBaseline', name: fleet.name });
  const conditions = ((status as { conditions?: readonly object[] } | undefined)?.conditions ?? []) as {
    type: string;
    status: string;
  }[];
  expect({
    ...(status as object),
    conditions: Object.fromEntries(conditions.map((condition) => [condition.type, condition.status])),
  }).toMatchObject({
    observedGeneration: metadata.generation,
    namespaces: { selected: fleet.selected.size, hardened: fleet.selected.size, failing: 0 },
    conditions: { Ready: 'True', AllHardened: 'True' },
  });
}

async function expectState({ admin, controlPlane }: ChaosCluster, fleet: Fleet): Promise<void> {
  const namespaces = new Map(
    (await admin.list({ kind: 'Namespace' })).map((namespace) => [namespace.metadata.name, namespace]),
  );
  const objects = await objectsByNamespace(admin);
  const evaluated = await evaluate(controlPlane.adminKubeconfig);
  const wrong: string[] = [];
  for (const name of [...fleet.selected, ...fleet.others]) {
    const namespace = namespaces.get(name);
    if (namespace === undefined) {
      wrong.push(`${name} is not there`);
      continue;
    }
    const literal = fleet.selected.has(name) ? hardened(fleet) : untouched;
    const actual = shapeOf(namespace, objects.get(name) ?? []);
    if (JSON.stringify(actual) !== JSON.stringify(literal)) wrong.push(`${name}: ${JSON.stringify(actual)}`);
    const { changes, clashes } = evaluated(name);
    wrong.push(...changes.map((change) => `${name}: ${describeChange(change)}`));
    wrong.push(...clashes.map((clash) => `${name}: clash over ${clash.kind} ${clash.name}`));
  }
  expect(wrong).toEqual([]);
  const touched: string[] = [];
  for (const [target, asMade] of fleet.foreign) {
    const object = await admin.find(target);
    if (object === undefined || fingerprintOf(object) !== asMade)
      touched.push(`${target.kind} ${target.namespace}/${target.name}: ${JSON.stringify(object)}`);
  }
  expect(touched).toEqual([]);
}

async function objectsByNamespace(admin: RestClient): Promise<Map<string, ServedObject[]>> {
  const byNamespace = new Map<string, ServedObject[]>();
  for (const kind of managedKinds) {
    for (const item of await admin.list({ kind })) {
      const { namespace = '' } = item.metadata;
      const objects = byNamespace.get(namespace) ?? [];
      objects.push({ ...item, kind });
      byNamespace.set(namespace, objects);
    }
  }
  return byNamespace;
}

/** What can be told of a namespace without the operator's own functions. */
interface Shape {
  /** The objects that carry a baseline's UID. */
  readonly ours: readonly string[];
  readonly deny: unknown;
  readonly quota: unknown;
  readonly role: unknown;
  readonly podSecurity: string | undefined;
  readonly automountsToken: boolean;
}

const untouched: Shape = {
  ours: [],
  deny: undefined,
  quota: undefined,
  role: undefined,
  podSecurity: undefined,
  automountsToken: true,
};

function hardened({ name, pods, level }: Fleet): Shape {
  return {
    ours: [
      `LimitRange ${name}.defaults`,
      `NetworkPolicy ${name}.allow-dns`,
      `NetworkPolicy ${name}.default-deny`,
      `ResourceQuota ${name}.compute`,
      `Role ${name}.app`,
      `RoleBinding ${name}.app`,
      'ServiceAccount app',
    ],
    deny: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
    quota: { hard: { pods } },
    role: [{ verbs: ['get', 'list'], apiGroups: [''], resources: ['configmaps'] }],
    podSecurity: level,
    automountsToken: false,
  };
}

function shapeOf(namespace: ServedObject, found: readonly ServedObject[]): Shape {
  const ours = found.filter(
    ({ metadata }) => metadata.labels?.['securitybaseline.io/baseline-uid'] !== undefined,
  );
  const one = (kind: string, end: string): ServedObject | undefined =>
    ours.find((object) => object.kind === kind && object.metadata.name.endsWith(end));
  const account = found.find(
    ({ kind, metadata }) => kind === 'ServiceAccount' && metadata.name === 'default',
  );
  return {
    ours: ours.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort(),
    deny: one('NetworkPolicy', '.default-deny')?.spec,
    quota: one('ResourceQuota', '.compute')?.spec,
    role: one('Role', '.app')?.rules,
    podSecurity: namespace.metadata.labels?.['pod-security.kubernetes.io/enforce'],
    automountsToken: account?.automountServiceAccountToken !== false,
  };
}
