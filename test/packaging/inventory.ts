import { KubeConfig } from '@kubernetes/client-node';
import { ApiClient } from '../../src/kube/api-client.ts';
import { Credentials } from '../../src/kube/credentials.ts';
import { rootPath } from '../../src/kube/resource-client.ts';
import { systemClock } from '../../src/runtime/clock.ts';

interface Served {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

interface Listed {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

/** Events go by themselves, after an hour; and the API server renews what says that it is there. */
const passing = /^(events|events\.events\.k8s\.io|leases\.coordination\.k8s\.io kube-system\/)/;

/** Reads everything that there is in a cluster, of every resource that the API server serves. */
export class Inventory {
  readonly #client: ApiClient;

  constructor(kubeconfigPath: string) {
    const kubeconfig = new KubeConfig();
    kubeconfig.loadFromFile(kubeconfigPath);
    const credentials = new Credentials({ load: () => kubeconfig, clock: systemClock });
    this.#client = new ApiClient({ credentials, clock: systemClock, version: 'inventory' });
  }

  /**
   * Every object by its name, such as `roles.rbac.authorization.k8s.io default/a`, with what people and tools have written of it: not its
   * status, and not what the API server keeps about it.
   */
  async take(): Promise<Readonly<Record<string, unknown>>> {
    const objects: [string, unknown][] = [];
    for (const { group, version, plural } of await this.#served()) {
      const path = `${rootPath({ group, version, plural, namespaced: false })}/${plural}`;
      const resource = group === '' ? plural : `${plural}.${group}`;
      for (const object of (await this.#get<{ items: readonly Listed[] }>(path)).items) {
        const { namespace, name } = object.metadata;
        const key = `${resource} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
        if (!passing.test(key)) objects.push([key, written(object)]);
      }
    }
    return Object.fromEntries(objects.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  /** Each resource that can be listed, in the version that its group prefers. */
  async #served(): Promise<readonly Served[]> {
    const { groups } = await this.#get<{
      groups: readonly { name: string; preferredVersion: { version: string } }[];
    }>('/apis');
    const preferred = groups.map(({ name, preferredVersion }) => [name, preferredVersion.version] as const);
    const resources = [['', 'v1'] as const, ...preferred].map(async ([group, version]) => {
      const root = rootPath({ group, version, plural: '', namespaced: false });
      const { resources } = await this.#get<{
        resources: readonly { name: string; verbs: readonly string[] }[];
      }>(root);
      return resources
        .filter(({ name, verbs }) => !name.includes('/') && verbs.includes('list'))
        .map(({ name }) => ({ group, version, plural: name }));
    });
    return (await Promise.all(resources)).flat();
  }

  async #get<Answer>(path: string): Promise<Answer> {
    return await this.#client.request<Answer>({
      operation: { verb: 'get', resource: 'inventory' },
      method: 'GET',
      path,
    });
  }
}

function written(object: Listed): unknown {
  const { status: _, metadata, ...content } = object;
  const { uid, labels, annotations, ownerReferences, finalizers } = metadata;
  return { ...content, metadata: { uid, labels, annotations, ownerReferences, finalizers } };
}
