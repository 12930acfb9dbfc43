import { expect, test } from 'vitest';
import { alone, ChaosCluster } from '../chaos-cluster.ts';
import { compactNow } from '../etcd.ts';
import { chance, form } from '../form.ts';
import { expectOrder } from '../invariants.ts';
import { metric } from '../metrics.ts';

/** etcd forgets what a broken watch would have resumed from. */
export function compaction(): void {
  test.runIf(form.isFull)(
    'what was deleted, edited and created while etcd was compacted during a broken watch is found',
    async () => {
      // With its watch cache the API server would answer from memory what etcd no longer knows.
      await using cluster = await ChaosCluster.start({
        extraFlags: { 'kube-apiserver': ['--watch-cache=false'] },
      });
      await using proxy = await cluster.proxy(chance.fork('compaction'));
      await using fleet = await cluster.fleet('compacted');
      const kubeconfig = await proxy.kubeconfig(await cluster.kubeconfig());
      await using operator = await cluster.operator({ flags: alone, kubeconfig });
      await fleet.grow(6);
      await fleet.plantForeignObjects(1);
      await expectOrder(cluster, fleet);

      proxy.inflict({ unavailable: 1 }, (_, path) => path.includes('watch=true'));
      proxy.breakConnections();
      const { admin } = cluster;
      const { name } = fleet;
      const drifted = {
        kind: 'NetworkPolicy',
        namespace: `${name}-1`,
        name: `${name}.default-deny`,
      } as const;
      await admin.delete({ kind: 'NetworkPolicy', namespace: `${name}-0`, name: `${name}.default-deny` });
      await admin.mergePatch(drifted, { spec: { ingress: [{}] } });
      await fleet.remove(`${name}-2`);
      await fleet.add(`${name}-late`);
      await fleet.allowPods('60');
      await compactNow(cluster.controlPlane);
      const brokenAt = await cluster.audit.mark();
      proxy.calm();
      await expectOrder(cluster, fleet, brokenAt);
      expect(await metric(operator, 'watch_restarts_total', 'reason="list"')).toBeGreaterThan(0);
      expect(operator.log.some(({ error }) => JSON.stringify(error ?? '').includes('410'))).toBe(true);
    },
  );
}
