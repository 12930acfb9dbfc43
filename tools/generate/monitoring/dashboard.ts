/** The Grafana dashboard: first what is unprotected, then how fast, what drifts, and how the operator fares. */
import { metricPrefix } from '../../../src/telemetry/metric-factory.ts';
import {
  dataSource,
  layOut,
  type Panel,
  type Query,
  type Row,
  type StatPanel,
  type Step,
  type TimePanel,
} from './panels.ts';

/** PromQL with `$name` in place of a metric of ours with the dashboard's own choice of the job: `$leader`, `$namespaces{state="failing"}`. */
function query(expr: string): string {
  return expr.replaceAll(/\$(?!__|job\b)([a-z_]+)(?:\{([^}]*)\})?/g, (_, name: string, matchers?: string) => {
    const all = ['job="$job"', ...(matchers === undefined ? [] : [matchers])].join(',');
    return `${metricPrefix}${name}{${all}}`;
  });
}

type PanelOf<P extends Panel> = Omit<P, 'kind' | 'queries' | 'width'> & { readonly width?: number };

function stat(expr: string, panel: PanelOf<StatPanel>): StatPanel {
  return { kind: 'stat', width: 4, ...panel, queries: [{ expr: query(expr) }] };
}

function time(queries: readonly Query[], panel: PanelOf<TimePanel>): TimePanel {
  return {
    kind: 'time',
    width: 8,
    ...panel,
    queries: queries.map((each) => ({ ...each, expr: query(each.expr) })),
  };
}

const good = { from: 0, color: 'green' } as const;
const none = (color: Step['color']): readonly Step[] => [good, { from: 1, color }];

/** Quantiles of a histogram over what is seen on the screen. */
function quantiles(metric: string, by: readonly string[] = []): readonly Query[] {
  const labels = ['le', ...by].join(', ');
  return [0.5, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (${labels}) (rate($${metric}_bucket[$__rate_interval])))`,
    legend: [`p${quantile * 100}`, ...by.map((label) => `{{${label}}}`)].join(' '),
  }));
}

const rows: readonly Row[] = [
  {
    title: 'What is unprotected',
    panels: [
      stat('sum($namespaces{state="failing"})', {
        title: 'Failing',
        description:
          'Namespaces in which something stands in the way. `kubectl get securitybaselines` names them.',
        steps: none('red'),
      }),
      stat('sum($namespaces{state="weakened"})', {
        title: 'Weakened',
        description: "Namespaces in which a tenant's own NetworkPolicy opens what a baseline denies.",
        steps: none('orange'),
      }),
      stat('sum($namespaces{state="pending"})', {
        title: 'Pending',
        description: 'Namespaces that are on their way. In a rollout this counts down.',
        steps: none('yellow'),
      }),
      stat('max($unhardened_oldest_age_seconds)', {
        title: 'Not hardened for',
        description: 'How long the namespace that has waited longest has not been hardened.',
        unit: 's',
        steps: [good, { from: 60, color: 'yellow' }, { from: 600, color: 'red' }],
      }),
      stat('sum($namespaces{state="uncovered"})', {
        title: 'Uncovered',
        description:
          'Namespaces that no enforcing baseline selects, protected ones aside. That may be meant.',
        steps: none('blue'),
      }),
      stat('sum($namespaces{state="hardened"}) / sum($namespaces{state!="uncovered"})', {
        title: 'Hardened, of those selected',
        description: 'The share of namespaces with an enforcing baseline that are as it declares.',
        unit: 'percentunit',
        steps: [
          { from: 0, color: 'red' },
          { from: 0.95, color: 'yellow' },
          { from: 1, color: 'green' },
        ],
      }),
      stat('sum($baselines{ready="false"})', {
        title: 'Baselines not Ready',
        description: 'The operator cannot do all that they ask for; their Ready condition says why.',
        steps: none('red'),
      }),
      stat('sum($baselines_without_admission)', {
        title: 'Without admission',
        description: 'Baselines that ask for decisions at admission while the policies are not installed.',
        steps: none('red'),
      }),
      stat('sum($removal_held_namespaces)', {
        title: 'Removal held',
        description:
          'Namespaces that keep their protection only until somebody confirms or undoes its removal.',
        steps: none('orange'),
      }),
      stat('sum($rival_objects)', {
        title: 'Fought over',
        description: 'Objects that somebody changes again as soon as they have been put back.',
        steps: none('orange'),
      }),
      stat('sum($exceptions_ending_soon)', {
        title: 'Exceptions that end soon',
        description: 'What they allow is denied again within a day, or the last tenth of a shorter life.',
        steps: none('yellow'),
      }),
      stat('sum($audit_changes)', {
        title: 'Would change',
        description: 'Changes that baselines in Audit mode would make if they enforced.',
        steps: none('blue'),
      }),
      time([{ expr: 'sum by (state) ($namespaces)', legend: '{{state}}' }], {
        title: 'Namespaces by state',
        description: 'All namespaces but protected and terminating ones.',
        stacked: true,
        width: 24,
      }),
    ],
  },
  {
    title: 'Speed',
    panels: [
      time(quantiles('time_to_hardened_seconds'), {
        title: 'Time to hardened',
        description:
          'From the operator seeing a namespace that is new, or newly selected, until all was in place.',
        unit: 's',
      }),
      time([{ expr: 'sum(rate($time_to_hardened_seconds_count[$__rate_interval]))' }], {
        title: 'Newly hardened a second',
        description: 'Namespaces that were new or newly selected.',
      }),
      time(
        [
          {
            expr: 'sum by (kind, action) (rate($writes_total[$__rate_interval]))',
            legend: '{{kind}} {{action}}',
          },
        ],
        {
          title: 'Writes a second',
          description: 'At rest there are none.',
        },
      ),
    ],
  },
  {
    title: 'Drift',
    panels: [
      time(
        [
          {
            expr: 'sum by (kind) (increase($drift_repairs_total[$__rate_interval])) > 0',
            legend: '{{kind}}',
          },
        ],
        {
          title: 'Repairs by kind',
          description: 'Managed objects put right after somebody else changed or deleted them.',
          stacked: true,
        },
      ),
      time(
        [
          {
            expr: 'sum by (actor) (increase($drift_repairs_total[$__rate_interval])) > 0',
            legend: '{{actor}}',
          },
        ],
        {
          title: 'Repairs by who changed it',
          description: 'By its own word, and unknown where it was deleted. Logs and Events name others.',
          stacked: true,
        },
      ),
      time(
        [
          {
            expr: 'sum by (kind, actor) (increase($rivals_total[$__rate_interval]))',
            legend: '{{kind}} {{actor}}',
          },
        ],
        {
          title: 'Fights begun',
          description: 'Somebody began to change an object again and again.',
        },
      ),
    ],
  },
  {
    title: 'API health',
    panels: [
      time([{ expr: 'sum by (code) (rate($api_requests_total[$__rate_interval]))', legend: '{{code}}' }], {
        title: 'Requests a second by code',
        description: 'A failure without an answer has the name of its kind.',
        unit: 'reqps',
        stacked: true,
      }),
      time(
        [
          {
            expr:
              '(sum(rate($api_requests_total{code=~"401|429|5..|timeout|network|unknown"}[$__rate_interval])) or vector(0))' +
              ' / sum(rate($api_requests_total[$__rate_interval]))',
          },
        ],
        {
          title: 'Failed or turned away',
          description:
            'Refusals that say something of the object (conflict, forbidden, not found) are not counted.',
          unit: 'percentunit',
        },
      ),
      time(quantiles('api_request_duration_seconds', ['verb']), {
        title: 'Request duration by verb',
        description: 'Until the whole answer was read; of watches, until it began.',
        unit: 's',
      }),
      time(
        [
          { expr: 'max($api_requests_in_flight)', legend: 'in flight' },
          { expr: 'max($api_requests_in_flight_limit)', legend: 'bound' },
        ],
        { title: 'Requests in flight', description: 'The bound falls when the API server is overloaded.' },
      ),
      time([{ expr: 'max by (resource) ($watch_age_seconds)', legend: '{{resource}}' }], {
        title: 'Watches last heard',
        description: 'One in order is heard each minute.',
        unit: 's',
      }),
      time(
        [
          {
            expr: 'sum by (reason) (increase($watch_restarts_total[$__rate_interval]))',
            legend: 'failed: {{reason}}',
          },
          { expr: 'sum(increase($watch_relists_total[$__rate_interval]))', legend: 'complete lists' },
        ],
        {
          title: 'Watches opened again',
          description: 'A watch that the server ended in order is not counted.',
        },
      ),
    ],
  },
  {
    title: 'Queue',
    panels: [
      time([{ expr: 'sum by (lane) ($queue_depth)', legend: '{{lane}}' }], {
        title: 'Namespaces that wait',
        description: 'Urgent: new, drifted, or due at a time. Normal: a rollout, or a resync.',
      }),
      time(quantiles('queue_wait_seconds', ['lane']), {
        title: 'Wait for a worker',
        description: 'Urgent ones go first.',
        unit: 's',
      }),
      time(
        [
          { expr: 'sum by (result) (rate($reconciles_total[$__rate_interval]))', legend: '{{result}}' },
          {
            expr: 'sum by (lane) (rate($queue_retries_total[$__rate_interval]))',
            legend: 'retried, {{lane}}',
          },
        ],
        { title: 'Reconciles a second', description: 'A failed one is tried again, with growing pauses.' },
      ),
    ],
  },
  {
    title: 'Exceptions',
    panels: [
      time([{ expr: 'sum by (state) ($exceptions)', legend: '{{state}}' }], {
        title: 'Exceptions by state',
        description: 'BaselineExceptions in all namespaces.',
        stacked: true,
        width: 12,
      }),
      time([{ expr: 'sum by (within) ($exceptions_ending)', legend: 'within {{within}}' }], {
        title: 'Exceptions that end within',
        description: 'Each is counted in every longer time, too.',
        width: 12,
      }),
    ],
  },
  {
    title: 'Replicas',
    panels: [
      time([{ expr: '$leader', legend: '{{instance}}' }], {
        title: 'Who leads',
        description: 'One replica has 1; the others follow, with warm caches.',
        width: 6,
      }),
      time([{ expr: 'process_resident_memory_bytes{job="$job"}', legend: '{{instance}}' }], {
        title: 'Memory',
        description: 'Resident memory of the process. Its limit is in the Deployment.',
        unit: 'bytes',
        width: 6,
      }),
      time(
        [{ expr: 'rate(process_cpu_seconds_total{job="$job"}[$__rate_interval])', legend: '{{instance}}' }],
        {
          title: 'CPU',
          description: 'Cores in use. There is no limit on them, on purpose.',
          width: 6,
        },
      ),
      time([{ expr: 'nodejs_eventloop_lag_p99_seconds{job="$job"}', legend: '{{instance}}' }], {
        title: 'Event loop lag',
        description: 'p99: how late the process gets to what is due.',
        unit: 's',
        width: 6,
      }),
    ],
  },
];

/** The dashboard's file, with its text. */
export function dashboardFiles(): ReadonlyMap<string, string> {
  const dashboard = {
    uid: 'security-baseline',
    title: 'Security Baseline',
    description: 'Generated by `make generate` from tools/generate/monitoring/dashboard.ts.',
    tags: ['security', 'kubernetes'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus', current: {} },
        {
          name: 'job',
          label: 'Job',
          type: 'query',
          datasource: dataSource,
          query: { query: `label_values(${metricPrefix}build_info, job)`, refId: 'job' },
          definition: `label_values(${metricPrefix}build_info, job)`,
          refresh: 2,
          sort: 1,
          current: {},
        },
      ],
    },
    panels: layOut(rows),
  };
  return new Map([['config/monitoring/dashboard.json', `${JSON.stringify(dashboard, undefined, 2)}\n`]]);
}
