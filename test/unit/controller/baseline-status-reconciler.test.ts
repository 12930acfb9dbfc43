import { describe, expect, test } from 'vitest';
import type { SecurityBaseline, SecurityBaselineStatus } from '../../../src/api/types.generated.ts';
import {
  BaselineStatusReconciler,
  type BaselineStatusReconcilerParts,
} from '../../../src/controller/baseline-status-reconciler.ts';
import { FakeClock } from '../runtime/fake-clock.ts';

const nothing = (): void => undefined;
const resyncIntervalMs = 600_000;

/** The reconciler of one baseline's status. `write` gets what it would write; the store is `baseline`. */
function reconcilerOf(
  baseline: Pick<SecurityBaseline, 'metadata' | 'spec'> & { status?: SecurityBaselineStatus },
  write: (status: SecurityBaselineStatus) => Promise<void>,
) {
  const clock = new FakeClock();
  const statuses = new BaselineStatusReconciler({
    cluster: { baselines: [baseline] },
    desiredStates: { ofBaseline: () => ({ problems: [] }) },
    states: { size: 0, [Symbol.iterator]: () => [].values() },
    reconsiderHolds: nothing,
    notesOf: () => ({}),
    isReady: () => true,
    write: (_baseline: SecurityBaseline, status: SecurityBaselineStatus) => write(status),
    resyncIntervalMs,
    clock,
    logger: { warn: nothing, info: nothing },
  } as unknown as BaselineStatusReconcilerParts);
  return { clock, statuses };
}

function baseline(): Pick<SecurityBaseline, 'metadata' | 'spec'> & { status?: SecurityBaselineStatus } {
  return {
    metadata: { name: 'tenant', uid: 'uid-of-tenant', generation: 1 },
    spec: { namespaceSelector: {} },
  };
}

test('one status is written at a time, so that a slow write cannot land upon a newer one', async () => {
  const written: SecurityBaselineStatus[] = [];
  let answer = (): void => {};
  const { clock, statuses } = reconcilerOf(baseline(), (status) => {
    written.push(status);
    return new Promise<void>((resolve) => {
      answer = resolve;
    });
  });
  statuses.start();
  await clock.advance(1_000);
  expect(written).toHaveLength(1);
  statuses.changed();
  await clock.advance(10_000);
  expect(written).toHaveLength(1);
  answer();
  await clock.advance(1_000);
  expect(written).toHaveLength(2);
  const stopped = statuses.stop();
  answer();
  await stopped;
  expect(clock.pendingTimers).toBe(0);
});

describe('a resync', () => {
  test('brings back a status that somebody else has overwritten, though nothing else has changed', async () => {
    const stored = baseline();
    const { clock, statuses } = reconcilerOf(stored, async (status) => {
      stored.status = status;
    });
    statuses.start();
    await clock.advance(1_000);
    const ours = stored.status;
    expect(ours).toMatchObject({ observedGeneration: 1 });
    stored.status = { ...ours, namespaces: { selected: 9 } };
    await clock.advance(resyncIntervalMs + 1_000);
    expect(stored.status).toEqual(ours);
    await statuses.stop();
  });

  test('writes nothing where nothing differs, and none comes after the end', async () => {
    const stored = baseline();
    let writes = 0;
    const { clock, statuses } = reconcilerOf(stored, async (status) => {
      stored.status = status;
      writes += 1;
    });
    statuses.start();
    await clock.advance(10 * resyncIntervalMs);
    expect(writes).toBe(1);
    await statuses.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});
