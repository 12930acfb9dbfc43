import { type Dispatcher, Pool, ProxyAgent } from 'undici';
import type { ConnectionSettings } from './credentials.ts';

/** One HTTP request, ready to be sent. */
export interface WireRequest {
  readonly method: Dispatcher.HttpMethod;
  /** Path and query. */
  readonly path: string;
  /** Name and value in turn: undici takes this form without a copy. */
  readonly headers: string[];
  readonly body: string | null;
  /** Until the headers have arrived, and between two pieces of the body. Milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /**
   * Called right before the request is written to a connection: it may have waited long for one to open. What it throws the
   * sender gets, and nothing is written.
   */
  readonly beforeWrite?: (() => void) | undefined;
}

export interface WireResponse {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

export interface WireStream {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly contentType: string | undefined;
  readonly body: AsyncIterable<Uint8Array> & { bytes(): Promise<Uint8Array> };
}

/**
 * Keep-alive connections to one API server with one client identity.
 *
 * HTTP/1.1 on purpose: one TCP connection per request in flight needs no shared flow control, and a stalled watch
 * cannot hold up a write. Watches have connections of their own, as many as there are watches, so that they never take
 * one from the requests; the Lease uses those too, so that it is renewed while all other connections wait.
 */
export class Transport {
  readonly settings: ConnectionSettings;
  readonly #requests: Dispatcher;
  readonly #streams: Dispatcher;

  /** @param connections at most so many connections for requests */
  constructor(settings: ConnectionSettings, connections: number) {
    this.settings = settings;
    this.#requests = openPool(settings, connections);
    this.#streams = openPool(settings, null);
  }

  /** Sends and reads the whole answer. Throws what undici throws, or the signal's reason. */
  send(request: WireRequest, lane: 'requests' | 'streams' = 'requests'): Promise<WireResponse> {
    const pool = lane === 'requests' ? this.#requests : this.#streams;
    return new Promise((resolve, reject) => {
      const { signal } = request;
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const exchange = new Exchange(resolve, reject, signal, request.beforeWrite);
      // dispatch and not request(): without a Readable for each answer it costs a fifth less CPU.
      pool.dispatch(
        {
          origin: this.settings.origin,
          method: request.method,
          path: request.path,
          headers: request.headers,
          body: request.body,
          headersTimeout: request.timeoutMs,
          bodyTimeout: request.timeoutMs,
        },
        exchange,
      );
    });
  }

  /** Sends and returns as soon as the headers are there; the body has no time limit, its reader watches over it. */
  async open(request: WireRequest): Promise<WireStream> {
    const { statusCode, headers, body } = await this.#streams.request({
      origin: this.settings.origin,
      method: request.method,
      path: request.path,
      headers: request.headers,
      body: request.body,
      headersTimeout: request.timeoutMs,
      bodyTimeout: 0,
      signal: request.signal ?? null,
    });
    return {
      status: statusCode,
      retryAfter: single(headers['retry-after']),
      contentType: single(headers['content-type']),
      body,
    };
  }

  /** Takes no more requests, lets those in flight finish, then closes the connections. */
  async drain(): Promise<void> {
    await Promise.all([this.#requests.close(), this.#streams.close()]);
  }

  /** Breaks what is in flight. */
  async destroy(): Promise<void> {
    await Promise.all([this.#requests.destroy(), this.#streams.destroy()]);
  }
}

function openPool({ origin, tls, proxyUrl }: ConnectionSettings, connections: number | null): Dispatcher {
  // TCP probes find a peer that is gone without a word; 30 s is below the idle limit of common load balancers.
  const connect = { timeout: 10_000, keepAlive: true, keepAliveInitialDelay: 30_000 };
  const options: Pool.Options = {
    connections,
    pipelining: 1,
    allowH2: false,
    // The API server closes idle connections after 90 s; closing first avoids sending into one that is going away.
    // Source: https://github.com/kubernetes/kubernetes/blob/v1.36.3/staging/src/k8s.io/apiserver/pkg/server/secure_serving.go
    keepAliveTimeout: 55_000,
  };
  if (proxyUrl === undefined) return new Pool(origin, { ...options, connect: { ...tls, ...connect } });
  // Our client certificate is for the API server, not for the proxy in between.
  return new ProxyAgent({ ...options, uri: proxyUrl, requestTls: { ...tls, ...connect }, proxyTls: connect });
}

/** Gathers one answer. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #resolve: (response: WireResponse) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #beforeWrite: (() => void) | undefined;
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #retryAfter: string | undefined;

  constructor(
    resolve: (response: WireResponse) => void,
    reject: (reason: unknown) => void,
    signal: AbortSignal | undefined,
    beforeWrite: (() => void) | undefined,
  ) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    this.#beforeWrite = beforeWrite;
    signal?.addEventListener('abort', this.#onAbort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Aborted while it waited for a connection: it must not be written now.
    if (this.#signal?.aborted) {
      controller.abort(abortError(this.#signal));
      return;
    }
    try {
      this.#beforeWrite?.();
    } catch (error) {
      this.#signal?.removeEventListener('abort', this.#onAbort);
      this.#reject(error);
      controller.abort(error instanceof Error ? error : new Error(String(error)));
    }
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    this.#status = status;
    this.#retryAfter = single(headers['retry-after']);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    const [first] = this.#chunks;
    const body = first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    this.#resolve({ status: this.#status, retryAfter: this.#retryAfter, body: body.toString('utf8') });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#reject(error);
  }

  readonly #onAbort = (): void => {
    this.#controller?.abort(abortError(this.#signal));
    this.#reject(this.#signal?.reason);
  };
}

function abortError(signal: AbortSignal | undefined): Error {
  return signal?.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal?.reason });
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
