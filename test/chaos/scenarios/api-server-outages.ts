import { expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { alone, type ChaosCluster } from '../chaos-cluster.ts';
import { chance, form } from '../form.ts';
import { expectOrder } from '../invariants.ts';
import { metric } from '../metrics.ts';

/** The API server goes away in the midst of the operator's work. */
export function apiServerOutages(cluster: () => ChaosCluster): void {
  // The API server last: after etcd was gone for a moment, watches may go on.
  const outages = {
    ...(form.isFull && {
      'a crash of etcd': async () => {
        await cluster().controlPlane.kill('etcd');
        await cluster().controlPlane.restart('etcd');
      },
    }),
    ...(form.isFull && {
      'a restart of the API server': () => cluster().controlPlane.restart('kube-apiserver'),
    }),
    'a crash of the API server': async () => {
      await cluster().controlPlane.kill('kube-apiserver');
      await cluster().controlPlane.restart('kube-apiserver');
    },
  };

  test(`${Object.keys(outages).join(', ')} during a burst lose nothing`, async () => {
    const random = chance.fork('outages');
    const size = form.burst / 4;
    await using fleet = await cluster().fleet('outage');
    await using operator = await cluster().operator({ flags: alone });
    await fleet.grow(2);
    await fleet.plantForeignObjects(2);
    let brokenAt = 0;
    for (const [outage, happen] of Object.entries(outages)) {
      const before = await metric(operator, 'writes_total');
      const growing = fleet.grow(size);
      const after = before + random.below(size);
      await eventually(async () => (await metric(operator, 'writes_total')) >= after, {
        what: `${outage} comes after ${after} writes`,
        timeoutMs: form.patienceMs,
      });
      brokenAt = await cluster().audit.mark();
      await happen();
      await growing;
    }
    expect(await metric(operator, 'watch_restarts_total')).toBeGreaterThan(0);
    await expectOrder(cluster(), fleet, brokenAt);
  });
}
