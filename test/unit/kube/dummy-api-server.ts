import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { ApiClient, type ApiClientOptions } from '../../../src/kube/api-client.ts';
import { Credentials } from '../../../src/kube/credentials.ts';
import { type Clock, systemClock } from '../../../src/runtime/clock.ts';

export interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Answers one request; to break the connection, destroy the response's socket. */
export type Respond = (request: ReceivedRequest, response: ServerResponse) => void;

/** A server on loopback that remembers what it was sent. */
export class DummyApiServer {
  readonly received: ReceivedRequest[] = [];
  readonly origin: string;
  readonly #server: Server;

  static async start(respond: Respond, tls?: { cert: Buffer; key: Buffer }): Promise<DummyApiServer> {
    const server = tls ? createHttps(tls) : createHttp();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return new DummyApiServer(server, `${tls ? 'https' : 'http'}://127.0.0.1:${port}`, respond);
  }

  private constructor(server: Server, origin: string, respond: Respond) {
    this.#server = server;
    this.origin = origin;
    server.on('request', (incoming, response) => {
      let body = '';
      incoming.on('data', (chunk) => {
        body += String(chunk);
      });
      incoming.on('end', () => {
        const request = {
          method: incoming.method ?? '',
          url: incoming.url ?? '',
          headers: incoming.headers,
          body,
        };
        this.received.push(request);
        respond(request, response);
      });
    });
  }

  /** Calls back when a client has connected, before anything it sends is read. */
  onConnection(callback: () => void): void {
    this.#server.once('connection', callback);
  }

  /** Open connections. */
  connections(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

export function answer(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** A Kubernetes `Status` of a failure. */
export function status(code: number, reason: string, details: object = {}): object {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    message: `${reason} said`,
    reason,
    details,
    code,
  };
}

export function kubeConfigFor(server: string, user: Partial<{ token: string }> = {}): KubeConfig {
  const config = new KubeConfig();
  config.loadFromClusterAndUser({ name: 'c', server, skipTLSVerify: true }, { name: 'u', ...user });
  return config;
}

export function clientFor(
  server: DummyApiServer,
  options: Partial<ApiClientOptions> = {},
  clock: Clock = systemClock,
): ApiClient {
  const credentials = new Credentials({ clock, load: () => kubeConfigFor(server.origin, { token: 't' }) });
  return new ApiClient({ credentials, clock, version: '0.0.0', ...options });
}
