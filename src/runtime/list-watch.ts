/**
 * The seam between the runtime and whatever serves lists and watches (src/kube in this project).
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */

/** What the runtime needs to know of an object: Kubernetes' own metadata, nothing of a domain. */
export interface ObjectWithMeta {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
}

/** One page of a list. `continueToken` is absent on the last page. */
export interface ListPage<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly continueToken?: string;
}

export interface ListQuery {
  /** Objects per page. */
  readonly limit: number;
  readonly continueToken?: string;
}

export interface WatchQuery {
  /** Resume after this version; absent with `sendInitialEvents` asks for the newest state first. */
  readonly resourceVersion?: string;
  /** Ask the server to stream the initial list (KEP-3157). */
  readonly sendInitialEvents: boolean;
  /** The server ends the watch by itself after so long. Seconds. */
  readonly timeoutSeconds: number;
}

/** Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes */
export type WatchEvent<T extends ObjectWithMeta> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly endsInitialEvents: boolean };

/** Cuts the bytes of one watch into events, wherever the chunks were cut. */
export interface EventDecoder<T extends ObjectWithMeta> {
  /** Bytes of an unfinished event. Not 0 at the end of a stream: it was cut short. */
  readonly pendingBytes: number;
  /**
   * Calls `onEvent` for each event that is complete with this chunk, at once and in order. The chunk is the decoder's from then on.
   * @throws {MalformedWatchError} at what is no event
   * @throws {WatchStatusError} at an ERROR event
   */
  push(chunk: Uint8Array, onEvent: (event: WatchEvent<T>) => void): void;
}

/** An open watch: its bytes as they arrive, and what reads them. */
export interface WatchStream<T extends ObjectWithMeta> {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly decoder: EventDecoder<T>;
}

/**
 * Lists and watches one resource. Failures are thrown as {@link WatchFailureError}; any other error counts as
 * transient. Bookmarks are to be asked for.
 *
 * Both calls, and the stream, end promptly when their signal is aborted, be it by an error or an early end: a watcher
 * waits for that before it tries again, so that it never has two connections. Neither retries by itself.
 * A list without `continueToken`, and a streamed one, must be a consistent read (no `resourceVersion` asked for).
 */
export interface ListWatch<T extends ObjectWithMeta> {
  /** Names the resource in logs and metrics, for example `networkpolicies.networking.k8s.io`. */
  readonly resource: string;
  list(query: ListQuery, signal: AbortSignal): Promise<ListPage<T>>;
  watch(query: WatchQuery, signal: AbortSignal): Promise<WatchStream<T>>;
}

/** How a failed list or watch is to be answered. Carried by errors as `watchFailure`. */
export type WatchFailure =
  /** 410 Gone or reason Expired: the version is compacted, list anew. */
  | 'expired'
  /** The server does not know `sendInitialEvents`: fall back to a paginated list. */
  | 'unsupported'
  /** The server does not serve the resource at all (404 of a list or watch). */
  | 'unserved'
  /** Everything else: back off and try again, for ever. */
  | 'transient';

/** An error that knows how a watcher should answer it. Thrown by implementations of {@link ListWatch}. */
export interface WatchFailureError extends Error {
  readonly watchFailure: WatchFailure;
  /** The server's Retry-After, in milliseconds. */
  readonly retryAfterMs?: number;
}
