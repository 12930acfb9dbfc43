import { describe, expect, test } from 'vitest';
import type { SecurityBaseline } from '../../../src/api/types.generated.ts';
import { type FleetStateParts, readFleet } from '../../../src/controller/fleet-state.ts';
import type { NamespaceState } from '../../../src/controller/namespace-states.ts';
import { FakeClock } from '../runtime/fake-clock.ts';
import { desiredBy, failure, state } from './fixtures.ts';

const desired = desiredBy(['tenant']);
const weakening = { ...failure('tenant'), reason: 'Weakened' } as const;

function baseline(name: string, ready: string, observedGeneration = 2): SecurityBaseline {
  return {
    metadata: { name, uid: `uid-of-${name}`, generation: 2 },
    spec: { namespaceSelector: {} },
    status: {
      observedGeneration,
      conditions: [{ type: 'Ready', status: ready, reason: 'R', message: '', lastTransitionTime: '' }],
    },
  } as unknown as SecurityBaseline;
}

function read(states: readonly NamespaceState[], rest: Partial<FleetStateParts> = {}) {
  return readFleet({
    cluster: { baselines: [], namespaces: () => [] },
    desiredStates: { judge: () => [] },
    states: states as unknown as FleetStateParts['states'],
    gate: { holds: new Map() },
    rivals: { count: 0 },
    admission: { problemOf: () => undefined },
    clock: new FakeClock(),
    ...rest,
  });
}

describe('namespaces', () => {
  test('are in one state each', () => {
    const { namespaces } = read([
      state('a', desired),
      state('b', desired, { phase: 'pending' }),
      state('c', desired, { phase: 'failing', failures: [failure('platform')] }),
      state('d', desired, { phase: 'failing', failures: [weakening] }),
      state('e', desired, { phase: 'failing', failures: [weakening, failure('tenant')] }),
      state('f', desiredBy([])),
      state('g', desiredBy([], { auditing: ['trial'] })),
    ]);
    expect(namespaces).toEqual({ hardened: 1, pending: 1, failing: 2, weakened: 1, uncovered: 2 });
  });

  test('that are not hardened tell for how long the oldest of them has not been', async () => {
    const clock = new FakeClock();
    await clock.advance(100_000);
    const since = clock.monotonic();
    const { oldestUnhardened } = read(
      [
        state('a', desired, { since: since - 90_000 }),
        state('b', desired, { phase: 'pending', since: since - 5_000 }),
        state('c', desired, { phase: 'failing', failures: [failure('tenant')], since: since - 20_000 }),
        state('d', desired, { phase: 'failing', failures: [failure('tenant')], since: since - 60_000 }),
      ],
      { clock },
    );
    expect(oldestUnhardened).toEqual({ pending: 5, failing: 60, weakened: 0 });
  });
});

test('a baseline is ready if its status says so of the baseline as it is', () => {
  const all = [baseline('a', 'True'), baseline('b', 'False'), baseline('c', 'True', 1)];
  const { baselines } = read([], {
    cluster: { baselines: all, namespaces: () => [] },
    admission: { problemOf: ({ metadata }) => (metadata.name === 'b' ? 'missing' : undefined) },
  });
  expect(baselines).toEqual({ ready: 1, notReady: 2, withoutAdmission: 1 });
});

test('held removals add up', () => {
  const hold = { uid: 'u', name: 'n', reason: 'ManyNamespaces', namespaces: 12 } as const;
  const holds = new Map([
    ['u', hold],
    ['v', { ...hold, uid: 'v', namespaces: 30 }],
  ]);
  expect(read([], { gate: { holds } }).removalHolds).toEqual({ baselines: 2, namespaces: 42 });
});

test('an exception ends soon a day before, or within the last tenth of a shorter life', async () => {
  const clock = new FakeClock();
  const hour = 3_600_000;
  const exception = (lifeMs: number, leftMs: number, name = 'x') => {
    const changesAt = clock.now() + leftMs;
    const creationTimestamp = new Date(changesAt - lifeMs).toISOString();
    return { exception: { metadata: { name, creationTimestamp } }, verdict: { state: 'Active', changesAt } };
  };
  const judged = [
    exception(100 * 24 * hour, 25 * hour),
    exception(100 * 24 * hour, 23 * hour),
    exception(10 * hour, 2 * hour),
    exception(10 * hour, hour / 2),
    { exception: { metadata: { name: 'y' } }, verdict: { state: 'Expired' } },
  ];
  const { exceptions } = read([], {
    clock,
    cluster: { baselines: [], namespaces: () => [{}] as never },
    desiredStates: { judge: () => judged as never },
  });
  expect(Object.fromEntries(exceptions.byState)).toEqual({ Active: 4, Expired: 1 });
  expect(exceptions.secondsLeft).toHaveLength(4);
  expect(exceptions.endingSoon).toBe(2);
});
