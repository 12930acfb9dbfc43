/**
 * Stands in for the nodes that the control plane lacks, so that what a page installs runs: pods are said to run, and the operator's
 * really do, as a process here under their own ServiceAccount, with their arguments and environment.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlPlane } from '../../tools/controlplane/control-plane.ts';
import { OperatorProcess } from '../../tools/operator/operator-process.ts';
import type { RestClient, ServedObject } from './rest-client.ts';

const lookEveryMs = 250;
const operatorLabel = 'app.kubernetes.io/name';
const operatorName = 'security-baseline-operator';

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
}

interface Pod extends ServedObject {
  readonly spec: { readonly serviceAccountName: string; readonly containers: readonly Container[] };
  readonly status?: { readonly phase?: string };
}

/** The nodes. Of several replicas of the operator, one runs: the others would stand by. */
export class StandInNodes implements AsyncDisposable {
  readonly #controlPlane: ControlPlane;
  readonly #admin: RestClient;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #operator: { readonly podUid: string; readonly process: OperatorProcess; isReady: boolean } | undefined;
  #problem = '';

  constructor(controlPlane: ControlPlane, admin: RestClient) {
    this.#controlPlane = controlPlane;
    this.#admin = admin;
    this.#done = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      // Pods, and what they need, come and go between a look and a write; as on a node, it is tried again.
      await this.#look().catch((error: unknown) => {
        this.#problem = String(error);
      });
      await sleep(lookEveryMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  async #look(): Promise<void> {
    const pods = (await this.#admin.list({ kind: 'Pod' })) as readonly Pod[];
    const alive = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const operators = alive.filter(({ metadata }) => metadata.labels?.[operatorLabel] === operatorName);
    await this.#runOperator(operators);
    for (const pod of alive) {
      if (pod.status?.phase !== 'Pending') continue;
      if (this.#operator?.isReady === true || !operators.includes(pod)) await this.#sayItRuns(pod);
    }
  }

  async #runOperator(pods: readonly Pod[]): Promise<void> {
    if (pods.some(({ metadata }) => metadata.uid === this.#operator?.podUid)) return;
    await this.#operator?.process.stop();
    this.#operator = undefined;
    const [pod] = pods.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    const [container] = pod?.spec.containers ?? [];
    if (pod === undefined || container === undefined) return;
    const { name, namespace = '', uid } = pod.metadata;
    const kubeconfig = await this.#controlPlane.kubeconfigForServiceAccount(
      namespace,
      pod.spec.serviceAccountName,
    );
    const given = (container.env ?? []).flatMap((each) =>
      each.value === undefined ? [] : [[each.name, each.value] as const],
    );
    const process = await OperatorProcess.start({
      kubeconfig,
      flags: (container.args ?? []).filter((flag) => !flag.startsWith('--probe-address')),
      environment: { ...Object.fromEntries(given), POD_NAMESPACE: namespace, POD_NAME: name },
    });
    const operator = { podUid: uid, process, isReady: false };
    this.#operator = operator;
    // Not waited for: whoever is not ready may yet be taken away.
    process.ready().then(
      () => {
        operator.isReady = true;
      },
      (error: unknown) => {
        this.#problem = String(error);
      },
    );
  }

  async #sayItRuns({ metadata, spec }: Pod): Promise<void> {
    const { name, namespace = '' } = metadata;
    const now = new Date().toISOString();
    const conditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
      type,
      status: 'True',
      lastTransitionTime: now,
    }));
    const containerStatuses = spec.containers.map((container) => ({
      name: container.name,
      image: container.image,
      imageID: '',
      ready: true,
      started: true,
      restartCount: 0,
      state: { running: { startedAt: now } },
    }));
    const status = { phase: 'Running', startTime: now, conditions, containerStatuses };
    await this.#admin.mergePatch({ kind: 'Pod', namespace, name }, { status }, 'status');
  }

  /** What the operator has logged, and what kept it from running last; for a failure message. */
  get operatorLog(): readonly string[] {
    const log = this.#operator?.process.log.map((line) => JSON.stringify(line)) ?? [];
    return this.#problem === '' ? log : [...log, this.#problem];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done;
    await this.#operator?.process.stop();
  }
}
