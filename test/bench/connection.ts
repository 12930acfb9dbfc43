/** Requests for measuring: as little as can be between the benchmark and the wire, and none of the operator's code. */
import { KubeConfig } from '@kubernetes/client-node';
import { type Dispatcher, Pool } from 'undici';

/** An answer. */
export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** Keep-alive connections to the API server, as one user. */
export class Connection {
  readonly #pool: Pool;
  readonly #origin: string;
  readonly #headers: readonly string[];

  /** @param connections at most so many requests in flight; the rest wait */
  constructor(kubeconfig: string, connections: number) {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    const cluster = config.getCurrentCluster();
    const user = config.getCurrentUser();
    if (cluster === null || user === null) throw new Error(`${kubeconfig} names no cluster or no user`);
    this.#origin = new URL(cluster.server).origin;
    this.#headers = user.token === undefined ? [] : ['authorization', `Bearer ${user.token}`];
    this.#pool = new Pool(this.#origin, {
      connections,
      pipelining: 1,
      connect: { ca: decoded(cluster.caData), cert: decoded(user.certData), key: decoded(user.keyData) },
    });
  }

  /** Sends a request and reads the whole answer, whatever its status. */
  send(
    method: Dispatcher.HttpMethod,
    path: string,
    body?: string,
    contentType = 'application/json',
    accept = 'application/json',
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let status = 0;
      this.#pool.dispatch(
        {
          origin: this.#origin,
          method,
          path,
          headers: [...this.#headers, 'content-type', contentType, 'accept', accept],
          body: body ?? null,
        },
        {
          onRequestStart: () => undefined,
          onResponseStart: (_controller, code) => {
            status = code;
          },
          onResponseData: (_controller, chunk) => void chunks.push(chunk),
          onResponseEnd: () => resolve({ status, body: Buffer.concat(chunks) }),
          onResponseError: (_controller, error) => reject(error),
        },
      );
    });
  }

  /** {@link send}, and fails with what the API server said where it refuses. */
  async expect(...request: Parameters<Connection['send']>): Promise<Buffer> {
    const { status, body } = await this.send(...request);
    if (status >= 200 && status <= 299) return body;
    throw new Error(`${request[0]} ${request[1]}: ${status} ${body.toString('utf8').slice(0, 500)}`);
  }

  /** Opens a stream, such as a watch. */
  async open(path: string, accept: string): Promise<AsyncIterable<Buffer>> {
    const { statusCode, body } = await this.#pool.request({
      method: 'GET',
      path,
      headers: [...this.#headers, 'accept', accept],
      bodyTimeout: 0,
    });
    if (statusCode === 200) return body;
    throw new Error(`GET ${path}: ${statusCode} ${await body.text()}`);
  }

  /** Breaks what is in flight. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

function decoded(data: string | undefined): string | undefined {
  return data === undefined ? undefined : Buffer.from(data, 'base64').toString('utf8');
}
