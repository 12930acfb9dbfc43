/** The alerts: what fires, for how long it must hold, and what it says. Each has a page in docs/runbooks. */
import { metricPrefix } from '../../../src/telemetry/metric-factory.ts';

/** One alert. Thresholds are in the expression; the page of its name says why they are what they are. */
export interface Alert {
  /** Without the common prefix. */
  readonly name: string;
  /** `critical`: protection may be failing now. `warning`: within the day. `info`: to be known. */
  readonly severity: 'critical' | 'warning' | 'info';
  /** PromQL, with `$` in place of the common prefix of our metrics, and `$replica` for the labels of one replica. */
  readonly expr: string;
  /** How long it must hold. */
  readonly for: string;
  /** A line, for a list. */
  readonly summary: string;
  /** What it means, in a sentence or two. Prometheus' template: `{{ $value }}` is the expression's. */
  readonly description: string;
}

/** The labels that tell a replica's series from those of another: who leads changes, the fleet does not. */
const replicaLabels = 'instance, pod, container, endpoint, service';

/** The job that ServiceMonitor and PodMonitor give. */
const job = 'security-baseline-operator';

/** Namespaces in a state, once one of them has been there for too long: one that comes and goes is the operator at work. */
function unhardenedFor(state: string, seconds: number): string {
  return (
    `max without ($replica) ($namespaces{state="${state}"}) > 0\n` +
    `and max without ($replica) ($unhardened_oldest_age_seconds{state="${state}"}) > ${seconds}`
  );
}

const definitions: readonly Alert[] = [
  {
    name: 'OperatorAbsent',
    severity: 'critical',
    expr: 'absent($build_info)',
    for: '5m',
    summary: 'No replica of the Security Baseline operator is scraped.',
    description:
      'Either none runs, and then new namespaces stay unprotected and drift is not repaired, or Prometheus does not find it.',
  },
  {
    name: 'OperatorReplicaDown',
    severity: 'warning',
    expr: `up{job="${job}"} == 0`,
    for: '10m',
    summary: 'A replica of the Security Baseline operator cannot be scraped.',
    description:
      '{{ $labels.instance }} has not answered for ten minutes. With one replica less, nobody takes over at once.',
  },
  {
    name: 'OperatorRestarting',
    severity: 'warning',
    expr: `changes(process_start_time_seconds{job="${job}"}[30m]) > 2`,
    for: '0m',
    summary: 'A replica of the Security Baseline operator starts again and again.',
    description: '{{ $labels.instance }} has started {{ $value }} times within half an hour.',
  },
  {
    name: 'NoLeader',
    severity: 'critical',
    expr: 'sum without ($replica) ($leader) == 0',
    for: '2m',
    summary: 'No replica of the Security Baseline operator leads.',
    description: 'Replicas run, and none holds the Lease, so nothing is hardened or repaired.',
  },
  {
    name: 'WatchStale',
    severity: 'critical',
    expr: '$watch_stale == 1',
    for: '5m',
    summary: 'The Security Baseline operator does not hear from the API server.',
    description:
      '{{ $labels.instance }} has no current knowledge of {{ $labels.resource }}: changes to it are not seen, and not repaired.',
  },
  {
    name: 'APIErrors',
    severity: 'warning',
    expr:
      'sum without (verb, resource, code) (rate($api_requests_total{code=~"401|429|5..|timeout|network|unknown"}[5m]))\n' +
      '/ sum without (verb, resource, code) (rate($api_requests_total[5m])) > 0.05',
    for: '10m',
    summary: "Many of the Security Baseline operator's requests to the API server fail.",
    description:
      '{{ $value | humanizePercentage }} of the requests of {{ $labels.instance }} fail or are turned away; hardening is late.',
  },
  {
    name: 'QueueSlow',
    severity: 'warning',
    expr: '$queue_oldest_age_seconds{lane="urgent"} > 60',
    for: '5m',
    summary: 'New and drifted namespaces wait for the Security Baseline operator.',
    description:
      'The first of them on {{ $labels.instance }} has waited for {{ $value | humanizeDuration }}.',
  },
  {
    name: 'NamespacesFailing',
    severity: 'warning',
    expr: unhardenedFor('failing', 900),
    for: '1m',
    summary: 'Namespaces cannot be hardened.',
    description:
      'In {{ $value }} namespaces something stands in the way, in one of them for more than 15 minutes. They are named in the status of their baselines.',
  },
  {
    name: 'NamespacesPending',
    severity: 'warning',
    expr: unhardenedFor('pending', 600),
    for: '1m',
    summary: 'Namespaces have been waiting to be hardened for long.',
    description:
      '{{ $value }} namespaces wait, one of them for more than 10 minutes. A rollout over thousands takes one or two.',
  },
  {
    name: 'NamespacesWeakened',
    severity: 'warning',
    expr: unhardenedFor('weakened', 300),
    for: '1m',
    summary: "Tenants' own NetworkPolicies open what baselines deny.",
    description:
      'In {{ $value }} namespaces, in one of them for more than 5 minutes. They are named in the status of their baselines.',
  },
  {
    name: 'NamespacesUncovered',
    severity: 'info',
    expr: 'max without ($replica) ($namespaces{state="uncovered"}) > 0',
    for: '1h',
    summary: 'Namespaces are selected by no enforcing baseline.',
    description: '{{ $value }} namespaces, protected ones aside, have no baseline. That may be meant.',
  },
  {
    name: 'NotReady',
    severity: 'warning',
    expr: 'max without ($replica) ($baselines{ready="false"}) > 0',
    for: '30m',
    summary: 'SecurityBaselines are not Ready.',
    description:
      '{{ $value }} baselines: the operator cannot do all that they ask for. Their Ready condition says why.',
  },
  {
    name: 'RepairStorm',
    severity: 'warning',
    expr: 'sum without ($replica, kind) (increase($drift_repairs_total[10m])) > 100',
    for: '15m',
    summary: 'Many managed objects are changed by somebody else.',
    description:
      '{{ $value | humanize }} were put back within ten minutes after {{ $labels.actor }} had changed or deleted them.',
  },
  {
    name: 'Rival',
    severity: 'warning',
    expr: 'max without ($replica) ($rival_objects) > 0',
    for: '10m',
    summary: 'Somebody and the Security Baseline operator fight over objects.',
    description:
      '{{ $value }} objects are changed again as soon as they have been put back. Between the two, they stand open.',
  },
  {
    name: 'RemovalHeld',
    severity: 'warning',
    expr: 'max without ($replica) ($removal_holds) > 0',
    for: '5m',
    summary: 'The removal of protection from many namespaces is held.',
    description: 'Of {{ $value }} baselines. Somebody has to confirm it, or to undo what caused it.',
  },
  {
    name: 'ExceptionEnding',
    severity: 'warning',
    expr: 'max without ($replica) ($exceptions_ending_soon) > 0',
    for: '5m',
    summary: 'BaselineExceptions end soon.',
    description:
      '{{ $value }} of them: what they allow is denied again within a day, or within the last tenth of a shorter life.',
  },
  {
    name: 'AdmissionMissing',
    severity: 'critical',
    expr: 'max without ($replica) ($baselines_without_admission) > 0',
    for: '15m',
    summary: 'Baselines ask for decisions at admission that nobody makes.',
    description:
      '{{ $value }} baselines: the admission policies are not installed, so what they forbid is let in.',
  },
];

/** The alerts as they are installed. */
export const alerts: readonly Alert[] = definitions.map((alert) => ({
  ...alert,
  name: `SecurityBaseline${alert.name}`,
  expr: alert.expr.replaceAll('$replica', replicaLabels).replaceAll('$', metricPrefix),
}));
