import { describe, expect, it } from 'vitest';
import { Metrics } from '../../../src/telemetry/metrics.ts';

async function scrape(metrics: Metrics): Promise<string[]> {
  return (await metrics.registry.metrics()).split('\n');
}

describe('Metrics', () => {
  it('count requests by verb, resource and code, and nothing else', async () => {
    const metrics = new Metrics('1.2.3');
    const operation = { verb: 'create', resource: 'networkpolicies', namespace: 'team-a', name: 'x' };
    metrics.observeRequest({ operation, code: '201', durationMs: 2 });
    const lines = await scrape(metrics);
    expect(lines).toContain(
      'security_baseline_api_requests_total{verb="create",resource="networkpolicies",code="201"} 1',
    );
    expect(lines).toContain(
      'security_baseline_api_request_duration_seconds_bucket{le="0.0025",verb="create",resource="networkpolicies"} 1',
    );
    expect(lines.join()).not.toContain('team-a');
  });

  it('read the queue, the watches, the leader and the limit when somebody scrapes', async () => {
    const metrics = new Metrics('1.2.3');
    metrics.sources.queue = () => ({
      urgent: { depth: 3, oldestAgeSeconds: 1.5 },
      normal: { depth: 900, oldestAgeSeconds: 20 },
    });
    metrics.sources.watches = () => [
      { resource: 'namespaces', ageSeconds: 9, isStale: false },
      { resource: 'roles', ageSeconds: undefined, isStale: true },
    ];
    metrics.sources.isLeader = () => true;
    metrics.sources.inFlight = () => ({ current: 4, limit: 32 });
    const lines = await scrape(metrics);
    expect(lines).toEqual(
      expect.arrayContaining([
        'security_baseline_queue_depth{lane="urgent"} 3',
        'security_baseline_queue_depth{lane="normal"} 900',
        'security_baseline_queue_oldest_age_seconds{lane="urgent"} 1.5',
        'security_baseline_watch_age_seconds{resource="namespaces"} 9',
        'security_baseline_watch_stale{resource="namespaces"} 0',
        'security_baseline_watch_stale{resource="roles"} 1',
        'security_baseline_leader 1',
        'security_baseline_api_requests_in_flight 4',
        'security_baseline_api_requests_in_flight_limit 32',
      ]),
    );
    expect(lines.join()).not.toContain('security_baseline_watch_age_seconds{resource="roles"}');
  });

  it('count a first repair as an increase: the counter was there before, at none', async () => {
    const metrics = new Metrics('1');
    const series = 'security_baseline_drift_repairs_total{kind="NetworkPolicy",actor="kubectl"}';
    expect(await scrape(metrics)).toContain(`${series} 0`);
    metrics.baseline.countDriftRepair('NetworkPolicy', 'kubectl');
    expect(await scrape(metrics)).toContain(`${series} 1`);
  });

  it('keep to a registry of their own, so that two may exist', async () => {
    expect(await scrape(new Metrics('1'))).toContain(
      `security_baseline_build_info{version="1",node_version="${process.version}"} 1`,
    );
    expect(() => new Metrics('2')).not.toThrow();
  });

  it('follow the naming conventions of Prometheus', async () => {
    const metrics = await new Metrics('1').registry.getMetricsAsJSON();
    const ours = metrics.filter(({ name }) => name.startsWith('security_baseline_'));
    expect(ours.map(({ name }) => name).toSorted()).toEqual(
      new Metrics('1').definitions.map(({ name }) => name).toSorted(),
    );
    for (const { name, type, help } of ours) {
      expect(name).toMatch(/^[a-z_]+$/);
      expect(name.endsWith('_total')).toBe(String(type) === 'counter');
      expect(help).not.toBe('');
    }
  });
});
