import { applyManifests, installation, readManifests } from '../../tools/operator/manifests.ts';
import {
  OperatorProcess,
  operatorNamespace,
  operatorServiceAccount,
} from '../../tools/operator/operator-process.ts';
import { ApiProxy } from './api-proxy.ts';
import { AuditLog } from './audit-log.ts';
import { loadKubeconfig, type SharedControlPlane, sharedControlPlane } from './control-plane.ts';
import { eventually } from './eventually.ts';
import { type Kind, RestClient, type ServedObject } from './rest-client.ts';
import { Scenario } from './scenario.ts';

/** The user that the operator is to the API server. */
export const operatorUser = `system:serviceaccount:${operatorNamespace}:${operatorServiceAccount}`;

/** The managed kinds. */
export const managedKinds = [
  'NetworkPolicy',
  'ResourceQuota',
  'LimitRange',
  'ServiceAccount',
  'Role',
  'RoleBinding',
] as const satisfies readonly Kind[];

/** A part of {@link OperatorHarness.install}'s cluster: where its DNS is. */
export const dnsService = {
  selector: { 'k8s-app': 'kube-dns' },
  ports: [
    { name: 'dns', protocol: 'UDP', port: 53, targetPort: 53 },
    { name: 'dns-tcp', protocol: 'TCP', port: 53, targetPort: 53 },
  ],
};

/** How the operator is run. */
export interface HarnessOptions {
  /** By default the one that the tests share. */
  readonly controlPlane?: SharedControlPlane;
  /** For every process that is started. */
  readonly flags?: readonly string[];
  /** Lets the operator reach the API server through {@link OperatorHarness.proxy} only. */
  readonly proxied?: boolean;
}

/** How one process of the operator is run. */
export interface RunOptions {
  /** Beside the harness' own. */
  readonly flags?: readonly string[];
}

/**
 * The operator, installed as config/ says and run as a process under its own ServiceAccount, and those who work
 * beside it.
 */
export class OperatorHarness implements AsyncDisposable {
  readonly controlPlane: SharedControlPlane;
  readonly admin: RestClient;
  readonly audit: AuditLog;
  /** The kubeconfig of the operator's ServiceAccount, through the proxy where there is one. */
  readonly kubeconfig: string;
  readonly #proxy: ApiProxy | undefined;
  readonly #flags: readonly string[];
  readonly #clients: RestClient[] = [];
  #operator: OperatorProcess | undefined;

  private constructor(
    controlPlane: SharedControlPlane,
    kubeconfig: string,
    flags: readonly string[],
    proxy?: ApiProxy,
  ) {
    this.controlPlane = controlPlane;
    this.kubeconfig = kubeconfig;
    this.#flags = flags;
    this.#proxy = proxy;
    this.admin = new RestClient(controlPlane.adminKubeconfig);
    this.audit = new AuditLog(controlPlane.auditLogPath);
  }

  /** Installs everything and gives the cluster a DNS, but runs no operator yet. */
  static async install(options: HarnessOptions = {}): Promise<OperatorHarness> {
    const { controlPlane = sharedControlPlane(), flags = [], proxied = false } = options;
    const manifests = [...installation, 'config/samples/grantable.yaml'].flatMap(readManifests);
    await applyManifests(loadKubeconfig(controlPlane.adminKubeconfig), manifests);
    const direct = await controlPlane.kubeconfigForServiceAccount(operatorNamespace, operatorServiceAccount);
    const proxy = proxied ? await ApiProxy.start(controlPlane.serverUrl, controlPlane.ca) : undefined;
    const kubeconfig = (await proxy?.kubeconfig(direct)) ?? direct;
    const harness = new OperatorHarness(controlPlane, kubeconfig, flags, proxy);
    const dns = { kind: 'Service', namespace: 'kube-system', name: 'kube-dns' } as const;
    if ((await harness.admin.find(dns)) === undefined) await harness.admin.create(dns, { spec: dnsService });
    return harness;
  }

  /** {@link install}, and runs the operator. */
  static async start(options: HarnessOptions = {}): Promise<OperatorHarness> {
    const harness = await OperatorHarness.install(options);
    await harness.startOperator();
    return harness;
  }

  /** What stands between the operator and the API server, when `proxied`. */
  get proxy(): ApiProxy {
    if (this.#proxy === undefined) throw new Error('the operator is not proxied');
    return this.#proxy;
  }

  /** The operator that runs now. */
  get operator(): OperatorProcess {
    if (this.#operator === undefined) throw new Error('the operator does not run');
    return this.#operator;
  }

  get isOperatorRunning(): boolean {
    return this.#operator !== undefined;
  }

  /** Runs the operator; resolves when its caches have synced and it leads. */
  async startOperator(options: RunOptions = {}): Promise<OperatorProcess> {
    const operator = await this.launchOperator(options);
    await operator.ready();
    await eventually(() => operator.log.some(({ message }) => message === 'leading'), {
      what: 'the operator leads',
      timeoutMs: 30_000,
    });
    return operator;
  }

  /** Runs the operator without waiting for anything but its probes. */
  async launchOperator(options: RunOptions = {}): Promise<OperatorProcess> {
    const flags = [...this.#flags, ...(options.flags ?? [])];
    await this.stopOperator();
    this.#operator = await OperatorProcess.start({ kubeconfig: this.kubeconfig, flags });
    return this.#operator;
  }

  async stopOperator(): Promise<void> {
    const operator = this.#operator;
    this.#operator = undefined;
    await operator?.stop();
  }

  /** A person or a tool, by client certificate. Grant them something, or give `system:masters`. */
  async as(user: string, groups: readonly string[] = []): Promise<RestClient> {
    const client = new RestClient(await this.controlPlane.kubeconfigForUser(user, groups));
    this.#clients.push(client);
    return client;
  }

  /** A baseline's worth of things that no other test has; gone when it goes out of scope. */
  scenario(): Scenario {
    return new Scenario(this.admin);
  }

  /** The objects of the managed kinds in a namespace that carry our label, such as `Role a.app`, sorted. */
  async managedObjects(namespace: string): Promise<readonly string[]> {
    return (await this.objects(namespace))
      .filter(
        ({ metadata }) => metadata.labels?.['app.kubernetes.io/managed-by'] === 'security-baseline-operator',
      )
      .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
      .sort();
  }

  /** All objects of the managed kinds in a namespace. */
  async objects(namespace: string): Promise<readonly ServedObject[]> {
    const lists = await Promise.all(
      managedKinds.map(async (kind) =>
        (await this.admin.list({ kind, namespace })).map((object) => ({ ...object, kind })),
      ),
    );
    return lists.flat();
  }

  /** The operator's events in a namespace, such as `DriftRepaired: NetworkPolicy a.default-deny was deleted; ...`. */
  async events(namespace: string): Promise<readonly string[]> {
    return (await this.admin.list({ kind: 'Event', namespace }))
      .filter(({ reportingController }) => reportingController === 'securitybaseline.io/operator')
      .map(({ reason, note }) => `${String(reason)}: ${String(note)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopOperator();
    await this.#proxy?.[Symbol.asyncDispose]();
    this.admin.close();
    for (const client of this.#clients) client.close();
  }
}
