/**
 * What the admission policies add to the creation of a pod, with 1, 10 and 50 baselines that all ask for everything and are
 * labelled so, one of which selects the pod's namespace. Prints a table and, as its last line, JSON. `node test/bench/admission-cost.ts [rounds]`
 *
 * The configurations take turns, so that what else the machine does falls on all of them. Creation is a server-side dry run:
 * all of admission, and no growing etcd. CPU is the API server's own, which other load on the machine disturbs least.
 */
import { readFileSync } from 'node:fs';
import { admissionLabel, hardenedAnnotation } from '../../src/api/labels.ts';
import {
  AdmissionCluster,
  baselines,
  breakGlass,
  dryRun,
  mergePatch,
  operator,
  remove,
  tenant,
} from '../integration/admission/cluster.ts';
import { container, pod } from '../integration/admission/pods.ts';
import { eventually } from '../support/eventually.ts';

/** How many baselines there are; undefined: no bindings, and so no policy is evaluated. */
const configurations = [undefined, 1, 10, 50] as const;
type Configuration = (typeof configurations)[number];

const bindings =
  '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings?labelSelector=app.kubernetes.io/part-of%3Dsecurity-baseline-operator';
const requestsPerTurn = 150;
const warmUpRequests = 30;
/** Linux counts CPU in ticks of 10 ms. */
const tickMs = 10;

interface Turn {
  readonly latenciesMs: readonly number[];
  readonly cpuMs: number;
}

interface Result {
  readonly baselines: number | 'no policies';
  readonly p50Ms: number;
  readonly addedP50Ms: number;
  /** What it takes in the moments when nothing else runs on the machine. */
  readonly p10Ms: number;
  readonly addedP10Ms: number;
  readonly cpuMs: number;
  readonly addedCpuMs: number;
}

const resources = { requests: { cpu: '10m', memory: '16Mi' }, limits: { cpu: '100m', memory: '64Mi' } };
const measured = dryRun(
  pod(
    'measured',
    {
      serviceAccountName: 'default',
      automountServiceAccountToken: false,
      containers: [
        container({ resources, env: [{ name: 'MODE', value: 'prod' }], ports: [{ containerPort: 8080 }] }),
        container({ name: 'sidecar', resources }),
      ],
    },
    { generateName: 'pod-' },
  ),
);

function specOf(index: number): Record<string, unknown> {
  return {
    namespaceSelector: { matchLabels: { bench: `b${index}` } },
    networkPolicy: { defaultDeny: ['Ingress', 'Egress'], tenantPolicies: 'Restrict' },
    admission: {
      holdPodsUntilHardened: true,
      images: { registries: ['registry.example.com/'], forbidTags: ['latest'] },
      exposure: {
        forbid: ['NodePort', 'LoadBalancer', 'HostPort', 'HostNetwork', 'ExternalIPs'],
        requireIngressTLS: true,
      },
      workloads: { requireRequestsAndLimits: true, forbidUnrequestedToken: true },
    },
  };
}

class AdmissionCost {
  readonly #cluster: AdmissionCluster;
  #current = 0;
  #isInstalled = true;

  constructor(cluster: AdmissionCluster) {
    this.#cluster = cluster;
  }

  async prepare(): Promise<void> {
    await this.#cluster.namespace('measured', { bench: 'b0' });
    for (const index of [0, 1, 9, 10, 49])
      await this.#cluster.namespace(`probe-${index}`, { bench: `b${index}` });
    await this.#changeBaselines(1);
  }

  async turn(configuration: Configuration): Promise<Turn> {
    await this.#change(configuration);
    for (let count = 0; count < warmUpRequests; count++) await this.#cluster.do(tenant, measured);
    const cpuBefore = this.#cpuMs();
    const latenciesMs: number[] = [];
    for (let count = 0; count < requestsPerTurn; count++) {
      const startedAt = performance.now();
      await this.#cluster.do(tenant, measured);
      latenciesMs.push(performance.now() - startedAt);
    }
    return { latenciesMs, cpuMs: (this.#cpuMs() - cpuBefore) / requestsPerTurn };
  }

  async #change(configuration: Configuration): Promise<void> {
    if (configuration === undefined) {
      await this.#cluster.do(breakGlass, remove(bindings));
      await this.#until(0, 'admitted');
    } else if (!this.#isInstalled) {
      await this.#cluster.installBindings();
      await this.#until(0, 'held');
    }
    this.#isInstalled = configuration !== undefined;
    if (configuration !== undefined) await this.#changeBaselines(configuration);
  }

  async #changeBaselines(target: number): Promise<void> {
    for (; this.#current < target; this.#current++) {
      const created = await this.#cluster.baseline(`b${this.#current}`, specOf(this.#current), {
        [admissionLabel]: 'enforce',
      });
      const uid = (created.metadata as { uid: string }).uid;
      if (this.#current === 0) await this.#mark(uid);
    }
    while (this.#current > target) {
      this.#current -= 1;
      await this.#cluster.do(breakGlass, remove(`${baselines}/b${this.#current}`));
    }
    await this.#until(target - 1, 'held');
    if (target < 50) await this.#until(target, 'admitted');
  }

  async #mark(uid: string): Promise<void> {
    const mark = { metadata: { annotations: { [hardenedAnnotation]: uid } } };
    await this.#cluster.do(operator, mergePatch('/api/v1/namespaces/measured', mark));
    await eventually(async () => (await this.#cluster.outcome(tenant, measured)) === 'allowed', {
      what: 'the mark is seen',
    });
  }

  async #until(index: number, state: 'held' | 'admitted'): Promise<void> {
    const probe = dryRun(pod(`probe-${index}`));
    const isHeld = async (): Promise<boolean> =>
      (await this.#cluster.outcome(tenant, probe)).includes('is not hardened yet');
    await eventually(async () => (await isHeld()) === (state === 'held'), {
      what: `pods in probe-${index} are ${state}`,
    });
  }

  #cpuMs(): number {
    const stat = readFileSync(`/proc/${this.#cluster.controlPlane.pid('kube-apiserver')}/stat`, 'utf8').split(
      ' ',
    );
    return (Number(stat[13]) + Number(stat[14])) * tickMs;
  }
}

async function measure(rounds: number): Promise<readonly Result[]> {
  await using cluster = await AdmissionCluster.start();
  await cluster.installPolicies();
  const cost = new AdmissionCost(cluster);
  await cost.prepare();
  const turns = new Map<Configuration, Turn[]>(configurations.map((configuration) => [configuration, []]));
  for (let round = 0; round < rounds; round++) {
    for (const configuration of configurations) {
      const turn = await cost.turn(configuration);
      turns.get(configuration)?.push(turn);
    }
  }
  const base = turns.get(undefined) ?? [];
  return configurations.map((configuration) => {
    const own = turns.get(configuration) ?? [];
    return {
      baselines: configuration ?? 'no policies',
      p50Ms: quantile(latencies(own), 0.5),
      addedP50Ms: quantile(latencies(own), 0.5) - quantile(latencies(base), 0.5),
      p10Ms: quantile(latencies(own), 0.1),
      addedP10Ms: quantile(latencies(own), 0.1) - quantile(latencies(base), 0.1),
      cpuMs: cpu(own),
      addedCpuMs: cpu(own) - cpu(base),
    };
  });
}

function latencies(turns: readonly Turn[]): readonly number[] {
  return turns.flatMap(({ latenciesMs }) => latenciesMs).toSorted((a, b) => a - b);
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
}

function cpu(turns: readonly Turn[]): number {
  return quantile(
    turns.map(({ cpuMs }) => cpuMs).toSorted((a, b) => a - b),
    0.5,
  );
}

const results = await measure(Number(process.argv[2] ?? 4));
const columns = ['baselines', 'p50Ms', 'addedP50Ms', 'p10Ms', 'addedP10Ms', 'cpuMs', 'addedCpuMs'] as const;
const show = (value: number | string): string =>
  typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(2) : String(value);
console.log(columns.map((column) => column.padStart(12)).join(''));
for (const result of results)
  console.log(columns.map((column) => show(result[column]).padStart(12)).join(''));
console.log(JSON.stringify(results));
