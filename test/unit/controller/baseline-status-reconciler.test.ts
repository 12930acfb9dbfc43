import { expect, test } from 'vitest';
import type { SecurityBaseline, SecurityBaselineStatus } from '../../../src/api/types.generated.ts';
import {
  BaselineStatusReconciler,
  type BaselineStatusReconcilerParts,
} from '../../../src/controller/baseline-status-reconciler.ts';
import { FakeClock } from '../runtime/fake-clock.ts';

const baseline = {
  metadata: { name: 'tenant', uid: 'uid-of-tenant', generation: 1 },
  spec: { namespaceSelector: {} },
};

test('one status is written at a time, so that a slow write cannot land upon a newer one', async () => {
  const clock = new FakeClock();
  const written: SecurityBaselineStatus[] = [];
  let answer = (): void => {};
  const nothing = (): void => undefined;
  const statuses = new BaselineStatusReconciler({
    cluster: { baselines: [baseline] },
    desiredStates: { ofBaseline: () => ({ problems: [] }) },
    states: { size: 0, [Symbol.iterator]: () => [].values() },
    reconsiderHolds: nothing,
    notesOf: () => ({}),
    isReady: () => true,
    write: (_baseline: SecurityBaseline, status: SecurityBaselineStatus) => {
      written.push(status);
      return new Promise<void>((resolve) => {
        answer = resolve;
      });
    },
    clock,
    logger: { warn: nothing, info: nothing },
  } as unknown as BaselineStatusReconcilerParts);
  statuses.start();
  await clock.advance(1_000);
  expect(written).toHaveLength(1);
  statuses.changed();
  await clock.advance(10_000);
  expect(written).toHaveLength(1);
  answer();
  await clock.advance(1_000);
  expect(written).toHaveLength(2);
  answer();
  await statuses.stop();
});
