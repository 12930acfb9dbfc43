import type { ObjectWithMeta, WatchEvent, WatchFailure, WatchFailureError } from './list-watch.ts';

/** Bytes that are no watch event, or none that can be read here: perhaps somebody between us and the API server damages what it says. */
export class MalformedWatchError extends Error {
  override readonly name = 'MalformedWatchError';
}

/** An ERROR event: the server ends the watch and says why. */
export class WatchStatusError extends Error implements WatchFailureError {
  override readonly name = 'WatchStatusError';
  readonly watchFailure: WatchFailure;
  declare readonly retryAfterMs?: number;

  constructor({ code, reason, message, details }: Status) {
    super(`the server ended the watch: ${code ?? 'no code'} ${reason ?? 'no reason'}: ${message ?? ''}`);
    this.watchFailure = code === 410 || reason === 'Expired' || reason === 'Gone' ? 'expired' : 'transient';
    const seconds = details?.retryAfterSeconds;
    if (typeof seconds === 'number') this.retryAfterMs = seconds * 1_000;
  }
}

interface Status {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly retryAfterSeconds?: number };
}

/** An event as it may come from outside. */
interface RawEvent {
  readonly type?: unknown;
  readonly object?: {
    readonly metadata?: {
      readonly name?: unknown;
      readonly uid?: unknown;
      readonly resourceVersion?: unknown;
      readonly annotations?: Readonly<Record<string, unknown>>;
    };
  } & Status;
}

/**
 * Checks what a decoder has read.
 * @throws {MalformedWatchError} where it is no watch event
 * @throws {WatchStatusError} where it is an ERROR event
 */
export function toWatchEvent<T extends ObjectWithMeta>(read: unknown): WatchEvent<T> {
  const event = read as RawEvent | null | undefined;
  const metadata = event?.object?.metadata;
  switch (event?.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      if (isText(metadata?.name) && isText(metadata.uid) && isVersion(metadata.resourceVersion)) {
        return event as unknown as WatchEvent<T>;
      }
      break;
    case 'BOOKMARK':
      if (isVersion(metadata?.resourceVersion)) {
        const endsInitialEvents = metadata?.annotations?.['k8s.io/initial-events-end'] === 'true';
        return { type: 'BOOKMARK', resourceVersion: metadata.resourceVersion, endsInitialEvents };
      }
      break;
    case 'ERROR':
      throw new WatchStatusError(event.object ?? {});
  }
  throw new MalformedWatchError(`an event of type ${String(event?.type)} is no watch event`);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Anything else cannot be compared, and would be taken for very new or very old. */
function isVersion(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9]+$/.test(value);
}
