import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { OperatorHarness } from '../support/operator-harness.ts';
import { many, Removals, removalFlags } from '../support/removals.ts';

let harness: OperatorHarness;
let removals: Removals;

beforeAll(async () => {
  harness = await OperatorHarness.start({ flags: removalFlags });
  removals = new Removals(harness);
});
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
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
    const uid = await removals.uidOf(strict);
    await removals.eventuallyHeld(uid);
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

    await removals.confirmWhereListed(uid);
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

    await removals.deleteAllowed(scenario);
    await eventually(async () => expect(await harness.managedObjects(namespace)).toEqual([]), {
      what: 'nothing is ours any more',
    });
    expect(await policies(namespace)).toEqual(['default-deny']);
  });
});
