/** The operator's flags and environment. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { parseCidr } from './connectivity/ip.ts';
import { type LogFormat, type LogLevel, logFormats, logLevels } from './telemetry/logger.ts';

/** How the operator is to run. */
export interface OperatorOptions {
  readonly kubeconfig?: string;
  /** The operator's own namespace: protected, and home of its Lease. */
  readonly namespace: string;
  readonly protectedNamespaces: readonly string[];
  /** CIDRs of pods, Services and whatever else is the cluster's own: not the internet. */
  readonly clusterCidrs: readonly string[];
  readonly leaderElect: boolean;
  readonly identity: string;
  readonly probeHost: string;
  readonly probePort: number;
  readonly workers: number;
  readonly maxRequestsInFlight: number;
  readonly resyncIntervalMs: number;
  readonly drainTimeoutMs: number;
  /** A watch that says nothing for so long is opened again; after twice as long it makes the replica unready. */
  readonly watchIdleTimeoutMs: number;
  /** More namespaces than this losing a baseline's protection within the window are held. */
  readonly removalThreshold: number;
  readonly removalWindowMs: number;
  readonly grantableClusterRole: string;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * Reads flags and environment; a flag wins. Prints help or a usage error, and ends the process then, as
 * commander does.
 */
export function parseOptions(argv: readonly string[], version: string): OperatorOptions {
  const command = new Command('security-baseline-operator')
    .description('Keeps every selected namespace at the security baseline its platform team declared.')
    .version(version)
    .addOption(
      option('--kubeconfig <file>', "credentials; the pod's own ServiceAccount when left out", 'KUBECONFIG'),
    )
    .addOption(
      option('--namespace <name>', "the operator's own namespace", 'POD_NAMESPACE').default(
        'security-baseline-system',
      ),
    )
    .addOption(
      option(
        '--protected-namespaces <names>',
        'namespaces never touched, comma separated, beside kube-system, kube-public, kube-node-lease and its own',
        'PROTECTED_NAMESPACES',
      )
        .default([], 'none')
        .argParser(parseNames),
    )
    .addOption(
      option(
        '--cluster-cidrs <cidrs>',
        "the cluster's own address ranges, comma separated, where the API server does not tell them",
        'CLUSTER_CIDRS',
      )
        .default([], 'none')
        .argParser(parseCidrs),
    )
    .addOption(option('--no-leader-elect', 'run without a Lease: only where there is never more than one'))
    .addOption(
      option('--identity <name>', 'who holds the Lease', 'POD_NAME').default(hostname(), 'the host name'),
    )
    .addOption(
      option('--probe-address <host:port>', 'serves /healthz, /readyz and /metrics', 'PROBE_ADDRESS')
        .default('0.0.0.0:8080')
        .argParser(parseAddress),
    )
    .addOption(
      option('--workers <count>', 'namespaces in work at once', 'WORKERS').default(64).argParser(parseCount),
    )
    .addOption(
      option(
        '--max-requests-in-flight <count>',
        'requests to the API server at once; fewer when it is overloaded',
        'MAX_REQUESTS_IN_FLIGHT',
      )
        .default(32)
        .argParser(parseCount),
    )
    .addOption(
      option(
        '--resync-interval <duration>',
        'how often every namespace is compared anew, from memory',
        'RESYNC_INTERVAL',
      )
        .default(600_000, '10m')
        .argParser(parseDuration),
    )
    .addOption(
      option('--drain-timeout <duration>', 'how long a stop waits for work under way', 'DRAIN_TIMEOUT')
        .default(10_000, '10s')
        .argParser(parseDuration),
    )
    .addOption(
      option(
        '--watch-idle-timeout <duration>',
        'a watch silent for so long is opened again, and for twice as long makes this replica unready; one in order is heard each minute',
        'WATCH_IDLE_TIMEOUT',
      )
        .default(150_000, '150s')
        .argParser(parseDuration),
    )
    .addOption(
      option(
        '--removal-threshold <count>',
        'namespaces that may lose protection within the window, whatever baseline gave it; more are held until confirmed',
        'REMOVAL_THRESHOLD',
      )
        .default(10)
        .argParser(parseCount),
    )
    .addOption(
      option('--removal-window <duration>', 'see --removal-threshold', 'REMOVAL_WINDOW')
        .default(300_000, '5m')
        .argParser(parseDuration),
    )
    .addOption(
      option(
        '--grantable-cluster-role <name>',
        'the ClusterRole that says what baselines may grant',
        'GRANTABLE_CLUSTER_ROLE',
      ).default('security-baseline-grantable'),
    )
    .addOption(
      option(
        '--log-level <level>',
        'changed at run time by PUT /loglevel from the pod itself, such as through kubectl port-forward',
        'LOG_LEVEL',
      )
        .default('info')
        .choices(logLevels),
    )
    .addOption(
      option('--log-format <format>', 'json, or text for people', 'LOG_FORMAT')
        .default('json')
        .choices(logFormats),
    )
    .parse([...argv], { from: 'user' });
  const values = command.opts();
  const [probeHost, probePort] = parseAddressParts(values.probeAddress);
  return {
    ...(values.kubeconfig === undefined ? {} : { kubeconfig: values.kubeconfig }),
    namespace: values.namespace,
    protectedNamespaces: values.protectedNamespaces,
    clusterCidrs: values.clusterCidrs,
    leaderElect: values.leaderElect,
    // A process started anew under its old name is another candidate.
    identity: `${values.identity}_${randomUUID().slice(0, 8)}`,
    probeHost,
    probePort,
    workers: values.workers,
    maxRequestsInFlight: values.maxRequestsInFlight,
    resyncIntervalMs: values.resyncInterval,
    drainTimeoutMs: values.drainTimeout,
    watchIdleTimeoutMs: values.watchIdleTimeout,
    removalThreshold: values.removalThreshold,
    removalWindowMs: values.removalWindow,
    grantableClusterRole: values.grantableClusterRole,
    logLevel: values.logLevel,
    logFormat: values.logFormat,
  };
}

function option(flags: string, description: string, environment?: string): Option {
  const made = new Option(flags, description);
  return environment === undefined ? made : made.env(environment);
}

function parseList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function parseCidrs(text: string): string[] {
  const cidrs = parseList(text);
  const wrong = cidrs.find((cidr) => parseCidr(cidr) === undefined);
  if (wrong !== undefined) throw new InvalidArgumentError(`'${wrong}' is not a CIDR such as 10.244.0.0/16.`);
  return cidrs;
}

function parseNames(text: string): string[] {
  const names = parseList(text);
  const wrong = names.find((name) => !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name));
  if (wrong !== undefined) throw new InvalidArgumentError(`'${wrong}' is not the name of a namespace.`);
  return names;
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 256)
    throw new InvalidArgumentError('Give a whole number from 1 to 256.');
  return count;
}

function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  const ms = match === null ? Number.NaN : Number(match[1]) * (unitsMs[match[2] ?? ''] ?? Number.NaN);
  if (!(ms > 0)) throw new InvalidArgumentError('Give a duration such as 500ms, 30s, 10m or 1h.');
  return ms;
}

function parseAddress(text: string): string {
  const [host, port] = parseAddressParts(text);
  if (host === '' || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new InvalidArgumentError('Give an address such as 0.0.0.0:8080 or [::]:8080.');
  }
  return text;
}

function parseAddressParts(text: string): [string, number] {
  const colon = text.lastIndexOf(':');
  return [
    text.slice(0, colon).replace(/^\[|\]$/g, ''),
    colon < 0 ? Number.NaN : Number(text.slice(colon + 1)),
  ];
}
