/**
 * The dashboard, asked of a real Prometheus that scrapes two replicas of the operator: every query of every panel, what the alert rules
 * come to, and whether the numbers are the cluster's. The commands of the runbooks are tried on the same cluster.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prometheusProgram } from '../../tools/foreign/prometheus.ts';
import { readPages, stepsOf } from '../support/docs-pages.ts';
import { eventually } from '../support/eventually.ts';
import { PrometheusServer, type Series } from '../support/prometheus-server.ts';
import { MonitoredCluster } from './monitored-cluster.ts';

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly description: string;
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly type: string; readonly definition?: string }[] };
}

const root = new URL('../../', import.meta.url).pathname;
const job = 'security-baseline-operator';
const dashboard = JSON.parse(
  await readFile(join(root, 'config/monitoring/dashboard.json'), 'utf8'),
) as Dashboard;
const panels = dashboard.panels.filter(({ type }) => type !== 'row');

/** Panels that show nothing when nothing is wrong, as here. */
const quiet = [
  'Fights begun',
  'Watches opened again: failed: {{reason}}',
  'Reconciles a second: retried, {{lane}}',
];

let cluster: MonitoredCluster;
let prometheus: PrometheusServer;

beforeAll(async () => {
  cluster = await MonitoredCluster.start();
  const ruleFiles = [join(root, 'config/monitoring/rules.yaml')];
  prometheus = await PrometheusServer.start({ job, targets: cluster.targets, ruleFiles });
  // Counters have to be seen before they count.
  await eventually(async () => (await prometheus.query('security_baseline_build_info')).length === 2, {
    what: 'both replicas are scraped',
  });
  await cluster.fill();
  const filledAt = Date.now() / 1000;
  await eventually(
    async () => {
      const [scraped] = await prometheus.query('min(timestamp(security_baseline_build_info))');
      expect(scraped?.values[0]).toBeGreaterThan(filledAt);
      const repairs = await prometheus.query('sum(rate(security_baseline_drift_repairs_total[1m]))');
      expect(repairs[0]?.values[0]).toBeGreaterThan(0);
      expect(await shown('Namespaces by state')).toMatchObject({ hardened: 2, failing: 1, weakened: 1 });
    },
    { what: 'Prometheus knows of all that has happened', timeoutMs: 30_000 },
  );
});
afterAll(async () => {
  await prometheus?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

/** A query as Grafana sends it. */
function withVariables(expr: string): string {
  return expr.replaceAll('$job', job).replaceAll('$__rate_interval', '1m');
}

/** What a panel shows now, by its only label. */
async function shown(title: string): Promise<Readonly<Record<string, number>>> {
  const panel = panels.find((each) => each.title === title);
  const series = await prometheus.query(withVariables(panel?.targets?.[0]?.expr ?? ''));
  return Object.fromEntries(
    series.map(({ labels, values }) => [Object.values(labels).join(' '), values[0] ?? Number.NaN]),
  );
}

const queries = panels.flatMap(({ title, type, targets = [] }) =>
  targets.map(({ expr, legendFormat }) => ({
    name: targets.length > 1 ? `${title}: ${legendFormat}` : title,
    type,
    legendFormat,
    expr: withVariables(expr),
  })),
);

describe('the query of', () => {
  test.each(queries)('$name', async ({ name, type, expr, legendFormat }) => {
    expect(expr).not.toContain('$');
    const ask = (): Promise<readonly Series[]> =>
      type === 'stat' ? prometheus.query(expr) : prometheus.queryRange(expr);
    const series = await ask();
    if (quiet.includes(name)) return;
    expect(series.flatMap(({ values }) => values).filter(Number.isFinite)).not.toEqual([]);
    const labels = Array.from(legendFormat.matchAll(/\{\{(\w+)\}\}/g), ([, label = '']) => label);
    for (const each of series) expect(Object.keys(each.labels)).toEqual(expect.arrayContaining(labels));
    // A legend that leaves a label out would give two lines one name.
    if (labels.length === 0) expect(series).toHaveLength(1);
  });
});

test('every template variable that is asked of Prometheus has the job among its values', async () => {
  const asked = dashboard.templating.list.filter(({ type }) => type === 'query');
  expect(asked).toHaveLength(1);
  for (const { definition } of asked) {
    const [, metric = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(definition ?? '') ?? [];
    expect(await prometheus.labelValues(label, metric)).toEqual([job]);
  }
});

describe('what is shown', () => {
  test('of namespaces is what the statuses say', async () => {
    const { namespaces } = await cluster.scenario.status();
    const states = await shown('Namespaces by state');
    expect(states).toEqual({
      hardened: 2,
      pending: 0,
      failing: 1,
      weakened: 1,
      uncovered: namespaces?.uncovered,
    });
    expect(namespaces).toMatchObject({ hardened: states.hardened, failing: 2 });
    expect(await shown('Failing')).toEqual({ '': 1 });
    expect(await shown('Weakened')).toEqual({ '': 1 });
    expect(await shown('Pending')).toEqual({ '': 0 });
    expect(await shown('Uncovered')).toEqual({ '': namespaces?.uncovered });
    expect(await shown('Hardened, of those selected')).toEqual({ '': 0.5 });
    expect((await shown('Not hardened for'))['']).toBeGreaterThan(0);
  });

  test('of baselines is what their statuses say', async () => {
    expect(await shown('Baselines not Ready')).toEqual({ '': 1 });
    expect((await cluster.refused.status()).conditions).toHaveProperty('AdmissionOff');
    expect(await shown('Without admission')).toEqual({ '': 1 });
    expect(await shown('Would change')).toEqual({ '': await cluster.auditChanges() });
    expect(await shown('Removal held')).toEqual({ '': 0 });
    expect(await shown('Fought over')).toEqual({ '': 0 });
  });

  test('of exceptions is what the cluster has', async () => {
    expect(await cluster.harness.admin.list({ kind: 'BaselineException' })).toHaveLength(1);
    expect(await shown('Exceptions by state')).toEqual({ Active: 1 });
    expect(await shown('Exceptions that end within')).toEqual({ '1h': 1, '24h': 1, '7d': 1 });
    expect(await shown('Exceptions that end soon')).toEqual({ '': 0 });
  });

  test('of drift is what tenants read in their Events, by what and by whom', async () => {
    const repairs = await prometheus.query('security_baseline_drift_repairs_total > 0');
    expect(repairs.map(({ labels, values }) => [labels.kind, labels.actor, values[0]]).toSorted()).toEqual([
      ['NetworkPolicy', 'unknown', 1],
      ['ResourceQuota', 'kubectl', 1],
    ]);
    expect(await cluster.repairsSeen()).toHaveLength(2);
  });

  test('of hardening is what has been hardened: three namespaces that were new', async () => {
    const [hardened] = await prometheus.query('sum(security_baseline_time_to_hardened_seconds_count)');
    expect(hardened?.values).toEqual([3]);
  });

  test('of replicas is that one leads, and only that one tells of the fleet', async () => {
    const [leader = ''] = cluster.targets;
    expect(await shown('Who leads')).toSatisfy((replicas: Record<string, number>) =>
      Object.entries(replicas).every(([labels, leads]) => leads === (labels.includes(leader) ? 1 : 0)),
    );
    const fleet = await prometheus.query('count by (instance) (security_baseline_namespaces)');
    expect(fleet.map(({ labels }) => labels.instance)).toEqual([leader]);
  });
});

test('a replica has fewer than 1,500 series', async () => {
  const counts = await prometheus.query(`count by (instance) ({job="${job}",__name__!~"ALERTS.*"})`);
  expect(counts).toHaveLength(2);
  for (const { values } of counts) expect(values[0]).toBeLessThan(1500);
});

test('Prometheus can evaluate every alert rule', async () => {
  await eventually(
    async () => expect(new Set(Object.values(await prometheus.rules()))).toEqual(new Set(['ok'])),
    { what: 'every rule has been evaluated' },
  );
});

test('promtool finds nothing wrong with the metrics of a running operator', async () => {
  const promtool = await prometheusProgram('promtool');
  const metrics = await cluster.harness.operator.metrics();
  const output = await new Promise<string>((resolve) => {
    const child = execFile(promtool, ['check', 'metrics'], (error, stdout, stderr) => {
      resolve(`${error?.code ?? 0}${stdout}${stderr}`);
    });
    child.stdin?.end(metrics);
  });
  expect(output).toBe('0');
});

test('no panel lies upon another, and each says what it shows', () => {
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(panels.filter(({ description }) => description.length < 10)).toEqual([]);
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
});

describe('the runbooks', () => {
  const pages = readPages().filter(({ path }) => path.startsWith('docs/runbooks/'));

  test('have a page for each alert, and no other', async () => {
    const rules = Object.keys(await prometheus.rules());
    expect(pages.map(({ path }) => path).toSorted()).toEqual(
      ['README', ...rules].map((name) => `docs/runbooks/${name}.md`).toSorted(),
    );
    const alerts = pages.filter(({ path }) => !path.endsWith('README.md'));
    for (const { path, text } of alerts) {
      const headings = Array.from(text.matchAll(/^#+ (.*)$/gm), ([, heading]) => heading);
      const name = path.replace(/^.*\/(.*)\.md$/, '$1');
      expect(headings).toEqual([name, 'What it means', 'Look', 'Mend', 'Why this threshold']);
    }
  });

  /** Marked as not run where every page has a cluster of its own, since they are tried here. */
  const commands = pages.flatMap((page) =>
    stepsOf(page).flatMap((step) =>
      step.kind === 'not run' && step.reason.includes('monitoring-dashboard.test.ts')
        ? step.script.trim().replaceAll('\\\n', ' ').split('\n')
        : [],
    ),
  );

  test.each([...new Set(commands)])('%s', async (command) => {
    const script = command
      .replaceAll('NAMESPACE', cluster.namespace('failing'))
      .replaceAll('BASELINE', cluster.scenario.name);
    const { code, output } = await cluster.shell(script);
    // 2 says that something is not as it should be, which is what runbooks are about.
    expect({ code, output }).toEqual({
      code: script.includes('kubectl baseline') ? expect.toBeOneOf([0, 2]) : 0,
      output,
    });
  });
});
