import { expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import type { ChaosCluster } from '../chaos-cluster.ts';
import { alone } from '../chaos-cluster.ts';
import { chance, form } from '../form.ts';
import { expectOrder } from '../invariants.ts';

/**
 * A watch is late, and the operator learns from the answer to a write of its own what somebody else has changed. The
 * watch's event is then no news any more: who only listened to events would never hear of it.
 */
export function silentWatches(cluster: () => ChaosCluster): void {
  const watchesOf =
    (plural: string) =>
    (_method: string, path: string): boolean =>
      path.includes('watch=true') && path.includes(`/${plural}?`);

  test.runIf(form.isFull)(
    "what others changed is acted upon, also where only an answer to the operator's own write told of it",
    async () => {
      await using proxy = await cluster().proxy(chance.fork('silent watches'));
      await using fleet = await cluster().fleet('unheard');
      const kubeconfig = await proxy.kubeconfig(await cluster().kubeconfig());
      await using _operator = await cluster().operator({ flags: alone, kubeconfig });
      await fleet.grow(3);
      await fleet.plantForeignObjects(1);
      await expectOrder(cluster(), fleet);

      // A new namespace makes it write the status; the answer shows the baseline as edited meanwhile.
      proxy.inflict({ unavailable: 1 }, watchesOf('securitybaselines'));
      proxy.breakConnections();
      await fleet.allowPods('70');
      await fleet.grow(1);
      await quotaIs(fleet.name, 0, '70');
      proxy.calm();

      // A stricter level makes it write the labels of a namespace; the answer shows that it is no longer selected.
      const left = `${fleet.name}-1`;
      proxy.inflict({ unavailable: 1 }, watchesOf('namespaces'));
      proxy.breakConnections();
      const [key = ''] = Object.keys(fleet.label);
      await cluster().admin.mergePatch(
        { kind: 'Namespace', name: left },
        { metadata: { labels: { [key]: null } } },
      );
      fleet.selected.delete(left);
      fleet.others.add(left);
      await fleet.enforce('restricted');
      await eventually(
        async () => {
          const policies = await cluster().admin.list({ kind: 'NetworkPolicy', namespace: left });
          expect(policies.filter(({ metadata }) => metadata.name.startsWith(`${fleet.name}.`))).toEqual([]);
        },
        { what: 'the namespace that left has lost its objects', timeoutMs: form.patienceMs },
      );
      const brokenAt = await cluster().audit.mark();
      proxy.calm();
      proxy.breakConnections();
      await expectOrder(cluster(), fleet, brokenAt);
    },
  );

  async function quotaIs(name: string, index: number, pods: string): Promise<void> {
    const target = { kind: 'ResourceQuota', namespace: `${name}-${index}`, name: `${name}.compute` } as const;
    await eventually(
      async () => {
        const { spec } = await cluster().admin.get(target);
        expect(spec).toEqual({ hard: { pods } });
      },
      { what: `the quota of ${name}-${index} is rolled out` },
    );
  }
}
