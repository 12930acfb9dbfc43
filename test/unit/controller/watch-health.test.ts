import { expect, test } from 'vitest';
import { type HeardWatch, WatchHealth } from '../../../src/controller/watch-health.ts';
import { FakeClock } from '../runtime/fake-clock.ts';

function healthOf(watchesAt: (nowMs: number) => Readonly<Record<string, HeardWatch>>) {
  const clock = new FakeClock();
  const watches = watchesAt(clock.monotonic());
  const health = new WatchHealth(clock, 150_000, ['namespaces', 'roles']);
  for (const [resource, watch] of Object.entries(watches)) health.add(resource, watch);
  return {
    clock,
    failures: () => health.checks.map((check) => check.failure()),
    states: () => health.states,
  };
}

test('a watch that has not begun, or has no list yet, is not ready', () => {
  const { failures, states } = healthOf((now) => ({
    namespaces: { hasSynced: false, lastActivityMs: now },
  }));
  expect(failures()).toEqual(['not synced yet', 'not synced yet']);
  expect(states()).toEqual([
    { resource: 'namespaces', ageSeconds: 0, isStale: true },
    { resource: 'roles', ageSeconds: undefined, isStale: true },
  ]);
});

test('a watch is stale when it is silent for twice its idle timeout, and not before', async () => {
  const { clock, failures, states } = healthOf((now) => {
    const heard = { hasSynced: true, lastActivityMs: now };
    return { namespaces: heard, roles: heard };
  });
  await clock.advance(300_000);
  expect(failures()).toEqual([undefined, undefined]);
  await clock.advance(1_000);
  expect(failures()).toEqual(['not heard from for 301 s', 'not heard from for 301 s']);
  expect(states()[0]).toEqual({ resource: 'namespaces', ageSeconds: 301, isStale: true });
});
