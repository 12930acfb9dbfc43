import type { KubernetesObject } from '../../api/objects.ts';
import type { ApiClient } from '../../kube/api-client.ts';
import { isApiError } from '../../kube/api-error.ts';
import { ResourceClient, type ResourceDefinition } from '../../kube/resource-client.ts';

/** Which objects of a resource. */
export interface Selection {
  readonly namespace?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly labelSelector?: string | undefined;
}

/** Objects by the page: what a reader keeps of one is for it to say, before the next one comes. */
export interface ListSource {
  /** @throws ApiError */
  pages(resource: ResourceDefinition, selection: Selection): AsyncIterable<readonly KubernetesObject[]>;
  /**
   * One object; undefined where it is not there. Who may not list may yet be permitted to get it.
   *
   * @throws ApiError
   */
  get(
    resource: ResourceDefinition,
    name: string,
    namespace: string | undefined,
  ): Promise<KubernetesObject | undefined>;
}

/** Large enough for few requests, small enough for little memory. */
const pageSize = 1000;

/** Lists from an API server. */
export class ApiListSource implements ListSource {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  async get(
    resource: ResourceDefinition,
    name: string,
    namespace: string | undefined,
  ): Promise<KubernetesObject | undefined> {
    try {
      return await new ResourceClient<KubernetesObject>(this.#client, resource).get(name, namespace);
    } catch (error) {
      if (isApiError(error, 'notFound')) return undefined;
      throw error;
    }
  }

  async *pages(
    resource: ResourceDefinition,
    selection: Selection,
  ): AsyncGenerator<readonly KubernetesObject[]> {
    const client = new ResourceClient<KubernetesObject>(this.#client, resource);
    let continueToken: string | undefined;
    do {
      const page = await client.listPage({ ...selection, limit: pageSize, continueToken }).catch((error) => {
        if (continueToken !== undefined && isApiError(error, 'gone')) return undefined;
        throw error;
      });
      if (page === undefined) throw new ListExpiredError();
      yield page.items;
      continueToken = page.continueToken;
    } while (continueToken !== undefined);
  }
}

/** The cluster changed so much during a list that its pages no longer fit together. */
export class ListExpiredError extends Error {
  override readonly name = 'ListExpiredError';
}
