import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CustomObjectsApi, type KubernetesObject } from '@kubernetes/client-node';
import { freePort } from '../../../tools/controlplane/free-port.ts';
import { fluxCrds, kustomizeController, sourceController } from '../../../tools/foreign/flux.ts';
import { applyManifests, readManifests } from '../../../tools/operator/manifests.ts';
import { loadKubeconfig } from '../../support/control-plane.ts';
import { eventually } from '../../support/eventually.ts';
import { type Change, GitServer } from '../../support/git-server.ts';
import type { OperatorHarness } from '../../support/operator-harness.ts';
import { OwnCluster } from '../../support/own-cluster.ts';
import type { Body } from '../../support/rest-client.ts';
import type { Condition } from '../../support/scenario.ts';
import { fromGuide } from './guide.ts';

const namespace = 'flux-system';
const guard = readManifests('config/policies/guard/*.yaml').filter(({ kind }) => kind !== 'Kustomization');

/** Flux's own controllers, as in a cluster that Flux was installed in: each a ServiceAccount that is cluster-admin. */
const foundation = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
  ...[kustomizeController, sourceController].map(({ name }) => ({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace },
  })),
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'cluster-reconciler' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [kustomizeController, sourceController].map(({ name }) => ({
      kind: 'ServiceAccount',
      name,
      namespace,
    })),
  },
];

/** A Kustomization as Flux tells of it: `conditions.Ready` is `True ReconciliationSucceeded`. */
export interface Sync {
  readonly revision: string | undefined;
  readonly attempted: string | undefined;
  readonly conditions: Readonly<Record<string, string>>;
  readonly messages: Readonly<Record<string, string>>;
}

interface FluxStatus {
  readonly lastAppliedRevision?: string;
  readonly lastAttemptedRevision?: string;
  readonly conditions?: readonly Condition[];
}

/**
 * A cluster with the operator and its guard policies installed, in which Flux's source-controller and kustomize-controller run, and
 * sync from a git repository: the folder of each Kustomization bears its name.
 */
export class FluxCluster implements AsyncDisposable {
  readonly #cluster: OwnCluster;
  readonly #git: GitServer;
  readonly #directory: string;
  readonly #controllers: ChildProcess[] = [];
  #requests = 0;

  private constructor(cluster: OwnCluster, git: GitServer, directory: string) {
    this.#cluster = cluster;
    this.#git = git;
    this.#directory = directory;
  }

  static async start(): Promise<FluxCluster> {
    const git = await GitServer.start({ 'README.md': 'The fleet.\n' });
    const directory = await mkdtemp(join(tmpdir(), 'flux-'));
    const flux = new FluxCluster(await OwnCluster.start(), git, directory);
    try {
      const crds = (await fluxCrds()).flatMap(readManifests).map(servedAsV1);
      await flux.#apply([...crds, ...foundation, ...guard]);
      await flux.#fetch();
      const artifacts = join(directory, 'artifacts');
      await mkdir(artifacts);
      const address = `127.0.0.1:${await freePort()}`;
      await flux.#run(await sourceController.path(), sourceController.name, [
        `--storage-path=${artifacts}`,
        `--storage-addr=${address}`,
        `--storage-adv-addr=${address}`,
      ]);
      await flux.#run(await kustomizeController.path(), kustomizeController.name, []);
      await flux.#fetched();
      return flux;
    } catch (error) {
      console.error(await flux.log().catch(() => ''));
      await flux[Symbol.asyncDispose]();
      throw error;
    }
  }

  get harness(): OperatorHarness {
    return this.#cluster.harness;
  }

  /** Commits, and has Flux fetch it; resolves with the revision as Flux names it. */
  async commit(message: string, change: Change): Promise<string> {
    const hash = await this.#git.commit(message, change);
    await this.#fetch();
    return `main@sha1:${hash}`;
  }

  /** Has Flux sync a folder, by the guide's Kustomization but for what is given here and for its dependence on the operator's. */
  async sync(name: string, spec: Body = {}): Promise<void> {
    const guide = fromGuide('Kustomization');
    const { dependsOn: _, ...rest } = guide.spec;
    const impatient = { retryInterval: '1s', timeout: '1m' };
    await this.#apply([
      {
        ...guide,
        metadata: { name, namespace },
        spec: { ...rest, ...impatient, path: `./${name}`, ...spec },
      },
    ]);
  }

  /** What Flux says of a Kustomization. */
  async status(name: string): Promise<Sync> {
    const { status } = await this.#read('kustomize.toolkit.fluxcd.io', 'kustomizations', name);
    const { conditions = [] } = status ?? {};
    return {
      revision: status?.lastAppliedRevision,
      attempted: status?.lastAttemptedRevision,
      conditions: Object.fromEntries(
        conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]),
      ),
      messages: Object.fromEntries(conditions.map(({ type, message }) => [type, message])),
    };
  }

  /** Resolves once Flux says so of a revision that it has tried, such as `False HealthCheckFailed`. */
  async becomes(name: string, ready: string, revision: string): Promise<Sync> {
    return await this.#until(name, `is ${ready} at ${revision}`, ({ conditions, attempted }) => {
      return conditions.Ready === ready && attempted === revision;
    });
  }

  /** Resolves once Flux has applied a revision and found it healthy; it says so in two writes. */
  async synced(name: string, revision: string): Promise<Sync> {
    return await this.#until(name, `is synced at ${revision}`, (status) => {
      return status.conditions.Ready === 'True ReconciliationSucceeded' && status.revision === revision;
    });
  }

  /** The end of what the controllers have logged, for a failure's message. */
  async log(): Promise<string> {
    const logs = [sourceController, kustomizeController].map(async ({ name }) =>
      (await readFile(join(this.#directory, `${name}.log`), 'utf8')).split('\n').slice(-15).join('\n'),
    );
    return (await Promise.all(logs)).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const controller of this.#controllers) {
      controller.kill('SIGKILL');
      if (controller.exitCode === null && controller.signalCode === null) await once(controller, 'exit');
    }
    await this.#cluster[Symbol.asyncDispose]();
    await this.#git[Symbol.asyncDispose]();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Resolves once the repository has been fetched. */
  async #fetched(): Promise<void> {
    await eventually(
      async () => {
        const { status } = await this.#read('source.toolkit.fluxcd.io', 'gitrepositories', 'fleet');
        const ready = status?.conditions?.find(({ type }) => type === 'Ready');
        if (ready?.status !== 'True') throw new Error(JSON.stringify(status));
      },
      { what: 'source-controller has fetched the repository', timeoutMs: 60_000 },
    );
  }

  async #read(group: string, plural: string, name: string): Promise<{ readonly status?: FluxStatus }> {
    const admin = loadKubeconfig(this.#cluster.controlPlane.adminKubeconfig);
    const target = { group, version: 'v1', plural, namespace, name };
    return await admin.makeApiClient(CustomObjectsApi).getNamespacedCustomObject(target);
  }

  async #until(name: string, what: string, check: (status: Sync) => boolean): Promise<Sync> {
    return await eventually(
      async () => {
        const status = await this.status(name);
        if (!check(status)) throw new Error(JSON.stringify(status));
        return status;
      },
      { what: `${name} ${what}`, timeoutMs: 180_000 },
    );
  }

  /** The guide's GitRepository; each time anew, it is a request to fetch at once. */
  async #fetch(): Promise<void> {
    const guide = fromGuide('GitRepository');
    this.#requests += 1;
    const annotations = { 'reconcile.fluxcd.io/requestedAt': String(this.#requests) };
    await this.#apply([
      { ...guide, metadata: { ...guide.metadata, annotations }, spec: { ...guide.spec, url: this.#git.url } },
    ]);
  }

  async #apply(objects: readonly (KubernetesObject & { readonly spec?: Body })[]): Promise<void> {
    await applyManifests(loadKubeconfig(this.#cluster.controlPlane.adminKubeconfig), objects);
  }

  async #run(path: string, name: string, flags: readonly string[]): Promise<void> {
    const temporary = join(this.#directory, name);
    await mkdir(temporary);
    const everywhere = ['--health-addr=127.0.0.1:0', '--metrics-addr=0', '--watch-all-namespaces=true'];
    const child = spawn(path, [...everywhere, ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        KUBECONFIG: await this.#cluster.controlPlane.kubeconfigForServiceAccount(namespace, name),
        RUNTIME_NAMESPACE: namespace,
        TMPDIR: temporary,
      },
    });
    const log = createWriteStream(join(this.#directory, `${name}.log`));
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    const killWithOwner = (): void => void child.kill('SIGKILL');
    process.once('exit', killWithOwner);
    child.once('exit', () => process.off('exit', killWithOwner));
    this.#controllers.push(child);
  }
}

interface Crd extends KubernetesObject {
  readonly spec: { readonly versions: readonly { readonly name: string; readonly storage: boolean }[] };
}

/**
 * kustomize-controller watches every kind of source as v1, which those that are not used here are not yet in source-controller's CRDs
 * (see tools/foreign/source-controller/go.mod): their newest version, under that name.
 */
function servedAsV1(object: KubernetesObject): Crd {
  const crd = object as Crd;
  const { versions } = crd.spec;
  const newest = versions.at(-1);
  if (newest === undefined || versions.some(({ name }) => name === 'v1')) return crd;
  return {
    ...crd,
    spec: { ...crd.spec, versions: [...versions, { ...newest, name: 'v1', storage: false }] },
  };
}
