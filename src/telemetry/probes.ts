import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, BlockList } from 'node:net';
import type { Registry } from 'prom-client';
import { isLogLevel, type LogLevel, logLevels } from './logger.ts';

/** One thing that must hold. */
export interface HealthCheck {
  /** Short and constant: `cache-sync`. */
  readonly name: string;
  /** @returns why it does not hold now, or undefined; must be quick and do no I/O */
  failure(): string | undefined;
}

export interface ProbeServerOptions {
  /** Address to listen on. Default `0.0.0.0`: the kubelet and Prometheus come from outside the pod. */
  readonly host?: string;
  /** 0 takes a free one; {@link ProbeServer.port} tells which. */
  readonly port: number;
  /** What /healthz answers by: only what a restart of the process would mend. */
  readonly liveness: readonly HealthCheck[];
  /** What /readyz answers by. */
  readonly readiness: readonly HealthCheck[];
  readonly registry: Registry;
  /** Read and set through /loglevel, from this host only. */
  readonly log: { level: LogLevel };
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly contentType?: string;
  readonly allow?: string;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

const maxBodyBytes = 64;

/**
 * Serves /healthz, /readyz, /metrics and /loglevel over plain HTTP. The first two answer `ok`, or 503 and each check
 * that does not hold; with `?verbose` every check, and as JSON where the client accepts it. `PUT /loglevel` takes a level
 * as its body, for example through `kubectl port-forward`, which arrives on the pod's loopback.
 */
export class ProbeServer {
  readonly #options: ProbeServerOptions;
  readonly #server: Server;

  constructor(options: ProbeServerOptions) {
    this.#options = options;
    this.#server = createServer(
      { requestTimeout: 10_000, headersTimeout: 5000, keepAliveTimeout: 5000, maxHeaderSize: 8192 },
      (request, response) => {
        this.#answer(request).then(
          (answer) => send(response, answer),
          () => send(response, { status: 500, body: 'internal error\n' }),
        );
      },
    );
    this.#server.maxConnections = 128;
  }

  /** Resolves once it listens; rejects where the address cannot be bound. */
  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#options.port, this.#options.host ?? '0.0.0.0', () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  /** The port it listens on. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Takes no new connections and resolves when those that are answering have finished. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    await closed;
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname === '/loglevel') return await this.#logLevel(request);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return { status: 405, body: 'method not allowed\n', allow: 'GET, HEAD' };
    }
    switch (url.pathname) {
      case '/healthz':
        return report(this.#options.liveness, url, request);
      case '/readyz':
        return report(this.#options.readiness, url, request);
      case '/metrics': {
        const { registry } = this.#options;
        return { status: 200, body: await registry.metrics(), contentType: registry.contentType };
      }
      default:
        return { status: 404, body: 'not found; try /healthz, /readyz or /metrics\n' };
    }
  }

  async #logLevel(request: IncomingMessage): Promise<Answer> {
    const { log } = this.#options;
    if (!isLoopback(request.socket.remoteAddress)) {
      return { status: 403, body: 'the log level can be read and set from this host only\n' };
    }
    if (request.method === 'GET') return { status: 200, body: `${log.level}\n` };
    if (request.method !== 'PUT') return { status: 405, body: 'method not allowed\n', allow: 'GET, PUT' };
    const level = (await readBody(request)).trim();
    if (!isLogLevel(level)) {
      return {
        status: 400,
        body: `log level ${JSON.stringify(level)}: give one of ${logLevels.join(', ')}\n`,
      };
    }
    log.level = level;
    return { status: 200, body: `${level}\n` };
  }
}

interface CheckResult {
  readonly name: string;
  readonly failure?: string;
}

function report(checks: readonly HealthCheck[], url: URL, request: IncomingMessage): Answer {
  const results = checks.map(run);
  const isOk = results.every(({ failure }) => failure === undefined);
  const status = isOk ? 200 : 503;
  if (request.headers.accept?.includes('application/json')) {
    const body = JSON.stringify({ status: isOk ? 'ok' : 'failed', checks: results });
    return { status, body: `${body}\n`, contentType: 'application/json' };
  }
  if (isOk && !url.searchParams.has('verbose')) return { status, body: 'ok\n' };
  const lines = results.map(({ name, failure }) =>
    failure === undefined ? `[+] ${name} ok\n` : `[-] ${name} failed: ${failure}\n`,
  );
  return { status, body: lines.join('') };
}

function run(check: HealthCheck): CheckResult {
  try {
    const failure = check.failure();
    return failure === undefined ? { name: check.name } : { name: check.name, failure };
  } catch (error) {
    // A check that cannot tell does not hold.
    return { name: check.name, failure: error instanceof Error ? error.message : String(error) };
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) {
    body += String(chunk);
    if (body.length > maxBodyBytes) break;
  }
  return body.slice(0, maxBodyBytes);
}

function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  // An IPv4 peer of a dual-stack socket.
  const plain = address.replace(/^::ffff:/, '');
  return loopback.check(plain, plain.includes(':') ? 'ipv6' : 'ipv4');
}

function send(response: ServerResponse, { status, body, contentType, allow }: Answer): void {
  response.writeHead(status, {
    'content-type': contentType ?? 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(allow !== undefined && { allow }),
  });
  response.end(body);
}
