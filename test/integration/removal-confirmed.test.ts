import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { OperatorHarness } from '../support/operator-harness.ts';
import { holdsTarget, Removals, removalFlags } from '../support/removals.ts';

let harness: OperatorHarness;
let removals: Removals;

beforeAll(async () => {
  harness = await OperatorHarness.start({ flags: removalFlags });
  removals = new Removals(harness);
});
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
});

describe('a confirmed removal of many', () => {
  test('is over with the last of those that were held: others that lose it later are held, though the confirmation stands there still', async () => {
    await using witness = harness.scenario();
    await using scenario = harness.scenario();
    const namespaces = await removals.hardenMany(scenario);
    const uid = await removals.uidOf(scenario);
    const generation = await removals.generationOf(scenario);
    await removals.relabel(namespaces);
    await removals.eventuallyHeld(uid);
    await removals.confirmOnBaseline(scenario, generation);
    await removals.eventuallyStripped(namespaces);
    await eventually(async () => !Object.hasOwn(await removals.holds(), uid), {
      what: 'nothing is held any more',
    });
    await eventually(
      async () => (await removals.marks())[`securitybaseline.io/spent-${uid}`] === String(generation),
      {
        what: 'the confirmation is spent',
      },
    );

    const others: string[] = [];
    for (const suffix of ['e', 'f', 'g', 'h']) others.push(await scenario.namespace(suffix));
    await scenario.hardened(others.length);
    await harness.stopOperator();
    await harness.startOperator();
    await removals.relabel(others);
    await removals.eventuallyHeld(uid);
    await removals.looked(witness, others);
    // They lose it one after the other, so that those up to the threshold may go.
    const policies = await Promise.all(others.map((name) => harness.managedObjects(name)));
    expect(policies.filter((names) => names.length > 0).length).toBeGreaterThanOrEqual(others.length - 3);
  });

  test('goes on after a restart in the midst of it', async () => {
    await using scenario = harness.scenario();
    const { namespaces, uid } = await removals.loseBaseline(scenario);
    await harness.stopOperator();
    // As a process leaves it that has begun, and not come to the end.
    await harness.admin.mergePatch(holdsTarget, {
      metadata: { annotations: { [`securitybaseline.io/confirmed-${uid}`]: 'gone' } },
      data: { [uid]: null },
    });
    await harness.startOperator();

    await removals.eventuallyStripped(namespaces);
    await eventually(async () => Object.keys(await removals.marks()).every((key) => !key.endsWith(uid)), {
      what: 'the confirmation is over',
    });
  });

  test('of a baseline that is gone is held until then, over a restart, and confirmed where holds are listed', async () => {
    await using witness = harness.scenario();
    await using scenario = harness.scenario();
    const { namespaces, uid } = await removals.loseBaseline(scenario);
    await harness.stopOperator();
    // Fewer than are held for their number alone.
    const [, ...rest] = namespaces;
    await harness.admin.delete({ kind: 'Namespace', name: namespaces[0] ?? '' });
    await harness.startOperator();
    await eventually(async () => (await removals.eventuallyHeld(uid)).namespaces === rest.length, {
      what: 'the new process has counted those that are left',
      timeoutMs: 30_000,
    });
    await removals.looked(witness, rest);
    await removals.expectProtected(scenario, rest);

    await removals.confirmWhereListed(uid);

    await removals.eventuallyStripped(rest);
  });
});
