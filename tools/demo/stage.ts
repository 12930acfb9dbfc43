import {
  KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  PatchStrategy,
} from '@kubernetes/client-node';
import { ControlPlane } from '../controlplane/control-plane.ts';
import { kubernetesVersion } from '../controlplane/version.ts';
import { applyManifests, installation, readManifests } from '../operator/manifests.ts';
import { OperatorProcess, operatorNamespace, operatorServiceAccount } from '../operator/operator-process.ts';
import { baselineName } from './expected.ts';
import { Observer } from './observer.ts';
import type { Screen } from './screen.ts';
import { missingInStatus } from './status.ts';

const observed = [
  '/api/v1/namespaces',
  '/api/v1/resourcequotas',
  '/api/v1/limitranges',
  '/api/v1/serviceaccounts',
  '/apis/networking.k8s.io/v1/networkpolicies',
  '/apis/rbac.authorization.k8s.io/v1/roles',
  '/apis/rbac.authorization.k8s.io/v1/rolebindings',
  '/apis/events.k8s.io/v1/events',
  '/apis/securitybaseline.io/v1alpha1/securitybaselines',
];

/** Every real cluster has it, and the operator finds the DNS by it; a bare control plane does not. */
const dnsService = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: {
    name: 'kube-dns',
    namespace: 'kube-system',
    labels: {
      'k8s-app': 'kube-dns',
      'kubernetes.io/cluster-service': 'true',
      'kubernetes.io/name': 'CoreDNS',
    },
  },
  spec: {
    clusterIP: '10.96.0.10',
    selector: { 'k8s-app': 'kube-dns' },
    ports: [
      { name: 'dns', protocol: 'UDP', port: 53, targetPort: 53 },
      { name: 'dns-tcp', protocol: 'TCP', port: 53, targetPort: 53 },
    ],
  },
};

/** An object to be written. */
export type Body = KubernetesObject & Readonly<Record<string, unknown>>;

/** A control plane with the operator installed and running, seen by an observer. */
export class Stage implements AsyncDisposable {
  readonly controlPlane: ControlPlane;
  readonly operator: OperatorProcess;
  readonly observer: Observer;
  readonly #objects: KubernetesObjectApi;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    controlPlane: ControlPlane,
    operator: OperatorProcess,
    observer: Observer,
    admin: KubeConfig,
    resources: AsyncDisposableStack,
  ) {
    this.controlPlane = controlPlane;
    this.operator = operator;
    this.observer = observer;
    this.#objects = KubernetesObjectApi.makeApiClient(admin);
    this.#resources = resources;
  }

  /** Sets everything up; what was set up is taken down again when that fails or the signal aborts it. */
  static async set(screen: Screen, signal: AbortSignal): Promise<Stage> {
    await using resources = new AsyncDisposableStack();
    const controlPlane = resources.use(
      await screen.step(`Kubernetes ${kubernetesVersion()}: etcd, API server, controller manager`, () =>
        ControlPlane.start({ signal }),
      ),
    );
    const admin = new KubeConfig();
    admin.loadFromFile(controlPlane.adminKubeconfig);
    await screen.step('CRD, RBAC (what kubectl apply -k config/default installs)', () =>
      applyManifests(admin, [...installation.flatMap(readManifests), dnsService]),
    );
    signal.throwIfAborted();
    const operator = await screen.step(
      'the operator, as a process under its own ServiceAccount',
      async () => {
        const kubeconfig = await controlPlane.kubeconfigForServiceAccount(
          operatorNamespace,
          operatorServiceAccount,
        );
        const logFile = `${controlPlane.directory}/logs/operator.log`;
        return await resources.use(await OperatorProcess.start({ kubeconfig, logFile })).ready();
      },
    );
    signal.throwIfAborted();
    const observer = await Observer.open(admin, observed, signal);
    resources.defer(() => observer.close());
    await screen.step('the baseline: config/samples/tenant.yaml, grantable.yaml', async () => {
      // One after the other: what it grants is grantable when it comes.
      for (const name of ['grantable', 'tenant'])
        await applyManifests(admin, readManifests(`config/samples/${name}.yaml`));
      const none = { selected: 0, hardened: 0, failing: 0 };
      await observer.until(`baseline ${baselineName} is Ready`, () => missingInStatus(observer, none));
    });
    return new Stage(controlPlane, operator, observer, admin, resources.move());
  }

  /** Creates an object; resolves with its resource version when the API server has answered. */
  async create(object: Body): Promise<string> {
    return versionOf(await this.#objects.create(object));
  }

  /** Deletes an object. */
  async delete(object: Body): Promise<void> {
    await this.#objects.delete(object);
  }

  /** Merges fields into an object; resolves with its resource version. */
  async merge(object: Body): Promise<string> {
    const { MergePatch } = PatchStrategy;
    return versionOf(
      await this.#objects.patch(object, undefined, undefined, 'kubectl-edit', undefined, MergePatch),
    );
  }

  /** Applies fields as a field manager of its own; resolves with the object's resource version. */
  async apply(object: Body, fieldManager: string): Promise<string> {
    const { ServerSideApply } = PatchStrategy;
    return versionOf(
      await this.#objects.patch(object, undefined, undefined, fieldManager, true, ServerSideApply),
    );
  }

  /** Stops everything and leaves nothing behind. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

function versionOf({ metadata }: KubernetesObject): string {
  return metadata?.resourceVersion ?? '';
}
