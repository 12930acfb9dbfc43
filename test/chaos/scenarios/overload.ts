import { expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { alone, type ChaosCluster } from '../chaos-cluster.ts';
import { chance, form } from '../form.ts';
import { expectOrder } from '../invariants.ts';
import { metric } from '../metrics.ts';

const isWrite = (method: string): boolean => method !== 'GET';

/** The API server says that it has too much to do. */
export function overload(cluster: () => ChaosCluster): void {
  test.runIf(form.isFull)(
    'under a storm of 429 the requests in flight fall, and recover after it',
    async () => {
      await using proxy = await cluster().proxy(chance.fork('overload'));
      await using fleet = await cluster().fleet('overload');
      const kubeconfig = await proxy.kubeconfig(await cluster().kubeconfig());
      await using operator = await cluster().operator({ flags: alone, kubeconfig });
      const limit = (): Promise<number> => metric(operator, 'api_requests_in_flight_limit');
      await operator.ready();
      expect(await limit()).toBe(32);

      proxy.inflict({ tooManyRequests: 0.5, tooManyRequestsNow: 1, delay: 0.3 }, isWrite);
      await fleet.grow(form.burst);
      await eventually(async () => expect(await limit()).toBe(2), {
        what: 'the limit has fallen to its minimum',
        timeoutMs: form.patienceMs,
      });
      // Those of the time before may still be under way.
      await eventually(
        async () => expect(await metric(operator, 'api_requests_in_flight')).toBeLessThanOrEqual(2),
        {
          what: 'no more are in flight',
          timeoutMs: form.patienceMs,
        },
      );
      proxy.takePeak();
      const refused = proxy.inflicted.get('tooManyRequestsNow') ?? 0;
      await eventually(() => (proxy.inflicted.get('tooManyRequestsNow') ?? 0) > refused + 4, {
        what: 'more requests were refused',
        timeoutMs: form.patienceMs,
      });
      // Two at a time; reads, which are not refused here, count too.
      expect(proxy.takePeak()).toBeLessThanOrEqual(2);

      proxy.calm();
      await eventually(async () => expect(await limit()).toBeGreaterThanOrEqual(8), {
        what: 'the limit has recovered',
        timeoutMs: form.patienceMs,
      });
      expect(proxy.takePeak()).toBeGreaterThan(2);
      await expectOrder(cluster(), fleet);
    },
  );
}
