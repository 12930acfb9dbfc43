import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { parse, stringify } from 'yaml';

/** What is done with a request. */
export type Treatment =
  | 'pass'
  /** Kept without an answer until {@link ApiProxy.release}. */
  | 'hold'
  /** Answered with a Status of this code. */
  | { readonly status: number; readonly reason: string };

/** Decides about a request by its method and path with query. */
export type Rule = (method: string, path: string) => Treatment;

const passAll: Rule = () => 'pass';

/**
 * Stands between a client and the API server, on loopback in plain HTTP, and can withhold, refuse and break off. What it passes it
 * passes unchanged, watches too.
 */
export class ApiProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #agent: Agent;
  readonly #upstream: string;
  #rule: Rule = passAll;
  #held: (() => void)[] = [];
  #watches = new Set<ServerResponse>();

  private constructor(upstream: string, ca: string) {
    this.#upstream = upstream;
    this.#agent = new Agent({ ca, keepAlive: true });
    this.#server = createServer((incoming, response) => void this.#take(incoming, response));
  }

  static async start(serverUrl: string, ca: string): Promise<ApiProxy> {
    const proxy = new ApiProxy(serverUrl, ca);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** A copy of a kubeconfig that leads through this proxy. It must authenticate by token. */
  async kubeconfig(path: string): Promise<string> {
    const config = parse(await readFile(path, 'utf8'));
    const { port } = this.#server.address() as AddressInfo;
    // Without TLS the client wants to be told that this is meant.
    const cluster = { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
    config.clusters[0].cluster = cluster;
    const through = `${path}.proxied`;
    await writeFile(through, stringify(config), { mode: 0o600 });
    return through;
  }

  /** Treats requests so from now on. */
  treat(rule: Rule): void {
    this.#rule = rule;
  }

  /** Passes what is held, and everything from now on. */
  release(): void {
    this.#rule = passAll;
    const held = this.#held;
    this.#held = [];
    for (const pass of held) pass();
  }

  /** Requests that are held now. */
  get held(): number {
    return this.#held.length;
  }

  /** Breaks off every watch that is open. */
  breakWatches(): void {
    for (const response of this.#watches) response.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    this.#agent.destroy();
    if (this.#server.listening) await once(this.#server, 'close');
  }

  async #take(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const treatment = this.#rule(incoming.method ?? '', incoming.url ?? '');
    if (treatment === 'pass') return this.#pass(incoming, response);
    if (treatment === 'hold') {
      this.#held.push(() => {
        if (!response.destroyed) this.#pass(incoming, response);
      });
      return;
    }
    const { status: code, reason } = treatment;
    incoming.resume();
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, code, message: reason }),
    );
  }

  #pass(incoming: IncomingMessage, response: ServerResponse): void {
    const isWatch = incoming.url?.includes('watch=true') === true;
    const { method, headers } = incoming;
    const call = request(new URL(incoming.url ?? '/', this.#upstream), {
      ...(method === undefined ? {} : { method }),
      headers: { ...headers, host: new URL(this.#upstream).host },
      agent: this.#agent,
    });
    call.once('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      // A watch on which nothing happens yet shows that it is open by its headers.
      response.flushHeaders();
      answer.pipe(response);
      answer.once('error', () => response.destroy());
    });
    call.once('error', () => response.destroy());
    response.once('close', () => {
      this.#watches.delete(response);
      call.destroy();
    });
    if (isWatch) this.#watches.add(response);
    incoming.pipe(call);
  }
}
