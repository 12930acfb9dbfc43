import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { parse, stringify } from 'yaml';
import type { CertificateAndKey } from '../../tools/controlplane/pki.ts';
import { WatchTap } from './watch-tap.ts';

/** What can go wrong between a client and the API server. */
export type Fault =
  /** Requests that are not watches: the connection is reset before the API server hears of the request. */
  | 'resetRequest'
  /** The request is done, and the connection is reset in place of the answer. */
  | 'resetAnswer'
  /** The request is done, and the body of the answer stops halfway. */
  | 'truncateAnswer'
  /** The request is held for up to 200 ms. */
  | 'delay'
  /** 429, with a Retry-After of a second. */
  | 'tooManyRequests'
  /** 429, without a Retry-After. */
  | 'tooManyRequestsNow'
  /** 500. */
  | 'serverError'
  /** 503; watches too. */
  | 'unavailable'
  /** Watches, for each event: the connection is reset. */
  | 'resetWatch'
  /** The stream ends within the event. */
  | 'truncateWatch'
  /** An earlier event comes once more, also one of an earlier watch. */
  | 'repeatEvent';

/** How likely each fault is, from 0 to 1. Those left out do not happen. */
export type Faults = Readonly<Partial<Record<Fault, number>>>;

export interface FaultyProxyOptions {
  /** Such as `https://127.0.0.1:40123`. */
  readonly serverUrl: string;
  /** The authority of the API server, PEM. */
  readonly ca: string;
  /** What the proxy shows its clients. */
  readonly identity: CertificateAndKey;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

const longestDelayMs = 200;

/** An answer in the API server's stead. */
interface Refusal {
  readonly fault: Fault;
  readonly code: number;
  readonly reason: string;
  readonly retryAfterSeconds?: number;
  readonly ofWatches?: boolean;
}

const refusals: readonly Refusal[] = [
  { fault: 'unavailable', code: 503, reason: 'ServiceUnavailable', ofWatches: true },
  { fault: 'tooManyRequests', code: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 },
  { fault: 'tooManyRequestsNow', code: 429, reason: 'TooManyRequests' },
  { fault: 'serverError', code: 500, reason: 'InternalError' },
];

/**
 * Stands between a client and the API server, and lets things go wrong. It ends TLS, so its clients authenticate by token. What it does not
 * harm it passes unchanged and at once.
 */
export class FaultyProxy implements AsyncDisposable {
  /** How often each fault has been inflicted. */
  readonly inflicted = new Map<Fault, number>();
  readonly #options: FaultyProxyOptions;
  readonly #server: Server;
  readonly #agent: Agent;
  /** By the client's port: TLS hides the connection below it, and that one alone can be reset. */
  readonly #connections = new Map<number, Socket>();
  readonly #tap = new WatchTap();
  #faults: Faults = {};
  #concerns: (method: string, path: string) => boolean = () => true;
  #underWay = 0;
  #peak = 0;

  private constructor(options: FaultyProxyOptions) {
    this.#options = options;
    this.#agent = new Agent({ ca: options.ca, keepAlive: true });
    const { certificate: cert, privateKey: key } = options.identity;
    this.#server = createServer({ cert, key }, (incoming, answer) => this.#take(incoming, answer));
    this.#server.on('connection', (connection: Socket) => {
      const { remotePort = 0 } = connection;
      this.#connections.set(remotePort, connection);
      connection.once('close', () => this.#connections.delete(remotePort));
    });
    // A client that breaks off, or trusts us no more, is nothing unusual here.
    this.#server.on('tlsClientError', () => undefined);
    this.#server.on('secureConnection', (socket: Socket) => socket.on('error', () => undefined));
  }

  static async start(options: FaultyProxyOptions): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(options);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Writes a copy of a kubeconfig that leads through this proxy. */
  async kubeconfig(path: string): Promise<string> {
    const config = parse(await readFile(path, 'utf8'));
    config.clusters[0].cluster.server = this.url;
    const through = `${path}.faulty`;
    await writeFile(through, stringify(config), { mode: 0o600 });
    return through;
  }

  /** From now on these faults, on the requests that `concerns` picks by method and path with query; by default on all. */
  inflict(faults: Faults, concerns: (method: string, path: string) => boolean = () => true): void {
    this.#faults = faults;
    this.#concerns = concerns;
  }

  /** From now on nothing goes wrong. */
  calm(): void {
    this.inflict({});
  }

  /** Breaks every connection, those of watches too. */
  breakConnections(): void {
    for (const connection of this.#connections.values()) connection.resetAndDestroy();
  }

  /** Shows another certificate from now on, and breaks every connection. */
  changeIdentity({ certificate: cert, privateKey: key }: CertificateAndKey): void {
    this.#server.setSecureContext({ cert, key });
    this.breakConnections();
  }

  /** The most requests (watches aside) that were under way at once since this was last asked. */
  takePeak(): number {
    const peak = this.#peak;
    this.#peak = this.#underWay;
    return peak;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#server.listening ? once(this.#server, 'close') : undefined;
    this.#server.close();
    this.breakConnections();
    this.#agent.destroy();
    await closed;
  }

  #take(incoming: IncomingMessage, answer: ServerResponse): void {
    const isWatch = incoming.url?.includes('watch=true') === true;
    const concerned = this.#concerns(incoming.method ?? '', incoming.url ?? '');
    const strikes = (fault: Fault): boolean => concerned && this.#strikes(fault);
    if (!isWatch) {
      this.#underWay += 1;
      this.#peak = Math.max(this.#peak, this.#underWay);
      const end = (): void => {
        answer.off('finish', end).off('close', end);
        this.#underWay -= 1;
      };
      answer.once('finish', end).once('close', end);
    }
    const go = (): void => {
      if (answer.destroyed) return;
      const refusal = refusals.find(({ fault, ofWatches }) => (ofWatches || !isWatch) && strikes(fault));
      if (refusal !== undefined) refuse(incoming, answer, refusal);
      else if (isWatch) this.#passWatch(incoming, answer, strikes);
      else if (strikes('resetRequest')) this.#reset(answer);
      else this.#pass(incoming, answer, strikes('resetAnswer'), strikes('truncateAnswer'));
    };
    if (strikes('delay')) setTimeout(go, this.#options.random() * longestDelayMs);
    else go();
  }

  #reset(answer: ServerResponse): void {
    this.#connections.get(answer.socket?.remotePort ?? 0)?.resetAndDestroy();
    answer.destroy();
  }

  #strikes(fault: Fault): boolean {
    const probability = this.#faults[fault] ?? 0;
    if (probability === 0 || this.#options.random() >= probability) return false;
    this.inflicted.set(fault, (this.inflicted.get(fault) ?? 0) + 1);
    return true;
  }

  #forward(incoming: IncomingMessage, answer: ServerResponse, take: (from: IncomingMessage) => void): void {
    const { method = 'GET', headers, url = '/' } = incoming;
    const upstream = new URL(url, this.#options.serverUrl);
    const call = request(upstream, {
      method,
      headers: { ...headers, host: upstream.host },
      agent: this.#agent,
    });
    call.once('response', (from) => {
      from.once('error', () => answer.destroy());
      take(from);
    });
    call.once('error', () => answer.destroy());
    answer.once('close', () => call.destroy());
    incoming.pipe(call);
  }

  #pass(incoming: IncomingMessage, answer: ServerResponse, isReset: boolean, isTruncated: boolean): void {
    this.#forward(incoming, answer, (from) => {
      const chunks: Buffer[] = [];
      from.on('data', (chunk: Buffer) => chunks.push(chunk));
      from.once('end', () => {
        if (isReset) return this.#reset(answer);
        const body = Buffer.concat(chunks);
        const { 'transfer-encoding': _, ...headers } = from.headers;
        answer.writeHead(from.statusCode ?? 502, { ...headers, 'content-length': body.length });
        if (!isTruncated) return answer.end(body);
        return answer.write(body.subarray(0, body.length / 2), () => this.#reset(answer));
      });
    });
  }

  #passWatch(incoming: IncomingMessage, answer: ServerResponse, strikes: (fault: Fault) => boolean): void {
    this.#forward(incoming, answer, (from) => {
      if (from.statusCode !== 200) {
        answer.writeHead(from.statusCode ?? 502, from.headers);
        from.pipe(answer);
        return;
      }
      const stream = this.#tap.open(incoming.url ?? '', from.headers['content-type'] ?? '');
      answer.writeHead(200, from.headers);
      // A watch on which nothing happens yet shows that it is open by its headers.
      answer.flushHeaders();
      from.on('data', (chunk: Buffer) => {
        for (const event of stream.eventsOf(chunk)) {
          if (answer.writableEnded || answer.destroyed) return;
          if (strikes('resetWatch')) return this.#reset(answer);
          if (strikes('truncateWatch')) {
            answer.end(event.subarray(0, event.length / 2));
            return;
          }
          const earlier = stream.earlierEvent(this.#options.random());
          if (earlier !== undefined && strikes('repeatEvent')) answer.write(earlier);
          answer.write(event);
          stream.passed(event);
        }
      });
      from.once('end', () => answer.end());
    });
  }
}

function refuse(
  incoming: IncomingMessage,
  answer: ServerResponse,
  { code, reason, retryAfterSeconds }: Refusal,
): void {
  incoming.resume();
  answer.writeHead(code, {
    'content-type': 'application/json',
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  });
  const message = 'by the proxy between us';
  answer.end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, code, message }));
}
