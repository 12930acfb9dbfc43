/** A fresh control plane with the operator installed, and the processes that load and watch it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { type AuditLevel, ControlPlane } from '../../tools/controlplane/control-plane.ts';
import {
  applyManifests,
  installation,
  readManifests,
  untilPermitted,
} from '../../tools/operator/manifests.ts';
import {
  nodeFlags,
  OperatorProcess,
  operatorNamespace,
  operatorServiceAccount,
} from '../../tools/operator/operator-process.ts';
import type { LoadGenerator } from './load-generator.ts';
import { accountCpu, type CpuUse } from './machine.ts';
import { type BenchObject, baseline, expected, type Template, templateOf } from './objects.ts';
import type { Observer } from './observer.ts';
import { Remote } from './remote.ts';

/** What the image holds, and not the sources: it starts sooner, and takes a third less memory to begin with. */
const bundle = new URL('../../dist/security-baseline-operator.mjs', import.meta.url).pathname;
/** Namespaces of the warm-up: enough for the just-in-time compilers of both sides. */
const warmUpNamespaces = 200;
const warmUpConcurrency = 16;
/** After a step, for what it leaves behind in the controller manager's queues. Milliseconds. */
const settleMs = 3000;
const timeoutMs = 1_800_000;

/** As config/components/bind-roles has it, for other Roles. */
const bindByName = 'bind-by-name';
const baselines = '/apis/securitybaseline.io/v1alpha1/securitybaselines';

/** How the cluster is to be. */
export interface BenchClusterOptions {
  readonly auditLevel?: AuditLevel;
  readonly signal?: AbortSignal;
}

/** One per group of scenarios. */
export class BenchCluster implements AsyncDisposable {
  readonly controlPlane: ControlPlane;
  /** As administrator, so that nothing but the work itself counts. */
  readonly generator: Remote<LoadGenerator>;
  readonly observer: Remote<Observer>;
  /** The kubeconfig of the operator's ServiceAccount. */
  readonly kubeconfig: string;
  readonly #admin: KubeConfig;
  #operator: OperatorProcess | undefined;
  #warmUps = 0;

  private constructor(controlPlane: ControlPlane, kubeconfig: string, admin: KubeConfig) {
    this.controlPlane = controlPlane;
    this.kubeconfig = kubeconfig;
    this.#admin = admin;
    this.generator = this.newGenerator(controlPlane.adminKubeconfig);
    this.observer = new Remote<Observer>('./observer.ts', [controlPlane.adminKubeconfig]);
  }

  /** Starts everything but the operator. */
  static async start(options: BenchClusterOptions = {}): Promise<BenchCluster> {
    const controlPlane = await ControlPlane.start(options);
    try {
      const admin = new KubeConfig();
      admin.loadFromFile(controlPlane.adminKubeconfig);
      await applyManifests(
        admin,
        [...installation, 'config/samples/grantable.yaml'].flatMap((file) => readManifests(file)),
      );
      const kubeconfig = await controlPlane.kubeconfigForServiceAccount(
        operatorNamespace,
        operatorServiceAccount,
      );
      const cluster = new BenchCluster(controlPlane, kubeconfig, admin);
      await cluster.#prepare();
      return cluster;
    } catch (error) {
      await controlPlane.stop();
      throw error;
    }
  }

  /** Another process that loads, under other credentials. */
  newGenerator(kubeconfig: string): Remote<LoadGenerator> {
    return new Remote<LoadGenerator>('./load-generator.ts', [kubeconfig]);
  }

  get operator(): OperatorProcess {
    if (this.#operator === undefined) throw new Error('the operator does not run');
    return this.#operator;
  }

  /** Runs the operator; resolves when it has looked at every namespace. */
  async startOperator(flags: readonly string[] = []): Promise<OperatorProcess> {
    const operator = await OperatorProcess.start({
      kubeconfig: this.kubeconfig,
      command: [process.execPath, ...nodeFlags, bundle],
      flags,
    });
    this.#operator = operator;
    await this.verified();
    return operator;
  }

  /** {@link startOperator}, and lets it harden some namespaces. */
  async startWarmOperator(): Promise<OperatorProcess> {
    const operator = await this.startOperator();
    this.#warmUps += 1;
    await this.harden(namesOf(`warm${this.#warmUps}`, warmUpNamespaces), 'tenant');
    await this.settle();
    return operator;
  }

  /** Resolves when the operator has looked at every namespace since it started. */
  async verified(): Promise<void> {
    const { operator } = this;
    const hasEnded = operator.ended().then((code) => {
      throw new Error(`the operator ended with ${code}`);
    });
    const isVerified = async (): Promise<void> => {
      while (!operator.log.some(({ message }) => message === 'every namespace looked at')) await sleep(2);
    };
    await Promise.race([isVerified(), hasEnded]);
    hasEnded.catch(() => undefined);
  }

  async stopOperator(): Promise<void> {
    await this.#operator?.stop();
    this.#operator = undefined;
  }

  /** Creates or edits a baseline. */
  async applyBaseline(name: string, pods?: string): Promise<void> {
    await this.generator.call('apply', `${baselines}/${name}`, baseline(name, pods));
  }

  /**
   * Lets the operator bind these Roles by name, and no others, as docs/performance.md tells: the API server then need not look
   * up all that the operator may do before it takes a RoleBinding. Resolves when the operator's ClusterRole says so.
   */
  async allowBinding(roles: readonly string[]): Promise<void> {
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: bindByName, labels: { 'securitybaseline.io/operator': 'true' } },
      rules: [
        {
          apiGroups: ['rbac.authorization.k8s.io'],
          resources: ['roles'],
          resourceNames: roles,
          verbs: ['bind'],
        },
      ],
    };
    await applyManifests(this.#admin, [role]);
  }

  /** Takes back what {@link allowBinding} gave; resolves when the operator's ClusterRole says so. */
  async forbidBinding(): Promise<void> {
    await this.generator.call('delete', `/apis/rbac.authorization.k8s.io/v1/clusterroles/${bindByName}`);
    await untilPermitted(this.#admin);
  }

  /** Creates namespaces that a baseline selects, and waits until their objects have been seen. */
  async harden(names: readonly string[], selectedBy: string): Promise<readonly number[]> {
    const seen = this.observer.call('ready', names, timeoutMs);
    await this.generator.call('createNamespaces', names, warmUpConcurrency, selectedBy);
    return await seen;
  }

  /** The seven objects of a hardened namespace, for others to create the same. */
  async templates(namespace: string): Promise<readonly Template[]> {
    const templates: Template[] = [];
    for (const [resource, { path }] of Object.entries(expected)) {
      const folder = `${path}/namespaces/${namespace}/${resource}`;
      for (const { metadata } of await this.generator.call('list', folder)) {
        if (metadata.labels === undefined) continue;
        const served: BenchObject = await this.generator.call('get', `${folder}/${metadata.name}`);
        templates.push(templateOf(resource, served));
      }
    }
    return templates;
  }

  /** Waits until the controller manager has caught up. */
  readonly settle = async (): Promise<void> => await sleep(settleMs);

  /** Begins to account for CPU time by process. */
  accountCpu(): () => CpuUse {
    const { controlPlane } = this;
    return accountCpu({
      'kube-apiserver': controlPlane.pid('kube-apiserver') ?? 0,
      etcd: controlPlane.pid('etcd') ?? 0,
      'kube-controller-manager': controlPlane.pid('kube-controller-manager') ?? 0,
      generator: this.generator.pid,
      observer: this.observer.pid,
      ...(this.#operator === undefined ? {} : { operator: this.#operator.pid }),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopOperator();
    await this.generator[Symbol.asyncDispose]();
    await this.observer[Symbol.asyncDispose]();
    await this.controlPlane.stop();
  }

  async #prepare(): Promise<void> {
    const { generator, observer } = this;
    await generator.call('apply', '/api/v1/namespaces/kube-system/services/kube-dns', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kube-dns', namespace: 'kube-system' },
      spec: { selector: { 'k8s-app': 'kube-dns' }, ports: [{ name: 'dns', protocol: 'UDP', port: 53 }] },
    });
    await this.applyBaseline('tenant');
    await observer.call('start');
  }
}

/** `<prefix>-00000` and so on. */
export function namesOf(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${String(index).padStart(5, '0')}`);
}
