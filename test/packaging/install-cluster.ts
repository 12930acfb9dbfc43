import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ControlPlane } from '../../tools/controlplane/control-plane.ts';
import { helm } from '../../tools/foreign/helm.ts';
import { kubectl } from '../../tools/foreign/kubectl.ts';
import { untilPermitted } from '../../tools/operator/manifests.ts';
import { OperatorProcess } from '../../tools/operator/operator-process.ts';
import { AuditLog } from '../support/audit-log.ts';
import { loadKubeconfig } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { RestClient } from '../support/rest-client.ts';
import { Inventory } from './inventory.ts';
import { type Deployment, root } from './rendering.ts';

const execute = promisify(execFile);

/** Where the manifests, and the tests' releases, install. */
export const namespace = 'security-baseline-system';
/** The operator, to the API server. */
export const operatorUser = `system:serviceaccount:${namespace}:security-baseline-operator`;

/**
 * A control plane to install on, as a person does it: with kubectl and Helm. It has no nodes, so that pods are admitted and stay pending;
 * in place of one {@link runOperator} runs the process that its Deployment describes.
 */
export class InstallCluster implements AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly admin: RestClient;
  readonly audit: AuditLog;
  readonly inventory: Inventory;
  /** What Helm keeps between runs, and files of this cluster's tests. */
  readonly folder: string;
  #operator: OperatorProcess | undefined;

  private constructor(controlPlane: ControlPlane, folder: string) {
    this.controlPlane = controlPlane;
    this.folder = folder;
    this.admin = new RestClient(controlPlane.adminKubeconfig);
    this.audit = new AuditLog(controlPlane.auditLogPath ?? '');
    this.inventory = new Inventory(controlPlane.adminKubeconfig);
  }

  /** @param apiServerFlags further flags of the API server */
  static async start(apiServerFlags: readonly string[] = []): Promise<InstallCluster> {
    const controlPlane = await ControlPlane.start({
      auditLevel: 'Metadata',
      extraFlags: { 'kube-apiserver': apiServerFlags },
    });
    return new InstallCluster(controlPlane, await mkdtemp(join(tmpdir(), 'sbo-install-')));
  }

  /** Runs kubectl in the repository's root, as an administrator. */
  async kubectl(...args: readonly string[]): Promise<string> {
    return await this.#run(await kubectl.path(), args);
  }

  /** `kubectl apply -f -` of these objects. */
  async apply(objects: readonly object[], ...args: readonly string[]): Promise<string> {
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    return await this.#run(await kubectl.path(), ['apply', '-f', '-', ...args], JSON.stringify(list));
  }

  /** Runs Helm in the repository's root, as an administrator. */
  async helm(...args: readonly string[]): Promise<string> {
    return await this.#run(await helm.path(), args);
  }

  /** Runs lines of shell in the repository's root, as an administrator: documentation, say. */
  async shell(script: string): Promise<string> {
    return await this.#run('bash', ['-euo', 'pipefail', '-c', script]);
  }

  /** The operator's Deployment, as installed. */
  async deployment(): Promise<Deployment> {
    const text = await this.kubectl(
      'get',
      'deployment',
      'security-baseline-operator',
      '-n',
      namespace,
      '-o',
      'json',
    );
    return JSON.parse(text) as Deployment;
  }

  /**
   * Runs the operator in place of the Deployment's pods: under its ServiceAccount, with its arguments. One that runs is stopped
   * before. Resolves when it leads.
   */
  async runOperator(): Promise<OperatorProcess> {
    await this.stopOperator();
    await untilPermitted(loadKubeconfig(this.controlPlane.adminKubeconfig));
    const { spec } = (await this.deployment()).spec.template;
    const kubeconfig = await this.controlPlane.kubeconfigForServiceAccount(
      namespace,
      spec.serviceAccountName,
    );
    const operator = await OperatorProcess.start({
      kubeconfig,
      flags: spec.containers[0].args,
      environment: { POD_NAMESPACE: namespace, POD_NAME: 'security-baseline-operator-0' },
    });
    this.#operator = operator;
    await operator.ready();
    await eventually(() => operator.log.some(({ message }) => message === 'leading'), {
      what: 'the operator leads',
      timeoutMs: 30_000,
    });
    return operator;
  }

  async stopOperator(): Promise<void> {
    await this.#operator?.stop();
    this.#operator = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopOperator();
    this.admin.close();
    await this.inventory.close();
    await this.controlPlane.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #run(command: string, args: readonly string[], input = ''): Promise<string> {
    const home = join(this.folder, 'home');
    const running = execute(command, args, {
      cwd: root,
      maxBuffer: 64 * 1024 * 1024,
      env: {
        PATH: `${dirname(await kubectl.path())}:${dirname(await helm.path())}:${process.env.PATH}`,
        HOME: home,
        KUBECONFIG: this.controlPlane.adminKubeconfig,
        HELM_CACHE_HOME: join(home, 'helm'),
        HELM_CONFIG_HOME: join(home, 'helm'),
        HELM_DATA_HOME: join(home, 'helm'),
      },
    });
    running.child.stdin?.end(input);
    return (await running).stdout;
  }
}
