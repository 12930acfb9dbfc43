import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { FleetMetrics, type FleetState } from '../../../src/telemetry/fleet-metrics.ts';
import { MetricFactory } from '../../../src/telemetry/metric-factory.ts';

const fleet: FleetState = {
  namespaces: { hardened: 5, pending: 0, failing: 1, weakened: 0, uncovered: 3 },
  oldestUnhardened: { pending: 0, failing: 90, weakened: 0 },
  baselines: { ready: 2, notReady: 1, withoutAdmission: 1 },
  auditChanges: 7,
  removalHolds: { baselines: 1, namespaces: 40 },
  rivalObjects: 2,
  exceptions: {
    byState: new Map([
      ['Active', 3],
      ['Expired', 1],
    ]),
    secondsLeft: [60, 7200, 100_000],
    endingSoon: 1,
  },
};

/** Scrapes by a leader's state, or a follower's none. */
function fleetMetrics() {
  const registry = new Registry();
  let state: FleetState | undefined;
  let reads = 0;
  new FleetMetrics(new MetricFactory(registry), () => {
    reads += 1;
    return state;
  });
  return {
    async scrape(next: FleetState | undefined): Promise<string[]> {
      state = next;
      const lines = (await registry.metrics()).split('\n');
      return lines
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => line.replace('security_baseline_', ''));
    },
    reads: () => reads,
  };
}

describe('the fleet', () => {
  it('is counted once a scrape, and every gauge tells of that count', async () => {
    const metrics = fleetMetrics();
    expect(await metrics.scrape(fleet)).toEqual([
      'namespaces{state="hardened"} 5',
      'namespaces{state="pending"} 0',
      'namespaces{state="failing"} 1',
      'namespaces{state="weakened"} 0',
      'namespaces{state="uncovered"} 3',
      'unhardened_oldest_age_seconds{state="pending"} 0',
      'unhardened_oldest_age_seconds{state="failing"} 90',
      'unhardened_oldest_age_seconds{state="weakened"} 0',
      'baselines{ready="true"} 2',
      'baselines{ready="false"} 1',
      'exceptions{state="Active"} 3',
      'exceptions{state="Expired"} 1',
      'exceptions_ending{within="1h"} 1',
      'exceptions_ending{within="24h"} 2',
      'exceptions_ending{within="7d"} 3',
      'exceptions_ending_soon 1',
      'baselines_without_admission 1',
      'audit_changes 7',
      'removal_holds 1',
      'removal_held_namespaces 40',
      'rival_objects 2',
    ]);
    expect(metrics.reads()).toBe(1);
  });

  it('is told by the leader alone: who leads no more has no samples left to add up with the next one', async () => {
    const metrics = fleetMetrics();
    await metrics.scrape(fleet);
    expect(await metrics.scrape(undefined)).toEqual([]);
  });

  it('shows no state of exceptions that none is in any more', async () => {
    const metrics = fleetMetrics();
    await metrics.scrape(fleet);
    const none = { byState: new Map(), secondsLeft: [], endingSoon: 0 };
    const lines = await metrics.scrape({ ...fleet, exceptions: none });
    expect(lines.filter((line) => line.startsWith('exceptions{'))).toEqual([]);
    expect(lines).toContain('exceptions_ending{within="1h"} 0');
  });
});
