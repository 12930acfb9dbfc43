/** Every alert, asked of promtool: that it fires when it should, and stays silent where somebody might think that it should. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { prometheusProgram } from '../../tools/foreign/prometheus.ts';
import { cases, type Series } from './monitoring-alert-cases.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<'summary' | 'description' | 'runbook_url', string>>;
}

interface RuleGroups {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
}

const root = new URL('../../', import.meta.url).pathname;
const rulesFile = join(root, 'config/monitoring/rules.yaml');
let promtool: string;
let rules: readonly Rule[];
let folder: string;

beforeAll(async () => {
  promtool = await prometheusProgram('promtool');
  const { groups } = parse(await readFile(rulesFile, 'utf8')) as RuleGroups;
  rules = groups.flatMap((group) => group.rules);
  folder = await mkdtemp(join(tmpdir(), 'alerts-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(...args: readonly string[]): Promise<string> {
  return await promisify(execFile)(promtool, args).then(
    ({ stdout, stderr }) => stdout + stderr,
    (error: Error & { stdout?: string; stderr?: string }) => {
      throw new Error(`${error.stdout}${error.stderr}`, { cause: error });
    },
  );
}

/** Has promtool compare what fires at a time with what is expected to. */
async function expectAlerts(alert: string, series: Series, at: string, expected: readonly object[]) {
  const file = join(folder, 'case.yaml');
  const tests = [
    {
      interval: '1m',
      input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
      alert_rule_test: [{ eval_time: at, alertname: alert, exp_alerts: expected }],
    },
  ];
  await writeFile(file, stringify({ rule_files: [rulesFile], evaluation_interval: '1m', tests }));
  await run('test', 'rules', file);
}

test('promtool finds nothing wrong with the rules', async () => {
  expect(await run('check', 'rules', '--lint=all', '--lint-fatal', rulesFile)).toContain(
    `SUCCESS: ${rules.length} rules found`,
  );
});

test('the rules for the Prometheus operator are the same', async () => {
  const text = await readFile(join(root, 'config/monitoring/prometheus-rules.yaml'), 'utf8');
  expect((parse(text) as { spec: RuleGroups }).spec).toEqual(parse(await readFile(rulesFile, 'utf8')));
});

test('every alert is tried', () => {
  expect(cases.map(({ alert }) => alert).toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted());
});

describe.each(cases)('$alert', ({ alert, fires, silent }) => {
  test('fires, and says what it is about', async () => {
    const rule = rules.find((each) => each.alert === alert);
    if (rule === undefined) throw new Error(`there is no rule ${alert}`);
    const expected = {
      exp_labels: { ...fires.labels, ...rule.labels },
      exp_annotations: { ...rule.annotations, description: fires.description },
    };
    await expectAlerts(alert, fires.series, fires.at, [expected]);
  });

  test.each(Object.entries(silent))('is silent: %s', async (_why, { series, at }) => {
    await expectAlerts(alert, series, at, []);
  });
});
