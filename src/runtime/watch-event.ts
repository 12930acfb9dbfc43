import { MalformedLineError } from './line-decoder.ts';
import type { ObjectWithMeta, WatchFailure, WatchFailureError } from './list-watch.ts';

/** Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes */
export type WatchEvent<T extends ObjectWithMeta> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly endsInitialEvents: boolean };

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

/** A line as it may come from outside. */
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
 * Reads one line of a watch.
 * @throws {MalformedLineError} where it is no watch event
 * @throws {WatchStatusError} where it is an ERROR event
 */
export function parseWatchEvent<T extends ObjectWithMeta>(line: string): WatchEvent<T> {
  const event = parse(line);
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
  throw new MalformedLineError(`a line of ${line.length} characters is no watch event`);
}

function parse(line: string): RawEvent | null {
  try {
    return JSON.parse(line) as RawEvent | null;
  } catch (cause) {
    throw new MalformedLineError(`a line of ${line.length} characters is not JSON`, { cause });
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Anything else cannot be compared, and would be taken for very new or very old. */
function isVersion(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9]+$/.test(value);
}
