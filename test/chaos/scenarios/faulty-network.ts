import { expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import type { Faults } from '../../support/faulty-proxy.ts';
import type { ChaosCluster } from '../chaos-cluster.ts';
import { chance, form } from '../form.ts';
import { expectOrder } from '../invariants.ts';
import { metric } from '../metrics.ts';

const faults: Required<Faults> = {
  resetRequest: 0.03,
  resetAnswer: 0.03,
  truncateAnswer: 0.03,
  delay: 0.05,
  tooManyRequests: 0.02,
  tooManyRequestsNow: 0.02,
  serverError: 0.03,
  unavailable: 0.03,
  resetWatch: 0.03,
  truncateWatch: 0.03,
  repeatEvent: 0.1,
};

/** Everything that can go wrong between the operator and the API server does. */
export function faultyNetwork(cluster: () => ChaosCluster): void {
  test('resets, delays, cut bodies, 429, 500, 503 and stale events during a burst and a rollout lose nothing', async () => {
    await using proxy = await cluster().proxy(chance.fork('faulty network'));
    await using fleet = await cluster().fleet('faulty');
    const kubeconfig = await proxy.kubeconfig(await cluster().kubeconfig());
    proxy.inflict(faults);
    await using operator = await cluster().operator({ kubeconfig });
    await fleet.grow(3);
    await fleet.plantForeignObjects(3);
    await fleet.grow(form.burst - 3);
    // Stale events may tell that they are there.
    await Promise.all([4, 5, 6].map((index) => fleet.remove(`${fleet.name}-${index}`)));
    // One edit after the other, so that nothing fails by the hundred and is put off for long.
    const quota = {
      kind: 'ResourceQuota',
      namespace: `${fleet.name}-0`,
      name: `${fleet.name}.compute`,
    } as const;
    let pods = 1_000;
    await eventually(
      async () => {
        pods += 1;
        await fleet.allowPods(String(pods));
        await eventually(
          async () => {
            const { spec } = await cluster().admin.get(quota);
            expect(spec).toEqual({ hard: { pods: String(pods) } });
          },
          { what: 'the edit is rolled out', timeoutMs: form.patienceMs },
        );
        expect([...proxy.inflicted.keys()].sort()).toEqual(Object.keys(faults).sort());
      },
      { what: 'every fault has happened', timeoutMs: form.patienceMs },
    );
    const brokenAt = await cluster().audit.mark();
    proxy.calm();
    proxy.breakConnections();
    await expectOrder(cluster(), fleet, brokenAt);
    // Cut lines were seen as such.
    expect(await metric(operator, 'watch_malformed_events_total')).toBeGreaterThan(0);
  });
}
