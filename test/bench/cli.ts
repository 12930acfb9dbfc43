/**
 * How long `plan` and `can-connect` take on a large cluster: node test/bench/cli.ts [--json]
 *
 * The cluster is made up page by page, as JSON text that is then parsed: that costs what an API server's answer costs,
 * less the network. Each case runs in a process of its own, so that its memory is its own.
 */
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import type { KubernetesObject } from '../../src/api/objects.ts';
import type { SecurityBaseline } from '../../src/api/types.generated.ts';
import { ClusterReader } from '../../src/cli/cluster/cluster-reader.ts';
import { Fleet } from '../../src/cli/cluster/fleet.ts';
import type { ListSource, Selection } from '../../src/cli/cluster/list-source.ts';
import { podRecordOf } from '../../src/cli/cluster/pod-record.ts';
import { resources } from '../../src/cli/cluster/resources.ts';
import { readEnds } from '../../src/cli/connectivity/cluster-input.ts';
import { makePlan } from '../../src/cli/plan/plan.ts';
import { renderText } from '../../src/cli/plan/render-text.ts';
import { Progress } from '../../src/cli/progress.ts';
import { noPaint } from '../../src/cli/terminal.ts';
import { ConnectivityEngine } from '../../src/connectivity/engine.ts';
import type { ResourceDefinition } from '../../src/kube/resource-client.ts';
import { systemClock } from '../../src/runtime/clock.ts';

const namespaces = 1000;
const podsPerNamespace = 10;
const policiesPerNamespace = 5;
const pageSize = 1000;

/** What has to hold. */
const limits = { planSeconds: 10, planMiB: 1024, canConnectSeconds: 2 };

/** A cluster that is written out only as it is read. */
const madeUp: ListSource = {
  async *pages(resource: ResourceDefinition, { namespace }: Selection) {
    const make = makers[resource.plural];
    if (make === undefined) return;
    const first = namespace === undefined ? 0 : Number(namespace.slice('team-'.length));
    const last = namespace === undefined ? namespaces : first + 1;
    let page: string[] = [];
    for (let at = first; at < last; at += 1) {
      for (const object of make(at)) page.push(JSON.stringify(object));
      if (page.length < pageSize) continue;
      yield JSON.parse(`[${page.join(',')}]`) as KubernetesObject[];
      page = [];
    }
    yield JSON.parse(`[${page.join(',')}]`) as KubernetesObject[];
  },
  async get(resource: ResourceDefinition, name: string) {
    return makers[resource.plural]?.(Number(name.slice('team-'.length)))[0];
  },
};

const makers: Readonly<Record<string, (at: number) => KubernetesObject[]>> = {
  namespaces: (at) => [
    object('', `team-${at}`, {
      labels: { tier: `tier-${at % 7}`, 'kubernetes.io/metadata.name': `team-${at}` },
    }),
  ],
  pods: (at) => Array.from({ length: podsPerNamespace }, (_, i) => pod(at, i)),
  networkpolicies: (at) => Array.from({ length: policiesPerNamespace }, (_, i) => policy(at, i)),
};

function object(namespace: string, name: string, metadata: object, content: object = {}): KubernetesObject {
  const uid = `${namespace}/${name}`;
  return {
    apiVersion: '',
    kind: '',
    metadata: {
      name,
      ...(namespace === '' ? {} : { namespace }),
      uid,
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      managedFields: [
        { manager: 'kubectl', operation: 'Update', fieldsV1: { 'f:metadata': { 'f:labels': {} } } },
      ],
      ...metadata,
    },
    ...content,
  };
}

function pod(at: number, i: number): KubernetesObject {
  const app = `app-${i % 4}`;
  const hash = `${(at * 31 + i) % 9973}`;
  return object(
    `team-${at}`,
    `${app}-${hash}-${i}`,
    {
      labels: { app, 'pod-template-hash': hash, version: `v${i % 3}` },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${app}-${hash}`, uid: 'x', controller: true },
      ],
    },
    {
      spec: {
        serviceAccountName: 'default',
        containers: ['main', 'sidecar'].map((name) => ({
          name,
          image: `registry.example.com/${app}/${name}:1.${at % 9}`,
          ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
          env: Array.from({ length: 20 }, (_, n) => ({
            name: `SETTING_${n}`,
            value: `value ${n} of ${app}`,
          })),
          resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '256Mi' } },
        })),
        volumes: [{ name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }],
      },
      status: { phase: 'Running', podIPs: [{ ip: `10.${Math.floor(at / 250)}.${at % 250}.${i + 1}` }] },
    },
  );
}

function policy(at: number, i: number): KubernetesObject {
  const peers: readonly object[] = [
    { podSelector: { matchLabels: { app: `app-${i}` } } },
    { namespaceSelector: { matchLabels: { tier: `tier-${(at + i) % 7}` } } },
    {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': `team-${(at + 1) % namespaces}` } },
    },
    { ipBlock: { cidr: `198.51.${at % 200}.0/24`, except: [`198.51.${at % 200}.128/25`] } },
    {
      namespaceSelector: {},
      podSelector: { matchExpressions: [{ key: 'version', operator: 'In', values: ['v1', 'v2'] }] },
    },
  ];
  return object(
    `team-${at}`,
    `policy-${i}`,
    {},
    {
      spec: {
        podSelector: { matchLabels: { app: `app-${i % 4}` } },
        policyTypes: i % 2 === 0 ? ['Ingress'] : ['Ingress', 'Egress'],
        ingress: [{ from: [peers[i]], ports: [{ port: i === 2 ? 'http' : 8080 + i, protocol: 'TCP' }] }],
        ...(i % 2 === 0 ? {} : { egress: [{ to: [peers[(i + 1) % 5]] }] }),
      },
    },
  );
}

const baseline: SecurityBaseline = {
  apiVersion: 'securitybaseline.io/v1alpha1',
  kind: 'SecurityBaseline',
  metadata: { name: 'tenant' },
  spec: {
    namespaceSelector: {},
    networkPolicy: {
      defaultDeny: ['Ingress', 'Egress'],
      allow: { sameNamespace: {}, monitoring: { namespace: 'team-7', justification: 'scrapes metrics' } },
    },
    resourceQuotas: [{ name: 'compute', spec: { hard: { 'requests.cpu': '1', pods: '20' } } }],
    limitRanges: [{ name: 'defaults', spec: { limits: [{ type: 'Container', max: { memory: '512Mi' } }] } }],
    serviceAccounts: [{ name: 'app' }],
    podSecurity: { enforce: 'restricted' },
    admission: { images: { registries: ['registry.example.com/'], requireDigest: true } },
  },
};

const cases: Readonly<Record<string, () => Promise<string>>> = {
  plan: async () => {
    const reader = readerOf();
    const [fleet, pods] = await Promise.all([
      Fleet.read({
        reader,
        installation: {
          operatorNamespace: 'security-baseline-system',
          protectedNamespaces: [],
          clusterCidrs: [],
          grantableClusterRole: 'security-baseline-grantable',
        },
        planned: [baseline],
        now: () => Date.now(),
      }),
      reader.read({ resource: resources.Pod, consequence: '', project: podRecordOf }),
    ]);
    const report = await makePlan({
      fleet,
      pods: pods.items,
      exposing: [],
      proposal: { baselines: [baseline], exceptions: [], isDeletion: false },
      gaps: () => reader.gaps,
    });
    return renderText(report, { paint: noPaint, isVerbose: false }).trimEnd().split('\n').at(-1) ?? '';
  },
  'can-connect': async () => {
    const source = { namespace: 'team-3', name: 'app-1' };
    const destination = { namespace: 'team-4', name: 'app-2' };
    const cluster = await readEnds(readerOf(), [source, destination]);
    const verdict = new ConnectivityEngine(cluster).canConnect({ source, destination, port: 8080 });
    return `allowed: ${verdict.allowed}`;
  },
  // Who asks about an address, or reads from a folder, has the whole cluster in hand.
  'can-connect, all read': async () => {
    const reader = readerOf();
    const [pods, policies, all] = await Promise.all([
      reader.read({ resource: resources.Pod, consequence: '', project: podRecordOf }),
      reader.read({ resource: resources.NetworkPolicy, consequence: '', project: (each) => each }),
      reader.read({ resource: resources.Namespace, consequence: '', project: (each) => each }),
    ]);
    const { enginePod } = await import('../../src/cli/cluster/pod-record.ts');
    const { engineNamespace, enginePolicy } = await import('../../src/cli/connectivity/cluster-input.ts');
    const cluster = {
      namespaces: all.items.map(engineNamespace),
      pods: pods.items.map(enginePod),
      policies: policies.items.map(enginePolicy),
    };
    const verdict = new ConnectivityEngine(cluster).canConnect({
      source: { ip: '10.0.3.2' },
      destination: { namespace: 'team-4', name: 'app-2' },
      port: 8080,
    });
    return `allowed: ${verdict.allowed}`;
  },
};

function readerOf(): ClusterReader {
  const quiet = { isTerminal: false, width: 80, write: () => undefined };
  return new ClusterReader(madeUp, new Progress(quiet, systemClock), 'default');
}

interface Measurement {
  readonly name: string;
  readonly seconds: number;
  /** What it takes where nothing else runs: nothing here waits. */
  readonly cpuSeconds: number;
  readonly peakMiB: number;
  readonly answer: string;
}

async function measure(name: string): Promise<Measurement> {
  const run = cases[name];
  if (run === undefined) throw new Error(`there is no case ${name}`);
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  const answer = await run();
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    name,
    seconds,
    cpuSeconds: (user + system) / 1e6,
    peakMiB: process.resourceUsage().maxRSS / 1024,
    answer,
  };
}

const { values } = parseArgs({ options: { case: { type: 'string' }, json: { type: 'boolean' } } });
if (values.case !== undefined) {
  process.stdout.write(`${JSON.stringify(await measure(values.case))}\n`);
} else {
  const found = Object.keys(cases).map((name) => {
    const text = execFileSync(process.execPath, [new URL(import.meta.url).pathname, '--case', name], {
      encoding: 'utf8',
    });
    return JSON.parse(text) as Measurement;
  });
  const title = `${namespaces} namespaces, ${namespaces * podsPerNamespace} pods, ${namespaces * policiesPerNamespace} policies`;
  if (values.json === true) process.stdout.write(`${JSON.stringify({ title, limits, found }, null, 2)}\n`);
  else {
    process.stdout.write(`${title}\n`);
    for (const { name, seconds, cpuSeconds, peakMiB, answer } of found) {
      process.stdout.write(
        `${name.padEnd(22)} ${seconds.toFixed(2).padStart(6)} s, ${cpuSeconds.toFixed(2).padStart(5)} s of CPU, ${peakMiB.toFixed(0).padStart(4)} MiB  ${answer}
`,
      );
    }
  }
  const isTooMuch = found.some(({ name, cpuSeconds: seconds, peakMiB }) =>
    name === 'plan'
      ? seconds > limits.planSeconds || peakMiB > limits.planMiB
      : seconds > limits.canConnectSeconds,
  );
  if (isTooMuch) process.exitCode = 1;
}
