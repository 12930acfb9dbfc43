import { JsonWatchDecoder } from '../runtime/json-watch-decoder.ts';
import type {
  EventDecoder,
  ListPage,
  ListQuery,
  ListWatch,
  ObjectWithMeta,
  WatchFailureError,
  WatchQuery,
  WatchStream,
} from '../runtime/list-watch.ts';
import type { ApiClient } from './api-client.ts';
import { isApiError } from './api-error.ts';
import { protobufType } from './protobuf/envelope.ts';
import { UnknownFieldError } from './protobuf/message.ts';
import { protobufResources } from './protobuf/resources.ts';
import { ProtobufWatchDecoder } from './protobuf/watch-decoder.ts';
import {
  type ListOptions,
  ResourceClient,
  type ResourceDefinition,
  resourcePath,
  rootPath,
  setSelectors,
} from './resource-client.ts';

/** The server refused a streaming initial list; the message of the cause is its own. */
export class StreamingListUnsupportedError extends Error implements WatchFailureError {
  override readonly name = 'StreamingListUnsupportedError';
  readonly watchFailure = 'unsupported';
}

const json = 'application/json';

/**
 * Serves the runtime's lists and watches of one resource. Watches of built-in kinds come as protobuf, which costs the API server a third
 * (ADR 17). After an event that cannot be read, the next watch is in JSON, to get past it; after a field that is not known here, all are.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#streaming-lists
 *
 * @param selection narrows what is listed and watched; default everything in all namespaces
 */
export function createListWatch<T extends ObjectWithMeta>(
  client: ApiClient,
  definition: ResourceDefinition,
  selection: Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'> = {},
): ListWatch<T> {
  const { group, version, plural } = definition;
  const resources = new ResourceClient<T>(client, definition);
  const path = resourcePath(rootPath(definition), definition, selection.namespace);
  let message = protobufResources[`${group}/${version}/${plural}`];
  let isNextInJson = false;

  function onUnreadable(error: Error): void {
    if (error instanceof UnknownFieldError) message = undefined;
    isNextInJson = true;
  }

  function decoderFor(contentType = json): EventDecoder<T> {
    if (message === undefined || !contentType.startsWith(protobufType)) return new JsonWatchDecoder();
    return new ProtobufWatchDecoder(message, onUnreadable);
  }

  return {
    resource: group === '' ? plural : `${plural}.${group}`,

    async list(query: ListQuery, signal: AbortSignal): Promise<ListPage<T>> {
      // Nothing is decided before the caches are there: nobody's work is more urgent.
      return await resources.listPage({ ...selection, ...query, priority: 'urgent', signal });
    },

    async watch(query: WatchQuery, signal: AbortSignal): Promise<WatchStream<T>> {
      const parameters = watchParameters(query);
      setSelectors(parameters, selection);
      const accept = message === undefined || isNextInJson ? json : `${protobufType};stream=watch, ${json}`;
      try {
        const { contentType, chunks } = await client.stream({
          operation: { verb: 'watch', resource: plural, namespace: selection.namespace },
          method: 'GET',
          path: `${path}?${parameters}`,
          accept,
          signal,
        });
        isNextInJson = false;
        return { chunks, decoder: decoderFor(contentType) };
      } catch (error) {
        // A server without the feature refuses the parameter (422), an older one the resourceVersionMatch (400).
        if (!query.sendInitialEvents || !isApiError(error, 'invalid')) throw error;
        throw new StreamingListUnsupportedError('the API server offers no streaming lists', { cause: error });
      }
    },
  };
}

function watchParameters(query: WatchQuery): URLSearchParams {
  const parameters = new URLSearchParams({
    watch: 'true',
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(query.timeoutSeconds),
  });
  if (query.resourceVersion !== undefined) parameters.set('resourceVersion', query.resourceVersion);
  if (query.sendInitialEvents) {
    parameters.set('sendInitialEvents', 'true');
    parameters.set('resourceVersionMatch', 'NotOlderThan');
  }
  return parameters;
}
