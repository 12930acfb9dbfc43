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

/**
 * Lists and watches one resource. Failures are thrown as {@link WatchFailureError}; any other error counts as
 * transient. The stream of `watch` yields raw bytes as they arrive (one JSON event a line); bookmarks are to be asked for.
 *
 * Both calls, and the stream, end promptly when their signal is aborted, be it by an error or an early end: a watcher
 * waits for that before it tries again, so that it never has two connections. Neither retries by itself.
 * A list without `continueToken`, and a streamed one, must be a consistent read (no `resourceVersion` asked for).
 */
export interface ListWatch<T extends ObjectWithMeta> {
  /** Names the resource in logs and metrics, for example `networkpolicies.networking.k8s.io`. */
  readonly resource: string;
  list(query: ListQuery, signal: AbortSignal): Promise<ListPage<T>>;
  watch(query: WatchQuery, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
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
