import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyManifests, readManifests } from '../../tools/operator/manifests.ts';
import { loadKubeconfig } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorHarness } from '../support/operator-harness.ts';
import { lost, many, Removals, removalFlags } from '../support/removals.ts';

let harness: OperatorHarness;
let removals: Removals;

beforeAll(async () => {
  harness = await OperatorHarness.start({ flags: removalFlags });
  removals = new Removals(harness);
});
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
});

describe('many namespaces losing protection', () => {
  test('by an edited selector is held, said in the status, and goes on once confirmed for this generation', async () => {
    await using witness = harness.scenario();
    await using scenario = harness.scenario();
    const namespaces = await removals.hardenMany(scenario);
    await scenario.baseline({ ...lost, namespaceSelector: { matchLabels: { nobody: 'has-this' } } });

    expect(await removals.eventuallyHeld(await removals.uidOf(scenario))).toEqual({
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
    await removals.expectProtected(scenario, namespaces);

    const generation = await removals.generationOf(scenario);
    await removals.confirmOnBaseline(scenario, generation - 1);
    await removals.looked(witness, namespaces);
    await removals.expectProtected(scenario, namespaces);
    await removals.confirmOnBaseline(scenario, generation);

    await removals.eventuallyStripped(namespaces);
    await eventually(async () => Object.keys(await removals.holds()).length === 0, {
      what: 'nothing is held any more',
    });
  });

  test('of different baselines is held as well', async () => {
    await using first = harness.scenario();
    await using second = harness.scenario();
    const namespaces: string[] = [];
    for (const scenario of [first, second]) {
      await scenario.baseline(lost);
      for (const suffix of ['a', 'b']) namespaces.push(await scenario.namespace(suffix));
      await scenario.hardened(2);
    }
    await first.deleteBaseline();
    await removals.eventuallyStripped(namespaces.slice(0, 2));
    const uid = await removals.uidOf(second);
    await second.deleteBaseline();

    expect(await removals.eventuallyHeld(uid)).toEqual({
      name: second.name,
      reason: 'ManyNamespaces',
      namespaces: 2,
      ofAll: 4,
    });
    await removals.expectProtected(second, namespaces.slice(2));
  });

  test('is undone by putting the selector back', async () => {
    await using scenario = harness.scenario();
    const namespaces = await removals.hardenMany(scenario);
    await scenario.baseline({ ...lost, namespaceSelector: { matchLabels: { nobody: 'has-this' } } });
    const uid = await removals.uidOf(scenario);
    await removals.eventuallyHeld(uid);

    await scenario.baseline(lost);

    await scenario.hardened(many.length);
    await removals.expectProtected(scenario, namespaces);
    await eventually(async () => !Object.hasOwn(await removals.holds(), uid), {
      what: 'nothing is held any more',
    });
  });

  test('by a deletion that names the generation goes on at once', async () => {
    await using scenario = harness.scenario();
    const namespaces = await removals.hardenMany(scenario);
    await removals.deleteAllowed(scenario);

    await removals.eventuallyStripped(namespaces);
  });

  test('while the operator is down is held when it comes back', async () => {
    await using scenario = harness.scenario();
    const namespaces = await removals.hardenMany(scenario);
    const uid = await removals.uidOf(scenario);
    await harness.stopOperator();
    await scenario.deleteBaseline();
    await harness.startOperator();

    await removals.eventuallyHeld(uid);
    await removals.expectProtected(scenario, namespaces);
    await scenario.baseline(lost);
    await scenario.hardened(many.length);
    await eventually(async () => !Object.hasOwn(await removals.holds(), uid), {
      what: 'the recreated baseline undoes the hold',
    });
  });
});

describe('few namespaces losing protection', () => {
  test('is not held', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline(lost);
    const namespace = await scenario.namespace();
    await scenario.hardened();
    await scenario.deleteBaseline();

    await removals.eventuallyStripped([namespace]);
  });

  test('is held where the baseline vanished with its CRD, and adopted when both are restored', async () => {
    await using scenario = harness.scenario();
    await scenario.baseline(lost);
    const namespace = await scenario.namespace();
    await scenario.hardened();
    const uid = await removals.uidOf(scenario);
    const policy = { kind: 'NetworkPolicy', namespace, name: `${scenario.name}.default-deny` } as const;
    const { metadata } = await harness.admin.get(policy);
    const crd = { kind: 'CustomResourceDefinition', name: 'securitybaselines.securitybaseline.io' } as const;

    await harness.admin.delete(crd);
    await eventually(async () => (await harness.admin.find(crd)) === undefined, { what: 'the CRD is gone' });
    expect(await removals.eventuallyHeld(uid)).toMatchObject({ reason: 'BaselinesUnreadable' });
    await applyManifests(
      loadKubeconfig(harness.controlPlane.adminKubeconfig),
      readManifests('crds/securitybaselines.yaml'),
    );
    await removals.expectProtected(scenario, [namespace]);
    await eventually(() => scenario.baseline(lost).then(() => true), { what: 'the CRD is served again' });
    await scenario.hardened();

    await removals.expectProtected(scenario, [namespace]);
    expect((await harness.admin.get(policy)).metadata.uid).toBe(metadata.uid);
  });
});
