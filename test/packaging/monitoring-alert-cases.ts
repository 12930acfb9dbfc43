/** What each alert is to fire on, and what not, for monitoring-alerts.test.ts. */
/** Series by name and labels, each with a value for each minute in promtool's notation: `0x3` is four of them. */
export type Series = Readonly<Record<string, string>>;

/** An alert, what it fires on, and near misses. */
export interface Case {
  readonly alert: string;
  readonly fires: {
    readonly series: Series;
    /** When to look. */
    readonly at: string;
    /** Beside the severity. */
    readonly labels: Readonly<Record<string, string>>;
    readonly description: string;
  };
  /** Why it does not fire, and on what. */
  readonly silent: Readonly<Record<string, { readonly series: Series; readonly at: string }>>;
}

const fleet = { job: 'security-baseline-operator', namespace: 'security-baseline-system' };

/** The labels of one replica's series, as a ServiceMonitor gives them. */
function replica(name: string): Readonly<Record<string, string>> {
  const service = 'security-baseline-operator-metrics';
  return {
    ...fleet,
    instance: `${name}:8080`,
    pod: name,
    container: 'operator',
    endpoint: 'metrics',
    service,
  };
}

/** Series of a replica: `$name{labels}`, with `$` for our prefix. */
function of(replicaName: string, series: Series): Series {
  const more = Object.entries(replica(replicaName)).map(([name, value]) => `${name}="${value}"`);
  return Object.fromEntries(
    Object.entries(series).map(([text, values]) => {
      const [, name = '', labels = ''] = /^([^{]+)(?:\{(.*)\})?$/.exec(text) ?? [];
      const all = [...(labels === '' ? [] : [labels]), ...more].join(',');
      return [`${name.replace('$', 'security_baseline_')}{${all}}`, values];
    }),
  );
}

/** One for each alert. */
export const cases: readonly Case[] = [
  {
    alert: 'SecurityBaselineOperatorAbsent',
    fires: {
      series: of('a', { '$build_info{version="1"}': '1x3 stale' }),
      at: '10m',
      labels: {},
      description:
        'Either none runs, and then new namespaces stay unprotected and drift is not repaired, or Prometheus does not find it.',
    },
    silent: {
      'one replica of two is gone': {
        series: { ...of('a', { $build_info: '1x3 stale' }), ...of('b', { $build_info: '1x60' }) },
        at: '30m',
      },
      'all are replaced within minutes': {
        series: of('a', { $build_info: '1x3 stale _x2 1x30' }),
        at: '6m',
      },
    },
  },
  {
    alert: 'SecurityBaselineOperatorReplicaDown',
    fires: {
      series: of('a', { up: '1x5 0x30' }),
      at: '17m',
      labels: replica('a'),
      description:
        'a:8080 has not answered for ten minutes. With one replica less, nobody takes over at once.',
    },
    silent: {
      'the target is of another job': {
        series: { 'up{job="somebody-else",instance="a:8080"}': '0x60' },
        at: '30m',
      },
      'it is moved to another node': { series: of('a', { up: '1x5 0x4 1x30' }), at: '10m' },
    },
  },
  {
    alert: 'SecurityBaselineOperatorRestarting',
    fires: {
      series: of('a', { process_start_time_seconds: '100x4 400x4 700x4 1000x20' }),
      at: '20m',
      labels: replica('a'),
      description: 'a:8080 has started 3 times within half an hour.',
    },
    silent: {
      'it was upgraded, and rolled back': {
        series: of('a', { process_start_time_seconds: '100x4 400x4 700x20' }),
        at: '20m',
      },
    },
  },
  {
    alert: 'SecurityBaselineNoLeader',
    fires: {
      series: { ...of('a', { $leader: '1x3 0x30' }), ...of('b', { $leader: '0x33' }) },
      at: '7m',
      labels: fleet,
      description: 'Replicas run, and none holds the Lease, so nothing is hardened or repaired.',
    },
    silent: {
      'the other one has taken over': {
        series: { ...of('a', { $leader: '1x3 0x30' }), ...of('b', { $leader: '0x3 1x30' }) },
        at: '7m',
      },
      'the takeover has just begun': {
        series: { ...of('a', { $leader: '1x3 0x30' }), ...of('b', { $leader: '0x33' }) },
        at: '5m',
      },
    },
  },
  {
    alert: 'SecurityBaselineWatchStale',
    fires: {
      series: of('a', { '$watch_stale{resource="roles"}': '0x3 1x30' }),
      at: '10m',
      labels: { ...replica('a'), resource: 'roles' },
      description: 'a:8080 has no current knowledge of roles: changes to it are not seen, and not repaired.',
    },
    silent: {
      'it has just started, and takes its first list': {
        series: of('a', { '$watch_stale{resource="roles"}': '1x2 0x30' }),
        at: '2m',
      },
    },
  },
  {
    alert: 'SecurityBaselineAPIErrors',
    fires: {
      series: of('a', {
        '$api_requests_total{verb="create",resource="roles",code="201"}': '0+90x60',
        '$api_requests_total{verb="create",resource="roles",code="500"}': '0+6x60',
        '$api_requests_total{verb="list",resource="roles",code="timeout"}': '0+4x60',
      }),
      at: '30m',
      labels: replica('a'),
      description: '10% of the requests of a:8080 fail or are turned away; hardening is late.',
    },
    silent: {
      'what is refused is the object, and not the request': {
        series: of('a', {
          '$api_requests_total{verb="update",resource="leases",code="200"}': '0+10x60',
          '$api_requests_total{verb="create",resource="roles",code="403"}': '0+50x60',
          '$api_requests_total{verb="update",resource="roles",code="409"}': '0+50x60',
        }),
        at: '30m',
      },
      'the API server restarts': {
        series: of('a', {
          '$api_requests_total{verb="update",resource="leases",code="200"}': '0+30x60',
          '$api_requests_total{verb="update",resource="leases",code="network"}': '0x20 100x40',
        }),
        at: '25m',
      },
    },
  },
  {
    alert: 'SecurityBaselineQueueSlow',
    fires: {
      series: of('a', { '$queue_oldest_age_seconds{lane="urgent"}': '0x2 90x30' }),
      at: '10m',
      labels: { ...replica('a'), lane: 'urgent' },
      description: 'The first of them on a:8080 has waited for 1m 30s.',
    },
    silent: {
      'a burst is over within minutes': {
        series: of('a', { '$queue_oldest_age_seconds{lane="urgent"}': '0x2 90x3 0x30' }),
        at: '5m',
      },
      'a rollout waits, and nothing urgent does': {
        series: of('a', {
          '$queue_oldest_age_seconds{lane="urgent"}': '1x30',
          '$queue_oldest_age_seconds{lane="normal"}': '900x30',
        }),
        at: '20m',
      },
    },
  },
  ...(['failing', 'pending', 'weakened'] as const).map(unhardened),
  {
    alert: 'SecurityBaselineNamespacesUncovered',
    fires: {
      series: of('a', { '$namespaces{state="uncovered"}': '4x90' }),
      at: '61m',
      labels: { ...fleet, state: 'uncovered' },
      description: '4 namespaces, protected ones aside, have no baseline. That may be meant.',
    },
    silent: {
      'a new team gets its labels within the hour': {
        series: of('a', { '$namespaces{state="uncovered"}': '4x40 0x60' }),
        at: '39m',
      },
      'every namespace has a baseline': {
        series: of('a', {
          '$namespaces{state="uncovered"}': '0x90',
          '$namespaces{state="hardened"}': '9x90',
        }),
        at: '80m',
      },
    },
  },
  {
    alert: 'SecurityBaselineNotReady',
    fires: {
      series: of('a', { '$baselines{ready="false"}': '1x60', '$baselines{ready="true"}': '3x60' }),
      at: '31m',
      labels: { ...fleet, ready: 'false' },
      description:
        '1 baselines: the operator cannot do all that they ask for. Their Ready condition says why.',
    },
    silent: {
      'it was rolled out in ten minutes': {
        series: of('a', { '$baselines{ready="false"}': '1x10 0x60', '$baselines{ready="true"}': '3x70' }),
        at: '10m',
      },
    },
  },
  {
    alert: 'SecurityBaselineRepairStorm',
    fires: {
      series: of('a', {
        '$drift_repairs_total{kind="Role",actor="flux"}': '0+12x60',
        '$drift_repairs_total{kind="ResourceQuota",actor="flux"}': '0+8x60',
      }),
      at: '30m',
      labels: { ...fleet, actor: 'flux' },
      description: '200 were put back within ten minutes after flux had changed or deleted them.',
    },
    silent: {
      'many change a little': {
        series: of('a', {
          '$drift_repairs_total{kind="Role",actor="flux"}': '0+9x60',
          '$drift_repairs_total{kind="Role",actor="kubectl"}': '0+9x60',
        }),
        at: '30m',
      },
      'somebody deleted five hundred by mistake, once': {
        series: of('a', { '$drift_repairs_total{kind="NetworkPolicy",actor="unknown"}': '0x10 500x60' }),
        at: '17m',
      },
    },
  },
  {
    alert: 'SecurityBaselineRival',
    fires: {
      series: of('a', { $rival_objects: '0x2 2x30' }),
      at: '15m',
      labels: fleet,
      description:
        '2 objects are changed again as soon as they have been put back. Between the two, they stand open.',
    },
    silent: {
      'somebody was told, and stopped': { series: of('a', { $rival_objects: '2x8 0x30' }), at: '8m' },
    },
  },
  {
    alert: 'SecurityBaselineRemovalHeld',
    fires: {
      series: of('a', { $removal_holds: '0x2 1x30' }),
      at: '10m',
      labels: fleet,
      description: 'Of 1 baselines. Somebody has to confirm it, or to undo what caused it.',
    },
    silent: {
      'it was confirmed at once': { series: of('a', { $removal_holds: '0x2 1x3 0x30' }), at: '5m' },
    },
  },
  {
    alert: 'SecurityBaselineExceptionEnding',
    fires: {
      series: of('a', { $exceptions_ending_soon: '0x2 1x30' }),
      at: '10m',
      labels: fleet,
      description:
        '1 of them: what they allow is denied again within a day, or within the last tenth of a shorter life.',
    },
    silent: {
      'its owner read the Event, and let go of it': {
        series: of('a', { $exceptions_ending_soon: '0x2 1x3 0x30' }),
        at: '5m',
      },
      'those that are in effect live on for days': {
        series: of('a', {
          $exceptions_ending_soon: '0x30',
          '$exceptions{state="Active"}': '5x30',
          '$exceptions_ending{within="7d"}': '5x30',
        }),
        at: '20m',
      },
    },
  },
  {
    alert: 'SecurityBaselineAdmissionMissing',
    fires: {
      series: of('a', { $baselines_without_admission: '2x40' }),
      at: '16m',
      labels: fleet,
      description: '2 baselines: the admission policies are not installed, so what they forbid is let in.',
    },
    silent: {
      'the policies are installed a little after the baselines': {
        series: of('a', { $baselines_without_admission: '2x11 0x40' }),
        at: '11m',
      },
    },
  },
];

/** The three states of a namespace that should be hardened and is not. */
function unhardened(state: 'failing' | 'pending' | 'weakened'): Case {
  const after = { failing: 15, pending: 10, weakened: 5 }[state];
  const ages = (series: { count: string; age: string }) => ({
    [`$namespaces{state="${state}"}`]: series.count,
    [`$unhardened_oldest_age_seconds{state="${state}"}`]: series.age,
  });
  return {
    alert: `SecurityBaselineNamespaces${state[0]?.toUpperCase()}${state.slice(1)}`,
    fires: {
      series: of('a', ages({ count: '3x40', age: '0+60x40' })),
      at: `${after + 3}m`,
      labels: { ...fleet, state },
      description: {
        failing:
          'In 3 namespaces something stands in the way, in one of them for more than 15 minutes. They are named in the status of their baselines.',
        pending:
          '3 namespaces wait, one of them for more than 10 minutes. A rollout over thousands takes one or two.',
        weakened:
          'In 3 namespaces, in one of them for more than 5 minutes. They are named in the status of their baselines.',
      }[state],
    },
    silent: {
      'there are always some, but none of them for long': {
        series: of('a', ages({ count: '50x120', age: '60x120' })),
        at: '100m',
      },
      'the last one is mended in time': {
        series: of('a', ages({ count: `1x${after - 1} 0x60`, age: `0+60x${after - 1} 0x60` })),
        at: `${after + 3}m`,
      },
    },
  };
}
