import type { KubernetesObject } from '../../api/objects.ts';
import { type ApiError, isApiError } from '../../kube/api-error.ts';
import type { ResourceDefinition } from '../../kube/resource-client.ts';
import type { Progress } from '../progress.ts';
import { type Gap, resourceName } from './gap.ts';
import { ListExpiredError, type ListSource, type Selection } from './list-source.ts';

/** What to read, and what it means not to. */
export interface ReadRequest<R> {
  readonly resource: ResourceDefinition;
  readonly selection?: Selection;
  /** What the answer lacks where this may not be read. */
  readonly consequence: string;
  /** What is kept of an object; undefined for nothing. */
  readonly project: (object: KubernetesObject) => R | undefined;
}

/** What was read. */
export interface ReadResult<R> {
  readonly items: readonly R[];
  /** Whether these are all that there are; otherwise a gap has been noted. */
  readonly isComplete: boolean;
}

/**
 * Reads a cluster as far as the user may: what is forbidden becomes a gap, not an error. A list over all namespaces that
 * is forbidden is tried again in the user's own namespace.
 */
export class ClusterReader {
  readonly #source: ListSource;
  readonly #progress: Progress;
  readonly #ownNamespace: string;
  readonly #gaps: Gap[] = [];

  constructor(source: ListSource, progress: Progress, ownNamespace: string) {
    this.#source = source;
    this.#progress = progress;
    this.#ownNamespace = ownNamespace;
  }

  /** What could not be seen, in a stable order. */
  get gaps(): readonly Gap[] {
    const key = ({ permission, namespace = '' }: Gap): string => `${permission} ${namespace}`;
    return this.#gaps.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
  }

  /** Notes something that could not be seen. */
  note(gap: Gap): void {
    this.#gaps.push(gap);
  }

  /** @throws ApiError for what is no matter of permissions, such as an API server that does not answer */
  async read<R>(request: ReadRequest<R>): Promise<ReadResult<R>> {
    const { resource, selection = {} } = request;
    try {
      return { items: await this.#list(request, selection), isComplete: true };
    } catch (error) {
      if (!isApiError(error, 'forbidden', 'notFound')) throw error;
      this.#noteFailure(request, selection, error);
      const retriesOwn =
        error.kind === 'forbidden' && resource.namespaced && selection.namespace === undefined;
      return { items: retriesOwn ? await this.#listOwn(request) : [], isComplete: false };
    }
  }

  async #listOwn<R>(request: ReadRequest<R>): Promise<readonly R[]> {
    try {
      return await this.#list(request, { ...request.selection, namespace: this.#ownNamespace });
    } catch (error) {
      if (!isApiError(error, 'forbidden', 'notFound')) throw error;
      this.#noteFailure(request, { namespace: this.#ownNamespace }, error);
      return [];
    }
  }

  async #list<R>({ resource, project }: ReadRequest<R>, selection: Selection): Promise<readonly R[]> {
    return await this.#progress.during(`reading ${resource.plural}`, async () => {
      for (;;) {
        const items: R[] = [];
        try {
          for await (const page of this.#source.pages(resource, selection)) {
            for (const object of page) {
              const item = project(object);
              if (item !== undefined) items.push(item);
            }
          }
          return items;
        } catch (error) {
          if (!(error instanceof ListExpiredError)) throw error;
        }
      }
    });
  }

  #noteFailure(request: ReadRequest<unknown>, { namespace }: Selection, error: ApiError): void {
    this.note({
      reason: error.kind === 'forbidden' ? 'forbidden' : 'not-served',
      permission: `list ${resourceName(request.resource)}`,
      namespace,
      consequence: request.consequence,
    });
  }
}
