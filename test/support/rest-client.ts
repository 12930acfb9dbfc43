import { Agent, request } from 'node:https';
import { loadKubeconfig } from './control-plane.ts';

/** An object as the API server gives it; tests read it freely. */
export interface ServedObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly deletionTimestamp?: string;
    readonly creationTimestamp: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly finalizers?: readonly string[];
    readonly ownerReferences?: readonly unknown[];
    readonly managedFields?: readonly { readonly manager?: string }[];
  };
  readonly [field: string]: unknown;
}

/** What is sent: any JSON. */
export type Body = Readonly<Record<string, unknown>>;

const core = '/api/v1';
const rbac = '/apis/rbac.authorization.k8s.io/v1';

/** Where each kind that the tests use is served. */
const resources = {
  Namespace: { root: core, plural: 'namespaces', namespaced: false },
  ConfigMap: { root: core, plural: 'configmaps', namespaced: true },
  Pod: { root: core, plural: 'pods', namespaced: true },
  Service: { root: core, plural: 'services', namespaced: true },
  ServiceAccount: { root: core, plural: 'serviceaccounts', namespaced: true },
  ResourceQuota: { root: core, plural: 'resourcequotas', namespaced: true },
  LimitRange: { root: core, plural: 'limitranges', namespaced: true },
  NetworkPolicy: { root: '/apis/networking.k8s.io/v1', plural: 'networkpolicies', namespaced: true },
  Role: { root: rbac, plural: 'roles', namespaced: true },
  RoleBinding: { root: rbac, plural: 'rolebindings', namespaced: true },
  ClusterRole: { root: rbac, plural: 'clusterroles', namespaced: false },
  ClusterRoleBinding: { root: rbac, plural: 'clusterrolebindings', namespaced: false },
  Lease: { root: '/apis/coordination.k8s.io/v1', plural: 'leases', namespaced: true },
  Event: { root: '/apis/events.k8s.io/v1', plural: 'events', namespaced: true },
  SubjectAccessReview: {
    root: '/apis/authorization.k8s.io/v1',
    plural: 'subjectaccessreviews',
    namespaced: false,
  },
  CustomResourceDefinition: {
    root: '/apis/apiextensions.k8s.io/v1',
    plural: 'customresourcedefinitions',
    namespaced: false,
  },
  BaselineException: {
    root: '/apis/securitybaseline.io/v1alpha1',
    plural: 'baselineexceptions',
    namespaced: true,
  },
  SecurityBaseline: {
    root: '/apis/securitybaseline.io/v1alpha1',
    plural: 'securitybaselines',
    namespaced: false,
  },
} as const;

/** A kind that the tests use. */
export type Kind = keyof typeof resources;

/** Names an object; without `name`, all of its kind. */
export interface Target {
  readonly kind: Kind;
  readonly namespace?: string;
  readonly name?: string;
}

/** `apiVersion` of a kind. */
export function apiVersionOf(kind: Kind): string {
  return resources[kind].root.replace(/^\/apis?\//, '');
}

/** The path of an object, or of all of its kind. */
export function pathOf({ kind, namespace, name }: Target): string {
  const { root, plural, namespaced } = resources[kind];
  const scope = namespaced && namespace !== undefined ? `/namespaces/${namespace}` : '';
  return `${root}${scope}/${plural}${name === undefined ? '' : `/${name}`}`;
}

/** The API server refused; the message is its own. */
export class RestError extends Error {
  override readonly name = 'RestError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * A client of the API server that is not the operator's own, and that shows and sends objects just as they are. Unknown fields are
 * refused, as by `kubectl`.
 */
export class RestClient {
  readonly #server: URL;
  readonly #agent: Agent;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(kubeconfigPath: string) {
    const kubeconfig = loadKubeconfig(kubeconfigPath);
    const cluster = kubeconfig.getCurrentCluster();
    const user = kubeconfig.getCurrentUser();
    this.#server = new URL(cluster?.server ?? '');
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: 16,
      ca: decoded(cluster?.caData),
      cert: decoded(user?.certData),
      key: decoded(user?.keyData),
    });
    this.#headers = user?.token === undefined ? {} : { authorization: `Bearer ${user.token}` };
  }

  /** @throws {RestError} with status 404 where it is not there */
  async get(target: Required<Pick<Target, 'name'>> & Target): Promise<ServedObject> {
    return (await this.#send('GET', pathOf(target))) as ServedObject;
  }

  /** The object, or undefined. */
  async find(target: Required<Pick<Target, 'name'>> & Target): Promise<ServedObject | undefined> {
    try {
      return await this.get(target);
    } catch (error) {
      if (error instanceof RestError && error.status === 404) return undefined;
      throw error;
    }
  }

  async list(target: Target): Promise<readonly ServedObject[]> {
    const { items } = (await this.#send('GET', pathOf(target))) as { items: ServedObject[] };
    return items;
  }

  async create(
    { kind, namespace, name }: Target,
    content: Body = {},
    query: Readonly<Record<string, string>> = {},
  ): Promise<ServedObject> {
    const { metadata, ...rest } = content as { metadata?: object };
    const body = {
      apiVersion: apiVersionOf(kind),
      kind,
      metadata: { name, namespace, ...metadata },
      ...rest,
    };
    const path = pathOf({ kind, ...(namespace === undefined ? {} : { namespace }) });
    return (await this.#send('POST', `${path}?${strict(query)}`, body)) as ServedObject;
  }

  /** Writes a whole object over another, as `kubectl replace` does. */
  async replace(object: ServedObject): Promise<ServedObject> {
    const { namespace, name } = object.metadata;
    const target = { kind: object.kind as Kind, name, ...(namespace === undefined ? {} : { namespace }) };
    return (await this.#send('PUT', `${pathOf(target)}?${strict()}`, object)) as ServedObject;
  }

  async mergePatch(
    target: Required<Pick<Target, 'name'>> & Target,
    patch: Body,
    subresource?: 'status',
  ): Promise<ServedObject> {
    const type = 'application/merge-patch+json';
    const path = subresource === undefined ? pathOf(target) : `${pathOf(target)}/${subresource}`;
    return (await this.#send('PATCH', `${path}?${strict()}`, patch, type)) as ServedObject;
  }

  /** Server-side apply as another field manager. */
  async apply(
    target: Required<Pick<Target, 'name'>> & Target,
    content: Body,
    fieldManager: string,
  ): Promise<ServedObject> {
    const { metadata, ...rest } = content as { metadata?: object };
    const { kind, namespace, name } = target;
    const body = {
      apiVersion: apiVersionOf(kind),
      kind,
      metadata: { name, namespace, ...metadata },
      ...rest,
    };
    const query = strict({ fieldManager, force: 'true' });
    const type = 'application/apply-patch+yaml';
    return (await this.#send('PATCH', `${pathOf(target)}?${query}`, body, type)) as ServedObject;
  }

  /** Deletes, without waiting for the object to be gone; one that is not there is no error. */
  async delete(target: Required<Pick<Target, 'name'>> & Target): Promise<void> {
    try {
      await this.#send('DELETE', pathOf(target));
    } catch (error) {
      if (!(error instanceof RestError && error.status === 404)) throw error;
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #send(method: string, path: string, body?: Body, type = 'application/json'): Promise<unknown> {
    const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
      const call = request(
        new URL(path, this.#server),
        { method, agent: this.#agent, headers: { ...this.#headers, 'content-type': type } },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.once('error', reject);
          response.once('end', () =>
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
          );
        },
      );
      call.once('error', reject);
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
    if (status < 400) return JSON.parse(text);
    throw new RestError(status, messageOf(text));
  }
}

function strict(query: Readonly<Record<string, string>> = {}): URLSearchParams {
  return new URLSearchParams({ fieldValidation: 'Strict', ...query });
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text;
  }
}

function decoded(data: string | undefined): string | undefined {
  return data === undefined ? undefined : Buffer.from(data, 'base64').toString('utf8');
}
