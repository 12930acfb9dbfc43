import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { OperatorProcess } from '../../../tools/operator/operator-process.ts';
import { operatorNamespace } from '../../../tools/operator/operator-process.ts';
import { eventually } from '../../support/eventually.ts';
import type { ChaosCluster } from '../chaos-cluster.ts';
import { form } from '../form.ts';
import { expectOrder } from '../invariants.ts';
import { metric } from '../metrics.ts';

const hourMs = 3_600_000;
const preload = new URL('../jumping-clock.ts', import.meta.url).href;

/** Somebody sets the operator's clock. */
export function clockJumps(cluster: () => ChaosCluster): void {
  test.runIf(form.isFull)(
    "a wall clock set forward and back by hours stops nothing, and gives nobody's lead away",
    async () => {
      const offsetFile = join(cluster().controlPlane.directory, 'clock-offset');
      await writeFile(offsetFile, '0');
      const environment = { NODE_OPTIONS: `--import=${preload}`, CLOCK_OFFSET_FILE: offsetFile };
      await using fleet = await cluster().fleet('jumping');
      await using operator = await cluster().operator({ environment });
      await eventually(async () => (await metric(operator, 'leader')) === 1, {
        what: 'the one whose clock will jump leads',
        timeoutMs: form.patienceMs,
      });
      await using follower = await cluster().operator();
      await fleet.grow(3);
      await fleet.plantForeignObjects(2);
      await expectOrder(cluster(), fleet);
      const lists = await metric(operator, 'watch_relists_total');

      for (const offsetMs of [2 * hourMs, -hourMs, 0]) {
        const growing = fleet.grow(3);
        await jump(cluster(), operator, offsetFile, offsetMs);
        await growing;
        await expectOrder(cluster(), fleet);
      }
      expect(await metric(operator, 'leader')).toBe(1);
      expect(await metric(follower, 'writes_total')).toBe(0);
      expect(await metric(operator, 'watch_relists_total')).toBe(lists);
    },
  );
}

/** Sets the clock, and makes sure by the Lease that the operator goes by it. */
async function jump(
  { admin }: ChaosCluster,
  operator: OperatorProcess,
  offsetFile: string,
  offsetMs: number,
): Promise<void> {
  await writeFile(offsetFile, String(offsetMs));
  operator.signal('SIGUSR2');
  await eventually(
    async () => {
      const target = {
        kind: 'Lease',
        namespace: operatorNamespace,
        name: 'security-baseline-operator',
      } as const;
      const { spec } = await admin.get(target);
      const renewedAt = Date.parse((spec as { renewTime: string }).renewTime);
      expect(Math.abs(renewedAt - Date.now() - offsetMs)).toBeLessThan(hourMs / 2);
    },
    { what: `the Lease is renewed ${offsetMs / hourMs} h away` },
  );
}
