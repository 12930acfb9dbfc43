import { describe, expect, test } from 'vitest';
import { managedKindNames } from '../../../src/api/kinds.ts';
import { ReconcileLogs } from '../../../src/controller/reconcile-logs.ts';
import { Reporter } from '../../../src/controller/reporter.ts';
import type { Change } from '../../../src/diff/change-set.ts';
import type { ObservedNamespace } from '../../../src/diff/observed-namespace.ts';
import type { EventInput } from '../../../src/kube/event-recorder.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { FakeClock } from '../runtime/fake-clock.ts';
import { desiredBy, failure, state } from './fixtures.ts';
import { KeptLog } from './kept-log.ts';

function reporting() {
  const log = new KeptLog();
  const logs = new ReconcileLogs(log);
  const metrics = new Metrics('1');
  const events: EventInput[] = [];
  const clock = new FakeClock();
  const record = (event: EventInput): void => void events.push(event);
  const reporter = new Reporter({ record, logs, metrics: metrics.baseline, clock });
  const samples = async (): Promise<string[]> =>
    (await metrics.registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return { reporter, logs, metrics, events, samples, clock, lines: log.lines };
}

function namespace(name: string): ObservedNamespace {
  return { name, uid: `uid-of-${name}` } as ObservedNamespace;
}

function edited(kind: string, name: string, rival: string | undefined): Change {
  const desired = { kind, name, baseline: { name: 'tenant', uid: 'u' } };
  return { action: 'replace', desired, observed: { kind, name, rival }, why: 'edited' } as unknown as Change;
}

const team = namespace('team-a');

describe('a repair', () => {
  test('is one line, with the reconcile, the object and who changed it; one event; one count', async () => {
    const { reporter, logs, lines, events, samples } = reporting();
    logs.begin('team-a');
    reporter.changed(team, [edited('NetworkPolicy', 'tenant.default-deny', 'kubectl-edit')], () => true);
    expect(lines).toEqual([
      {
        level: 'warn',
        message: 'drift repaired',
        reconcileId: expect.stringMatching(/^[0-9a-f]{6}-1$/),
        namespace: 'team-a',
        object: { kind: 'NetworkPolicy', name: 'tenant.default-deny' },
        action: 'replace',
        reason: 'DriftRepaired',
        found: 'NetworkPolicy tenant.default-deny was changed by kubectl-edit',
        actor: 'kubectl-edit',
      },
    ]);
    expect(events).toHaveLength(1);
    expect(await samples()).toContain(
      'security_baseline_drift_repairs_total{kind="NetworkPolicy",actor="kubectl"} 1',
    );
  });

  test('that takes an impostor away, with nothing to put in its place, says so', () => {
    const { reporter, events } = reporting();
    const observed = { kind: 'NetworkPolicy', name: 'tenant.allow-internet', rival: 'kubectl' };
    const leftover = { action: 'delete', observed } as unknown as Change;
    reporter.changed(team, [{ ...leftover, why: 'impostor' } as Change, leftover], () => true);
    expect(events).toMatchObject([
      {
        regarding: { kind: 'NetworkPolicy', name: 'tenant.allow-internet', namespace: 'team-a' },
        reason: 'ImpostorReplaced',
        note: expect.stringMatching(
          /^a NetworkPolicy tenant.allow-internet that the operator did not make stood in place of its own; deleted, since /,
        ),
      },
    ]);
  });

  test('among other writes is not told twice', () => {
    const { reporter, lines } = reporting();
    const desired = { kind: 'Role', name: 'tenant.app' };
    const created = { action: 'create', desired } as unknown as Change;
    reporter.changed(team, [edited('Role', 'tenant.web', undefined), created], () => false);
    expect(lines.map(({ message, changes }) => [message, changes])).toEqual([
      ['drift repaired', undefined],
      ['namespace changed', ['create Role tenant.app']],
    ]);
  });

  test('of what somebody unheard of changed is counted among others, and named in the log', async () => {
    const { reporter, lines, samples } = reporting();
    reporter.rival(team, edited('ResourceQuota', 'tenant.compute', 'my-own-tool'));
    expect(lines).toMatchObject([{ message: 'rival', actor: 'my-own-tool' }]);
    expect(await samples()).toContain('security_baseline_rivals_total{kind="ResourceQuota",actor="other"} 1');
  });
});

describe('the lines of a reconcile', () => {
  test('carry its id, and no line of another one does', () => {
    const { reporter, logs, lines } = reporting();
    logs.begin('team-a');
    logs.begin('team-b');
    reporter.failing(team, [failure('tenant')]);
    reporter.failing(namespace('team-b'), [failure('platform')]);
    reporter.hardened(team, state('team-a', desiredBy(['tenant']), { phase: 'pending', pending: 'new' }));
    const [first, other, second] = lines.map(({ reconcileId }) => reconcileId);
    expect(first).toBe(second);
    expect(first).not.toBe(other);
    logs.end('team-a');
    logs.of('team-a').info('between two');
    expect(lines.at(-1)).not.toHaveProperty('reconcileId');
    logs.begin('team-a');
    reporter.failing(team, [failure('tenant')]);
    expect(lines.at(-1)?.reconcileId).not.toBe(first);
  });

  test('say which namespace, also when no reconcile is in work', () => {
    const { logs, lines } = reporting();
    logs.of('team-a').info('x');
    expect(lines).toEqual([{ level: 'info', message: 'x', namespace: 'team-a' }]);
  });
});

describe('10,000 namespaces', () => {
  /** What happens in namespaces, each with tools of its own. */
  async function samplesAfter(count: number): Promise<string[]> {
    const { reporter, metrics, samples } = reporting();
    for (let index = 0; index < count; index += 1) {
      const name = `team-${index}`;
      const ns = namespace(name);
      const before = state(name, desiredBy(['tenant']), { phase: 'pending', pending: 'new' });
      for (const kind of managedKindNames) {
        const change = edited(kind, `tenant.item-${index}`, `tool-${index}`);
        reporter.changed(ns, [change], () => true);
        reporter.rival(ns, change);
        for (const verb of ['create', 'update', 'patch', 'delete']) {
          const operation = { verb, resource: kind.toLowerCase(), namespace: name, name: `x-${index}` };
          metrics.observeRequest({ operation, code: '200', durationMs: index % 50 });
        }
      }
      reporter.hardened(ns, before);
      reporter.failing(ns, [failure('tenant', `of ${name}`)]);
      metrics.observeReconcile('namespace', 'success', index % 50);
      metrics.observeQueueWait('urgent', index % 50);
    }
    return await samples();
  }

  test('make no more series than 10, and no series names one', async () => {
    const few = await samplesAfter(10);
    const many = await samplesAfter(10_000);
    const seriesOf = (lines: readonly string[]) => lines.map((line) => line.slice(0, line.lastIndexOf(' ')));
    expect(seriesOf(many)).toEqual(seriesOf(few));
    expect(many.length).toBeLessThan(1_000);
    expect(many.join('\n')).not.toMatch(/team-\d|item-\d|tool-\d/);
  });
});
