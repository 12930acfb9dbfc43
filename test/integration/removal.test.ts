import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyManifests, readManifests } from '../../tools/operator/manifests.ts';
import { loadKubeconfig } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorHarness } from '../support/operator-harness.ts';
import type { Scenario } from '../support/scenario.ts';

let harness: OperatorHarness;

const operatorNamespace = 'security-baseline-system';
const holdsTarget = {
  kind: 'ConfigMap',
  namespace: operatorNamespace,
  name: 'security-baseline-removal-holds',
} as const;
const spec = { networkPolicy: { defaultDeny: ['Ingress'] }, podSecurity: { enforce: 'baseline' } };
/** Above the threshold of three that these tests run with. */
const many = ['a', 'b', 'c', 'd'];

beforeAll(async () => {
  harness = await OperatorHarness.start({ flags: ['--removal-threshold', '3', '--removal-window', '1h'] });
});
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
});

async function hardenMany(scenario: Scenario, suffixes: readonly string[] = many): Promise<string[]> {
  await scenario.baseline(spec);
  const namespaces: string[] = [];
  for (const suffix of suffixes) namespaces.push(await scenario.namespace(suffix));
  await scenario.hardened(suffixes.length);
  return namespaces;
}

async function generationOf(scenario: Scenario): Promise<number> {
  const { metadata } = await harness.admin.get({ kind: 'SecurityBaseline', name: scenario.name });
  return metadata.generation ?? 0;
}

async function confirmOnBaseline({ name }: Scenario, generation: number): Promise<void> {
  await harness.admin.mergePatch(
    { kind: 'SecurityBaseline', name },
    { metadata: { annotations: { 'securitybaseline.io/confirm-removal': String(generation) } } },
  );
}

async function confirmWhereListed(uid: string): Promise<void> {
  await harness.admin.mergePatch(holdsTarget, {
    metadata: { annotations: { [`securitybaseline.io/confirm-${uid}`]: 'yes' } },
  });
}

/** They are selected no longer. */
async function relabel(namespaces: readonly string[]): Promise<void> {
  const labels = { 'test.example.com/scenario': 'another' };
  await Promise.all(
    namespaces.map((name) => harness.admin.mergePatch({ kind: 'Namespace', name }, { metadata: { labels } })),
  );
}

/** Resolves when the operator has looked at these namespaces, knowing everything that was there before. */
async function looked(witness: Scenario, namespaces: readonly string[]): Promise<void> {
  const labels = { 'test.example.com/witness': witness.name };
  for (const name of namespaces)
    await harness.admin.mergePatch({ kind: 'Namespace', name }, { metadata: { labels } });
  await witness.baseline({ namespaceSelector: { matchLabels: labels }, podSecurity: { warn: 'baseline' } });
  await witness.hardened(namespaces.length);
}

/** The annotations of the ConfigMap that lists holds. */
async function marks(): Promise<Readonly<Record<string, string>>> {
  return (await harness.admin.get(holdsTarget)).metadata.annotations ?? {};
}

async function holds(): Promise<Readonly<Record<string, string>>> {
  const { data = {} } = await harness.admin.get(holdsTarget);
  return data as Record<string, string>;
}

async function uidOf(scenario: Scenario): Promise<string> {
  const { metadata } = await harness.admin.get({ kind: 'SecurityBaseline', name: scenario.name });
  return metadata.uid;
}

/** All that the scenario's baseline gave is still in every namespace. */
async function expectProtected(scenario: Scenario, namespaces: readonly string[]): Promise<void> {
  for (const namespace of namespaces) {
    expect(await harness.managedObjects(namespace)).toEqual([`NetworkPolicy ${scenario.name}.default-deny`]);
    const { metadata } = await harness.admin.get({ kind: 'Namespace', name: namespace });
    expect(metadata.labels?.['pod-security.kubernetes.io/enforce']).toBe('baseline');
  }
}

async function eventuallyStripped(namespaces: readonly string[]): Promise<void> {
  for (const namespace of namespaces) {
    await eventually(
      async () => {
        expect(await harness.managedObjects(namespace)).toEqual([]);
        const { metadata } = await harness.admin.get({ kind: 'Namespace', name: namespace });
        expect(metadata.labels?.['pod-security.kubernetes.io/enforce']).toBeUndefined();
      },
      { what: `${namespace} has nothing of ours` },
    );
  }
}

async function eventuallyHeld(uid: string): Promise<Record<string, unknown>> {
  return await eventually(
    async () => {
      const text = (await holds())[uid];
      return text === undefined ? false : (JSON.parse(text) as Record<string, unknown>);
    },
    { what: 'the removal is held' },
  );
}

/** Deletes the baseline in a way that no removal is held for. */
async function deleteAllowed({ name }: Scenario): Promise<void> {
  const target = { kind: 'SecurityBaseline', name } as const;
  const { metadata } = await harness.admin.get(target);
  await harness.admin.mergePatch(target, {
    metadata: { annotations: { 'securitybaseline.io/allow-deletion': String(metadata.generation) } },
  });
  await harness.admin.delete(target);
}

describe('many namespaces losing protection', () => {
  test('by an edited selector is held, said in the status, and goes on once confirmed for this generation', async () => {
    await using witness = harness.scenario();
    await using scenario = harness.scenario();
    const namespaces = await hardenMany(scenario);
    await scenario.baseline({ ...spec, namespaceSelector: { matchLabels: { nobody: 'has-this' } } });

    expect(await eventuallyHeld(await uidOf(scenario))).toEqual({
      name: scenario.name,
      reason: 'ManyNamespaces',
      namespaces: many.length,
    });
    await eventually(async () => (await scenario.status()).conditions.RemovalHeld === 'True ManyNamespaces', {
      what: 'the status says so',
    });
    expect((await scenario.status()).messages.RemovalHeld).toContain(
      '4 namespaces would lose the protection',
    );
    await expectProtected(scenario, namespaces);

    const generation = await generationOf(scenario);
    await confirmOnBaseline(scenario, generation - 1);
    await looked(witness, namespaces);
    await expectProtected(scenario, namespaces);
    await confirmOnBaseline(scenario, generation);

    await eventuallyStripped(namespaces);
    await eventually(async () => Object.keys(await holds()).length === 0, {
      what: 'nothing is held any more',
    });
  });

  test('by their labels is held again once a confirmed removal is over, though the confirmation stands there still', async () => {
    await using witness = harness.scenario();
    await using scenario = harness.scenario();
    const namespaces = await hardenMany(scenario);
    const uid = await uidOf(scenario);
    const generation = await generationOf(scenario);
    await relabel(namespaces);
    await eventuallyHeld(uid);
    await confirmOnBaseline(scenario, generation);
    await eventuallyStripped(namespaces);
    await eventually(async () => !Object.hasOwn(await holds(), uid), { what: 'nothing is held any more' });
    await eventually(async () => (await marks())[`securitybaseline.io/spent-${uid}`] === String(generation), {
      what: 'the confirmation is spent',
    });

    const others: string[] = [];
    for (const suffix of ['e', 'f', 'g', 'h']) others.push(await scenario.namespace(suffix));
    await scenario.hardened(others.length);
    await harness.stopOperator();
    await harness.startOperator();
    await relabel(others);
    await eventuallyHeld(uid);
    await looked(witness, others);
    // They lose it one after the other, so that those up to the threshold may go.
    const policies = await Promise.all(others.map((name) => harness.managedObjects(name)));
    expect(policies.filter((names) => names.length > 0).length).toBeGreaterThanOrEqual(others.length - 3);
  });

  test('of different baselines is held as well', async () => {
    await using first = harness.scenario();
    await using second = harness.scenario();
    const namespaces: string[] = [];
    for (const scenario of [first, second]) {
      await scenario.baseline(spec);
      for (const suffix of ['a', 'b']) namespaces.push(await scenario.namespace(suffix));
      await scenario.hardened(2);
    }
    await first.deleteBaseline();
    await eventuallyStripped(namespaces.slice(0, 2));
    const uid = await uidOf(second);
    await second.deleteBaseline();

    expect(await eventuallyHeld(uid)).toEqual({
      name: second.name,
      reason: 'ManyNamespaces',
      namespaces: 2,
      ofAll: 4,
    });
    await expectProtected(second, namespaces.slice(2));
  });

  test('goes on after a restart in the midst of it, once it is confirmed', async () => {
    await using scenario = harness.scenario();
    const namespaces = await hardenMany(scenario);
    const uid = await uidOf(scenario);
    await scenario.deleteBaseline();
    await eventuallyHeld(uid);
    await harness.stopOperator();
    // As a process leaves it that has begun, and not come to the end.
    await harness.admin.mergePatch(holdsTarget, {
      metadata: { annotations: { [`securitybaseline.io/confirmed-${uid}`]: 'gone' } },
      data: { [uid]: null },
    });
    await harness.startOperator();

    await eventuallyStripped(namespaces);
    await eventually(async () => Object.keys(await marks()).every((key) => !key.endsWith(uid)), {
      what: 'the confirmation is over',
    });
  });

  test('is undone by putting the selector back', async () => {
    await using scenario = harness.scenario();
    const namespaces = await hardenMany(scenario);
    await scenario.baseline({ ...spec, namespaceSelector: { matchLabels: { nobody: 'has-this' } } });
    const uid = await uidOf(scenario);
    await eventuallyHeld(uid);

    await scenario.baseline(spec);

    await scenario.hardened(many.length);
    await expectProtected(scenario, namespaces);
    await eventually(async () => !Object.hasOwn(await holds(), uid), { what: 'nothing is held any more' });
  });

  test('by a deleted baseline is held, over a restart, until it is confirmed where holds are listed', async () => {
    await using witness = harness.scenario();
    await using scenario = harness.scenario();
    const namespaces = await hardenMany(scenario);
    const uid = await uidOf(scenario);
    await scenario.deleteBaseline();
    await eventuallyHeld(uid);
    await harness.stopOperator();
    // Fewer than are held for their number alone.
    const [, ...rest] = namespaces;
    await harness.admin.delete({ kind: 'Namespace', name: namespaces[0] ?? '' });
    await harness.startOperator();
    await eventually(async () => (await eventuallyHeld(uid)).namespaces === rest.length, {
      what: 'the new process has counted those that are left',
      timeoutMs: 30_000,
    });
    await looked(witness, rest);
    await expectProtected(scenario, rest);

    await confirmWhereListed(uid);

    await eventuallyStripped(rest);
  });

  test('by a deletion that names the generation goes on at once', async () => {
    await using scenario = harness.scenario();
    const namespaces = await hardenMany(scenario);
    await deleteAllowed(scenario);

    await eventuallyStripped(namespaces);
  });

  test('while the operator is down is held when it comes back', async () => {
    await using scenario = harness.scenario();
    const namespaces = await hardenMany(scenario);
    const uid = await uidOf(scenario);
    await harness.stopOperator();
    await scenario.deleteBaseline();
    await harness.startOperator();

    await eventuallyHeld(uid);
    await expectProtected(scenario, namespaces);
    await scenario.baseline(spec);
    await scenario.hardened(many.length);
    await eventually(async () => !Object.hasOwn(await holds(), uid), {
      what: 'the recreated baseline undoes the hold',
    });
  });
});

describe('few namespaces losing protection', () => {
  test('is not held', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline(spec);
    const namespace = await scenario.namespace();
    await scenario.hardened();
    await scenario.deleteBaseline();

    await eventuallyStripped([namespace]);
  });

  test('is held where the baseline vanished with its CRD, and adopted when both are restored', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline(spec);
    const namespace = await scenario.namespace();
    await scenario.hardened();
    const uid = await uidOf(scenario);
    const policy = { kind: 'NetworkPolicy', namespace, name: `${scenario.name}.default-deny` } as const;
    const { metadata } = await harness.admin.get(policy);
    const crd = { kind: 'CustomResourceDefinition', name: 'securitybaselines.securitybaseline.io' } as const;

    await harness.admin.delete(crd);
    await eventually(async () => (await harness.admin.find(crd)) === undefined, { what: 'the CRD is gone' });
    expect(await eventuallyHeld(uid)).toMatchObject({ reason: 'BaselinesUnreadable' });
    await applyManifests(
      loadKubeconfig(harness.controlPlane.adminKubeconfig),
      readManifests('crds/securitybaselines.yaml'),
    );
    await expectProtected(scenario, [namespace]);
    await eventually(() => scenario.baseline(spec).then(() => true), { what: 'the CRD is served again' });
    await scenario.hardened();

    await expectProtected(scenario, [namespace]);
    expect((await harness.admin.get(policy)).metadata.uid).toBe(metadata.uid);
  });
});

describe('several baselines, one of which many namespaces lose', () => {
  const enforce = 'pod-security.kubernetes.io/enforce';

  async function levels(namespaces: readonly string[]): Promise<readonly (string | undefined)[]> {
    const served = await Promise.all(
      namespaces.map((name) => harness.admin.get({ kind: 'Namespace', name })),
    );
    return served.map(
      ({ metadata }) => `${metadata.labels?.[enforce]} ${metadata.labels?.[`${enforce}-version`]}`,
    );
  }

  test("no Pod Security level gets lower while that is held, what gets stricter is written, and the others' level comes once it is confirmed", async () => {
    await using strict = harness.scenario();
    await using other = harness.scenario();
    const strictSpec = { podSecurity: { enforce: 'restricted', version: 'v1.30' } };
    await strict.baseline(strictSpec);
    const selectsAll = { namespaceSelector: { matchLabels: strict.label } };
    await other.baseline({ ...selectsAll, podSecurity: { enforce: 'baseline' } });
    const namespaces: string[] = [];
    for (const suffix of many) namespaces.push(await strict.namespace(suffix));
    await strict.hardened(many.length);
    await other.hardened(many.length);

    await strict.baseline({ ...strictSpec, namespaceSelector: { matchLabels: { nobody: 'has-this' } } });
    const uid = await uidOf(strict);
    await eventuallyHeld(uid);
    // A change to each of the namespaces, so that it is known when they have been looked at.
    await other.baseline({ ...selectsAll, podSecurity: { enforce: 'baseline', audit: 'restricted' } });
    await other.hardened(many.length);
    expect(await levels(namespaces)).toEqual(many.map(() => 'restricted v1.30'));
    await other.baseline({ ...selectsAll, podSecurity: { enforce: 'restricted' } });
    await other.hardened(many.length);
    expect(await levels(namespaces)).toEqual(many.map(() => 'restricted latest'));
    await other.baseline({ ...selectsAll, podSecurity: { enforce: 'baseline' } });
    await other.hardened(many.length);
    expect(await levels(namespaces)).toEqual(many.map(() => 'restricted latest'));

    await harness.admin.mergePatch(holdsTarget, {
      metadata: { annotations: { [`securitybaseline.io/confirm-${uid}`]: 'yes' } },
    });
    await eventually(
      async () => expect(await levels(namespaces)).toEqual(many.map(() => 'baseline latest')),
      { what: 'the level is that of the other baseline' },
    );
  });
});

describe('under deletionPolicy: Orphan', () => {
  const orphaning = {
    deletionPolicy: 'Orphan',
    networkPolicy: { defaultDeny: ['Egress'], allow: { dns: {} } },
    exceptions: { allow: ['Egress'] },
  };

  async function policies(namespace: string): Promise<readonly string[]> {
    const served = await harness.admin.list({ kind: 'NetworkPolicy', namespace });
    return served.map(({ metadata }) => metadata.name.slice(metadata.name.indexOf('.') + 1)).sort();
  }

  test('what an exception opened goes when it ends, and what the baseline drops goes, too; the rest stays behind when it is deleted', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline(orphaning);
    const namespace = await scenario.namespace();
    await scenario.hardened();
    const place = { kind: 'BaselineException', namespace, name: 'e' } as const;
    const egress = [{ to: [{ ipBlock: { cidr: '10.1.2.3/32' } }] }];
    const { metadata } = await harness.admin.create(place, {
      spec: {
        reason: 'the migration reads it',
        expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
        egress,
      },
    });
    const approval = { by: 'security', uid: metadata.uid, generation: metadata.generation };
    await harness.admin.mergePatch(place, { status: { approval } }, 'status');
    await eventually(
      async () => expect(await policies(namespace)).toEqual(['allow-dns', 'default-deny', 'exception-e']),
      { what: 'the exception has an effect' },
    );

    await harness.admin.mergePatch(place, { status: { approval: null } }, 'status');
    await eventually(async () => expect(await policies(namespace)).toEqual(['allow-dns', 'default-deny']), {
      what: 'the exception has none',
    });
    await scenario.baseline({ ...orphaning, networkPolicy: { defaultDeny: ['Egress'] } });
    await eventually(async () => expect(await policies(namespace)).toEqual(['default-deny']), {
      what: 'what was dropped is gone',
    });

    await deleteAllowed(scenario);
    await eventually(async () => expect(await harness.managedObjects(namespace)).toEqual([]), {
      what: 'nothing is ours any more',
    });
    expect(await policies(namespace)).toEqual(['default-deny']);
  });
});
