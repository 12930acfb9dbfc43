import { expect } from 'vitest';
import { eventually } from './eventually.ts';
import type { OperatorHarness } from './operator-harness.ts';
import type { Scenario } from './scenario.ts';

/** Where holds are listed. */
export const holdsTarget = {
  kind: 'ConfigMap',
  namespace: 'security-baseline-system',
  name: 'security-baseline-removal-holds',
} as const;

/** More than may lose protection together under {@link removalFlags}. */
export const many = ['a', 'b', 'c', 'd'];

/** How the operator is run where removals are tried: three namespaces may lose protection within the hour. */
export const removalFlags = ['--removal-threshold', '3', '--removal-window', '1h'];

/** What baselines give that is lost. */
export const lost = { networkPolicy: { defaultDeny: ['Ingress'] }, podSecurity: { enforce: 'baseline' } };

/** What tests of removals do and look at. */
export class Removals {
  readonly #harness: OperatorHarness;

  constructor(harness: OperatorHarness) {
    this.#harness = harness;
  }

  /** As many namespaces as are held when they lose it together, with all that {@link lost} gives. */
  async hardenMany(scenario: Scenario): Promise<string[]> {
    await scenario.baseline(lost);
    const namespaces: string[] = [];
    for (const suffix of many) namespaces.push(await scenario.namespace(suffix));
    await scenario.hardened(many.length);
    return namespaces;
  }

  /** {@link hardenMany}, and the baseline is deleted: its removal is held. */
  async loseBaseline(scenario: Scenario): Promise<{ readonly namespaces: string[]; readonly uid: string }> {
    const namespaces = await this.hardenMany(scenario);
    const uid = await this.uidOf(scenario);
    await scenario.deleteBaseline();
    await this.eventuallyHeld(uid);
    return { namespaces, uid };
  }

  async generationOf(scenario: Scenario): Promise<number> {
    const { metadata } = await this.#harness.admin.get({ kind: 'SecurityBaseline', name: scenario.name });
    return metadata.generation ?? 0;
  }

  /** Confirms the removal on the baseline. */
  async confirmOnBaseline({ name }: Scenario, generation: number): Promise<void> {
    await this.#harness.admin.mergePatch(
      { kind: 'SecurityBaseline', name },
      { metadata: { annotations: { 'securitybaseline.io/confirm-removal': String(generation) } } },
    );
  }

  /** Confirms the removal where holds are listed. */
  async confirmWhereListed(uid: string): Promise<void> {
    await this.#harness.admin.mergePatch(holdsTarget, {
      metadata: { annotations: { [`securitybaseline.io/confirm-${uid}`]: 'yes' } },
    });
  }

  /** They are selected no longer. */
  async relabel(namespaces: readonly string[]): Promise<void> {
    const labels = { 'test.example.com/scenario': 'another' };
    await Promise.all(
      namespaces.map((name) =>
        this.#harness.admin.mergePatch({ kind: 'Namespace', name }, { metadata: { labels } }),
      ),
    );
  }

  /** Resolves when the operator has looked at these namespaces, knowing everything that was there before. */
  async looked(witness: Scenario, namespaces: readonly string[]): Promise<void> {
    const labels = { 'test.example.com/witness': witness.name };
    for (const name of namespaces)
      await this.#harness.admin.mergePatch({ kind: 'Namespace', name }, { metadata: { labels } });
    await witness.baseline({ namespaceSelector: { matchLabels: labels }, podSecurity: { warn: 'baseline' } });
    await witness.hardened(namespaces.length);
  }

  /** The annotations of the ConfigMap that lists holds. */
  async marks(): Promise<Readonly<Record<string, string>>> {
    return (await this.#harness.admin.get(holdsTarget)).metadata.annotations ?? {};
  }

  /** What is listed as held, by UID. */
  async holds(): Promise<Readonly<Record<string, string>>> {
    const { data = {} } = await this.#harness.admin.get(holdsTarget);
    return data as Record<string, string>;
  }

  async uidOf(scenario: Scenario): Promise<string> {
    const { metadata } = await this.#harness.admin.get({ kind: 'SecurityBaseline', name: scenario.name });
    return metadata.uid;
  }

  /** All that the scenario's baseline gave is still in every namespace. */
  async expectProtected(scenario: Scenario, namespaces: readonly string[]): Promise<void> {
    for (const namespace of namespaces) {
      expect(await this.#harness.managedObjects(namespace)).toEqual([
        `NetworkPolicy ${scenario.name}.default-deny`,
      ]);
      const { metadata } = await this.#harness.admin.get({ kind: 'Namespace', name: namespace });
      expect(metadata.labels?.['pod-security.kubernetes.io/enforce']).toBe('baseline');
    }
  }

  /** Resolves when nothing of ours is left in them. */
  async eventuallyStripped(namespaces: readonly string[]): Promise<void> {
    for (const namespace of namespaces) {
      await eventually(
        async () => {
          expect(await this.#harness.managedObjects(namespace)).toEqual([]);
          const { metadata } = await this.#harness.admin.get({ kind: 'Namespace', name: namespace });
          expect(metadata.labels?.['pod-security.kubernetes.io/enforce']).toBeUndefined();
        },
        { what: `${namespace} has nothing of ours` },
      );
    }
  }

  /** Resolves with what is listed when the removal is held. */
  async eventuallyHeld(uid: string): Promise<Record<string, unknown>> {
    return await eventually(
      async () => {
        const text = (await this.holds())[uid];
        return text === undefined ? false : (JSON.parse(text) as Record<string, unknown>);
      },
      { what: 'the removal is held' },
    );
  }

  /** Deletes the baseline in a way that no removal is held for. */
  async deleteAllowed({ name }: Scenario): Promise<void> {
    const target = { kind: 'SecurityBaseline', name } as const;
    const { metadata } = await this.#harness.admin.get(target);
    await this.#harness.admin.mergePatch(target, {
      metadata: { annotations: { 'securitybaseline.io/allow-deletion': String(metadata.generation) } },
    });
    await this.#harness.admin.delete(target);
  }
}
