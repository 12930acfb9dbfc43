import type { Clock } from '../runtime/clock.ts';
import { ApiError, errorFromResponse, errorFromTransport, isApiError } from './api-error.ts';
import { type ConnectionSettings, type Credentials, sharesConnections } from './credentials.ts';
import { InFlightLimiter, type Outcome, type Priority } from './in-flight-limiter.ts';
import type { Operation } from './operation.ts';
import { errorBody } from './protobuf/error-body.ts';
import { Transport, type WireRequest } from './transport.ts';

/** How often one request may be sent again before its caller hears of the failure. */
const maxRetries = 3;
/** The longest Retry-After that is waited for here; past it the caller's queue backs off without holding a worker. */
const maxRetryAfterMs = 5000;
/** Between two tries of a read whose connection broke. */
const reconnectDelayMs = 100;

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface ApiRequest {
  readonly operation: Operation;
  readonly method: Method;
  /** Path and query, encoded: `/api/v1/namespaces/team-a?dryRun=All`. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Default `application/json`. */
  readonly contentType?: string;
  /** Default `application/json`. */
  readonly accept?: string;
  readonly signal?: AbortSignal | undefined;
  /** Until the headers arrive, and between two pieces of the body. Milliseconds, default {@link ApiClientOptions.timeoutMs}. */
  readonly timeoutMs?: number;
  /** Default `normal`. */
  readonly priority?: Priority | undefined;
  /**
   * The Lease's own requests: outside the limiter, the guard and the requests' connections, because leadership must be
   * kept while everything else waits, and won before any other write is allowed. Not retried: the elector has its own pace.
   */
  readonly isCoordination?: boolean;
}

/** An answer that goes on. */
export interface ByteStream {
  /** Which of the accepted types it is, with its parameters. */
  readonly contentType: string | undefined;
  /** The body's bytes as they arrive. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** One attempt, as metrics want it. */
export interface RequestOutcome {
  readonly operation: Operation;
  /** HTTP status, or the {@link ApiError} kind where no answer came: `201`, `429`, `timeout`. */
  readonly code: string;
  /** Until the whole answer was read; for watches until its headers were. Time spent waiting for a place is not in it. */
  readonly durationMs: number;
}

export interface ApiClientOptions {
  readonly credentials: Credentials;
  readonly clock: Clock;
  /** Ours, for the User-Agent. */
  readonly version: string;
  /** Connections for requests, and so the most requests in flight. Default 32. */
  readonly connections?: number;
  /** Default: one with `max` the number of connections. */
  readonly limiter?: InFlightLimiter;
  /** See {@link ApiRequest.timeoutMs}. Milliseconds, default 30,000. */
  readonly timeoutMs?: number;
  /**
   * Called right before each attempt is written to its connection, with whether it changes anything. What it throws reaches the
   * caller and nothing is sent: the leader's guard lets no write start after its lease may have expired.
   */
  readonly beforeRequest?: (isWrite: boolean) => void;
  /** Told of each attempt; must not throw. */
  readonly observer?: (outcome: RequestOutcome) => void;
}

/**
 * Sends requests to the API server and says what became of them. Fails with {@link ApiError} only (and with what
 * `beforeRequest` throws).
 *
 * Sent again here: what the server refused and asked to have again (429, or 5xx with a Retry-After), a 401 once with
 * renewed credentials, and reads whose connection broke. A write that broke off may have been done, so its caller,
 * who can look at what is there, decides.
 */
export class ApiClient {
  readonly limiter: InFlightLimiter;
  readonly #options: ApiClientOptions;
  readonly #connections: number;
  readonly #timeoutMs: number;
  readonly #headers = new WeakMap<ConnectionSettings, Map<string, string[]>>();
  readonly #draining = new Set<Transport>();
  #transport: Transport | undefined;
  #isClosed = false;

  constructor(options: ApiClientOptions) {
    this.#options = options;
    this.#connections = options.connections ?? 32;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.limiter = options.limiter ?? new InFlightLimiter({ clock: options.clock, max: this.#connections });
  }

  /** @returns the parsed answer; undefined where it is empty */
  async request<T>(request: ApiRequest): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return (await (request.isCoordination
          ? this.#exchangeFresh(request)
          : this.#sendInTurn(request))) as T;
      } catch (error) {
        const isRetried = attempt < maxRetries && !request.isCoordination;
        const delayMs = isRetried ? retryDelayMs(error, request.method) : undefined;
        if (delayMs === undefined) throw error;
        await this.#sleep(delayMs, request);
      }
    }
  }

  /**
   * Opens a watch. Not retried and not limited; ends when the server ends it, fails with {@link ApiError}.
   */
  async stream(request: ApiRequest): Promise<ByteStream> {
    return await this.#withCredentials((settings) => this.#open(request, settings));
  }

  /** Breaks what is in flight and closes all connections. Requests from now on fail as `aborted`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const transports = [...this.#draining, ...(this.#transport ? [this.#transport] : [])];
    await Promise.all(transports.map((transport) => transport.destroy()));
  }

  /** A 401 was not processed, so that trying once more with new credentials is safe for writes too. */
  async #withCredentials<T>(attempt: (settings: ConnectionSettings) => Promise<T>): Promise<T> {
    const { credentials } = this.#options;
    const found = credentials.current();
    const settings = found instanceof Promise ? await found : found;
    try {
      return await attempt(settings);
    } catch (error) {
      if (!isApiError(error, 'unauthorized')) throw error;
      const renewed = await credentials.renew(settings);
      if (renewed === settings) throw error;
      return await attempt(renewed);
    }
  }

  async #sendInTurn(request: ApiRequest): Promise<unknown> {
    await this.#acquire(request);
    let outcome: Outcome = 'unknown';
    try {
      const answer = await this.#exchangeFresh(request);
      outcome = 'answered';
      return answer;
    } catch (error) {
      outcome = outcomeOf(error);
      throw error;
    } finally {
      this.limiter.release(outcome, request.priority);
    }
  }

  /** Credentials are asked as late as can be: waiting for a turn may have taken long. */
  #exchangeFresh(request: ApiRequest): Promise<unknown> {
    return this.#withCredentials((settings) => this.#exchange(request, settings));
  }

  async #acquire({ operation, priority, signal }: ApiRequest): Promise<void> {
    try {
      const turn = this.limiter.acquire(priority, signal);
      if (turn !== undefined) await turn;
    } catch (error) {
      throw errorFromTransport(operation, error, signal);
    }
  }

  async #exchange(request: ApiRequest, settings: ConnectionSettings): Promise<unknown> {
    const { operation, signal } = request;
    const { clock } = this.#options;
    const startedAt = clock.monotonic();
    let code = 'unknown';
    let isRefused = false;
    const beforeWrite = (): void => {
      isRefused = true;
      this.#options.beforeRequest?.(request.method !== 'GET');
      isRefused = false;
    };
    try {
      const transport = this.#transportFor(settings, operation);
      const wire = this.#wire(request, settings);
      const response = await (request.isCoordination
        ? transport.send(wire, 'streams')
        : transport.send({ ...wire, beforeWrite }));
      code = String(response.status);
      if (response.status < 200 || response.status > 299) {
        throw errorFromResponse(operation, response.status, response.body, response.retryAfter, clock.now());
      }
      return response.body === '' ? undefined : JSON.parse(response.body);
    } catch (cause) {
      if (isRefused) throw cause;
      const error = errorFromTransport(operation, cause, signal);
      if (error.status === 0) code = error.kind;
      throw error;
    } finally {
      if (!isRefused)
        this.#options.observer?.({ operation, code, durationMs: clock.monotonic() - startedAt });
    }
  }

  async #open(request: ApiRequest, settings: ConnectionSettings): Promise<ByteStream> {
    const { operation, signal } = request;
    const { clock } = this.#options;
    const startedAt = clock.monotonic();
    let code = 'unknown';
    try {
      const stream = await this.#transportFor(settings, operation).open(this.#wire(request, settings));
      code = String(stream.status);
      if (stream.status !== 200) {
        throw errorFromResponse(
          operation,
          stream.status,
          await errorBody(stream),
          stream.retryAfter,
          clock.now(),
        );
      }
      return { contentType: stream.contentType, chunks: withApiErrors(stream.body, operation, signal) };
    } catch (cause) {
      const error = errorFromTransport(operation, cause, signal);
      if (error.status === 0) code = error.kind;
      throw error;
    } finally {
      this.#options.observer?.({ operation, code, durationMs: clock.monotonic() - startedAt });
    }
  }

  #wire(request: ApiRequest, settings: ConnectionSettings): WireRequest {
    return {
      method: request.method,
      path: settings.basePath + request.path,
      headers: this.#headersFor(request, settings),
      body: request.body === undefined ? null : JSON.stringify(request.body),
      timeoutMs: request.timeoutMs ?? this.#timeoutMs,
      signal: request.signal,
    };
  }

  /** One array per kind of request and credentials: building them anew shows in a profile. */
  #headersFor(request: ApiRequest, settings: ConnectionSettings): string[] {
    const { contentType = 'application/json', accept = 'application/json' } = request;
    let byType = this.#headers.get(settings);
    if (byType === undefined) {
      byType = new Map();
      this.#headers.set(settings, byType);
    }
    const key = request.body === undefined ? accept : `${contentType} ${accept}`;
    let headers = byType.get(key);
    if (headers === undefined) {
      headers = [
        ...settings.headers,
        ...['user-agent', `security-baseline-operator/${this.#options.version}`, 'accept', accept],
        ...(request.body === undefined ? [] : ['content-type', contentType]),
      ];
      byType.set(key, headers);
    }
    return headers;
  }

  /** A changed CA or client certificate needs new connections; what is in flight on the old ones may finish. */
  #transportFor(settings: ConnectionSettings, operation: Operation): Transport {
    if (this.#isClosed) {
      throw new ApiError({ operation, kind: 'aborted', message: 'the client is closed' });
    }
    const current = this.#transport;
    if (
      current !== undefined &&
      (current.settings === settings || sharesConnections(current.settings, settings))
    ) {
      return current;
    }
    if (current !== undefined) {
      this.#draining.add(current);
      void current.drain().finally(() => this.#draining.delete(current));
    }
    this.#transport = new Transport(settings, this.#connections);
    return this.#transport;
  }

  async #sleep(delayMs: number, { operation, signal }: ApiRequest): Promise<void> {
    try {
      await this.#options.clock.sleep(delayMs, signal);
    } catch (error) {
      throw errorFromTransport(operation, error, signal);
    }
  }
}

/** @returns undefined where the failure is the caller's to answer */
function retryDelayMs(error: unknown, method: Method): number | undefined {
  if (!isApiError(error)) return undefined;
  const { kind, status, retryAfterMs } = error;
  // No Retry-After: nothing says that the server did not do it, or that it wants it again.
  if (kind === 'tooManyRequests' || status >= 500) {
    const waitMs = retryAfterMs ?? (kind === 'tooManyRequests' ? 1000 : undefined);
    if (waitMs === undefined || waitMs > maxRetryAfterMs) return undefined;
    // Spread, or all that were refused together come back together.
    return waitMs * (1 + Math.random() / 4);
  }
  return kind === 'network' && method === 'GET' ? reconnectDelayMs : undefined;
}

function outcomeOf(error: unknown): Outcome {
  if (!isApiError(error)) return 'unknown';
  if (error.kind === 'tooManyRequests' || error.kind === 'timeout' || error.status === 503)
    return 'overloaded';
  return error.status === 0 ? 'unknown' : 'answered';
}

async function* withApiErrors(
  body: AsyncIterable<Uint8Array>,
  operation: Operation,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw errorFromTransport(operation, error, signal);
  }
}
