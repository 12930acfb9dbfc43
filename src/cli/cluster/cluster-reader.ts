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
  /** A server that does not serve it has none of it, and that is no gap. Default false. */
  readonly isOptional?: boolean;
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
      if (error.kind === 'notFound' && request.isOptional === true) return { items: [], isComplete: true };
      this.#noteFailure(request, selection, error);
      const canRetry = error.kind === 'forbidden' && this.#hasOwn(resource) && isEmpty(selection);
      return { items: canRetry ? await this.#listOwn(request) : [], isComplete: false };
    }
  }

  #hasOwn({ namespaced, plural, group }: ResourceDefinition): boolean {
    return namespaced || (plural === 'namespaces' && group === '');
  }

  /** What the user may see at the least: what is in the own namespace, or that namespace itself. */
  async #listOwn<R>(request: ReadRequest<R>): Promise<readonly R[]> {
    const own = request.resource.namespaced
      ? { ...request.selection, namespace: this.#ownNamespace }
      : { fieldSelector: `metadata.name=${this.#ownNamespace}` };
    try {
      return await this.#list(request, own);
    } catch (error) {
      if (!isApiError(error, 'forbidden', 'notFound')) throw error;
      // The gap for all namespaces says it already.
      return [];
    }
  }

  async #list<R>({ resource, project }: ReadRequest<R>, selection: Selection): Promise<readonly R[]> {
    return await this.#progress.during(`reading ${resource.plural}`, async () => {
      const keep = (object: KubernetesObject): R[] => {
        const item = project(object);
        return item === undefined ? [] : [item];
      };
      const [, name] = /^metadata\.name=(.+)$/.exec(selection.fieldSelector ?? '') ?? [];
      if (name !== undefined) {
        const object = await this.#source.get(resource, name, selection.namespace);
        return object === undefined ? [] : keep(object);
      }
      for (;;) {
        const items: R[] = [];
        try {
          for await (const page of this.#source.pages(resource, selection)) {
            for (const object of page) for (const item of keep(object)) items.push(item);
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

function isEmpty({ namespace, fieldSelector, labelSelector }: Selection): boolean {
  return namespace === undefined && fieldSelector === undefined && labelSelector === undefined;
}
