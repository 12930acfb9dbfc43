import { test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { alone, type ChaosCluster } from '../chaos-cluster.ts';
import { chance, form } from '../form.ts';
import { expectOrder } from '../invariants.ts';
import { metric } from '../metrics.ts';

/** At least: seven objects, and the labels. */
const writesPerNamespace = 8;

/** The operator is killed in the midst of its work. */
export function processDeath(cluster: () => ChaosCluster): void {
  const { burst, kills } = form;

  test(`killed ${kills} times at random points of a burst of ${burst} namespaces, it loses nothing`, async () => {
    const random = chance.fork('process death');
    await using fleet = await cluster().fleet('killed');
    let operator = await cluster().operator({ flags: alone });
    await fleet.grow(3);
    await fleet.plantForeignObjects(3);
    // The burst comes in as many waves as there are deaths, so that each process has something to die in.
    const wave = Math.ceil(burst / kills);
    const growing: Promise<void>[] = [];
    for (let kill = 1; kill <= kills; kill += 1) {
      growing.push(fleet.grow(wave));
      const diesAfter = random.below(wave * writesPerNamespace);
      await eventually(async () => (await metric(operator, 'writes_total')) >= diesAfter, {
        what: `process ${kill} has done ${diesAfter} writes`,
        timeoutMs: form.patienceMs,
      });
      operator.signal('SIGKILL');
      await operator.ended();
      operator = await cluster().operator({ flags: alone });
    }
    await using _last = operator;
    await Promise.all(growing);
    await expectOrder(cluster(), fleet);
  });
}
