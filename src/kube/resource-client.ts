import type { ResourceType } from '../api/kinds.ts';
import type { ObjectMeta } from '../api/objects.ts';
import type { ApiClient, ApiRequest, Method } from './api-client.ts';
import { isApiError } from './api-error.ts';
import type { Priority } from './in-flight-limiter.ts';
import type { Verb } from './operation.ts';

/** Where the API server serves a kind, and whether its objects live in namespaces. */
export interface ResourceDefinition extends ResourceType {
  readonly namespaced: boolean;
}

/** The part of an object that a client must know. */
export interface KubeObject {
  readonly metadata: ObjectMeta;
}

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
  readonly priority?: Priority | undefined;
}

export interface WriteOptions extends RequestOptions {
  /** Have the API server check and default it, but store nothing. */
  readonly dryRun?: boolean;
  /** For example `status`. */
  readonly subresource?: string;
}

export interface ApplyOptions extends WriteOptions {
  /** Take fields over from other managers; without it their fields are a conflict. */
  readonly force?: boolean;
}

export interface DeleteOptions extends RequestOptions {
  readonly dryRun?: boolean;
  /** Delete this very object and no namesake. */
  readonly uid?: string | undefined;
  /** Delete it only as it was read. */
  readonly resourceVersion?: string | undefined;
}

export interface ListOptions extends RequestOptions {
  /** Default: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface ListPageOptions extends ListOptions {
  /** Objects per page; 0 is all in one. */
  readonly limit: number;
  readonly continueToken?: string | undefined;
}

export interface ResourcePage<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly continueToken?: string;
}

interface ListBody<T> {
  readonly items: readonly T[] | null;
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
}

export interface ResourceClientOptions {
  /** Names us in managedFields. Default `security-baseline-operator`. */
  readonly fieldManager?: string;
}

const defaultPageSize = 500;

/**
 * One kind's requests. Every write names its field manager, and asks the API server to refuse fields that it does not
 * know (`fieldValidation=Strict`): dropped in silence, an unknown field of a NetworkPolicy may leave a rule without peers.
 *
 * Items of a list carry no `apiVersion` and `kind`: the API server leaves them out of lists of built-in kinds.
 */
export class ResourceClient<T extends KubeObject> {
  readonly definition: ResourceDefinition;
  readonly #client: ApiClient;
  readonly #root: string;
  readonly #writeQuery: string;

  constructor(client: ApiClient, definition: ResourceDefinition, options: ResourceClientOptions = {}) {
    this.#client = client;
    this.definition = definition;
    this.#root = rootPath(definition);
    this.#writeQuery = `fieldManager=${options.fieldManager ?? 'security-baseline-operator'}&fieldValidation=Strict`;
  }

  /** @param namespace left out for cluster-scoped kinds, here and below */
  async get(name: string, namespace?: string, options: RequestOptions = {}): Promise<T> {
    return await this.#send<T>('get', 'GET', { name, namespace }, '', undefined, options);
  }

  /**
   * Everything there is, read in pages. Where the first page's version is compacted before the last is read, all is
   * read anew in one piece.
   */
  async list(options: ListOptions = {}): Promise<ResourcePage<T>> {
    const items: T[] = [];
    try {
      let continueToken: string | undefined;
      for (;;) {
        const page: ResourcePage<T> = await this.listPage({
          ...options,
          limit: defaultPageSize,
          continueToken,
        });
        for (const item of page.items) items.push(item);
        continueToken = page.continueToken;
        if (continueToken === undefined) return { items, resourceVersion: page.resourceVersion };
      }
    } catch (error) {
      if (!isApiError(error, 'gone')) throw error;
      return await this.listPage({ ...options, limit: 0 });
    }
  }

  async listPage(options: ListPageOptions): Promise<ResourcePage<T>> {
    const query = new URLSearchParams();
    if (options.limit > 0) query.set('limit', String(options.limit));
    if (options.continueToken) query.set('continue', options.continueToken);
    setSelectors(query, options);
    const target = { namespace: options.namespace };
    const body = await this.#send<ListBody<T>>('list', 'GET', target, query.toString(), undefined, options);
    return {
      items: body.items ?? [],
      resourceVersion: body.metadata.resourceVersion,
      ...(body.metadata.continue && { continueToken: body.metadata.continue }),
    };
  }

  async create(object: T, options: WriteOptions = {}): Promise<T> {
    const { name, namespace } = object.metadata;
    const path = this.#path(
      namespace,
      options.subresource === undefined ? undefined : name,
      options.subresource,
    );
    return await this.#write('create', 'POST', path, object.metadata, object, options);
  }

  /** PUT. With `metadata.resourceVersion` in the object, only over the version that was read. */
  async replace(object: T, options: WriteOptions = {}): Promise<T> {
    const { name, namespace } = object.metadata;
    const path = this.#path(namespace, name, options.subresource);
    return await this.#write('update', 'PUT', path, object.metadata, object, options);
  }

  /** JSON merge patch (RFC 7396): null removes a field. `metadata.resourceVersion` in it is a precondition. */
  async mergePatch(
    name: string,
    namespace: string | undefined,
    patch: object,
    options: WriteOptions = {},
  ): Promise<T> {
    const path = this.#path(namespace, name, options.subresource);
    return await this.#write('patch', 'PATCH', path, { name, namespace }, patch, {
      ...options,
      contentType: 'application/merge-patch+json',
    });
  }

  /** Server-side apply. The object must carry `apiVersion` and `kind`. */
  async apply(object: T, options: ApplyOptions = {}): Promise<T> {
    const { name, namespace } = object.metadata;
    const path = this.#path(namespace, name, options.subresource);
    return await this.#write('apply', 'PATCH', path, object.metadata, object, {
      ...options,
      // JSON is YAML, and this type is served by every version that knows apply.
      contentType: 'application/apply-patch+yaml',
      query: options.force ? '&force=true' : '',
    });
  }

  /** In the background: the API server answers at once, dependents go later. */
  async delete(name: string, namespace?: string, options: DeleteOptions = {}): Promise<void> {
    const { uid, resourceVersion } = options;
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Background',
      ...((uid !== undefined || resourceVersion !== undefined) && {
        preconditions: { uid, resourceVersion },
      }),
      ...(options.dryRun && { dryRun: ['All'] }),
    };
    await this.#send('delete', 'DELETE', { name, namespace }, '', body, options);
  }

  #path(namespace: string | undefined, name?: string, subresource?: string): string {
    return resourcePath(this.#root, this.definition, namespace, name, subresource);
  }

  async #write(
    verb: Verb,
    method: Method,
    path: string,
    target: { readonly name: string; readonly namespace?: string | undefined },
    body: unknown,
    options: WriteOptions & { readonly contentType?: string; readonly query?: string },
  ): Promise<T> {
    const { plural } = this.definition;
    const dryRun = options.dryRun ? '&dryRun=All' : '';
    return await this.#client.request<T>({
      operation: {
        verb,
        resource: options.subresource === undefined ? plural : `${plural}/${options.subresource}`,
        namespace: this.definition.namespaced ? target.namespace : undefined,
        name: target.name,
      },
      method,
      path: `${path}?${this.#writeQuery}${options.query ?? ''}${dryRun}`,
      body,
      ...(options.contentType !== undefined && { contentType: options.contentType }),
      signal: options.signal,
      priority: options.priority,
    });
  }

  async #send<R>(
    verb: Verb,
    method: Method,
    target: { readonly name?: string; readonly namespace?: string | undefined },
    query: string,
    body: unknown,
    { signal, priority }: RequestOptions,
  ): Promise<R> {
    const path = this.#path(target.namespace, target.name);
    const request: ApiRequest = {
      operation: { verb, resource: this.definition.plural, ...target },
      method,
      path: query === '' ? path : `${path}?${query}`,
      body,
      signal,
      priority,
    };
    return await this.#client.request<R>(request);
  }
}

/** @returns `/api/v1` or `/apis/<group>/<version>` */
export function rootPath({ group, version }: ResourceDefinition): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** Names are encoded: those of RBAC objects may hold colons and, from a broken source, anything. */
export function resourcePath(
  root: string,
  { plural, namespaced }: ResourceDefinition,
  namespace?: string,
  name?: string,
  subresource?: string,
): string {
  let path = root;
  if (namespaced && namespace !== undefined) path += `/namespaces/${encodeURIComponent(namespace)}`;
  path += `/${plural}`;
  // An empty name would address the collection, and turn a delete into a deletecollection.
  if (name === '') throw new TypeError(`${plural}: an object's name must not be empty`);
  if (name !== undefined) path += `/${encodeURIComponent(name)}`;
  if (subresource !== undefined) path += `/${subresource}`;
  return path;
}

/** Adds the selectors that are given. */
export function setSelectors(
  query: URLSearchParams,
  { labelSelector, fieldSelector }: Pick<ListOptions, 'labelSelector' | 'fieldSelector'>,
): void {
  if (labelSelector) query.set('labelSelector', labelSelector);
  if (fieldSelector) query.set('fieldSelector', fieldSelector);
}
