import { readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { dirname, resolve } from 'node:path';
import { type ConfigOptions, KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import type { Clock } from '../runtime/clock.ts';

// While the server refuses everybody, a renewal for each refused request would run exec plugins by the hundred.
const renewIntervalMs = 1000;

/** What is needed to open connections to the API server. */
export interface TlsSettings {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** How to reach the API server and who we are, at one moment. Never logged. */
export interface ConnectionSettings {
  /** `https://host:port`. */
  readonly origin: string;
  /** Path prefix of a server behind a proxy, without a slash at its end; usually empty. */
  readonly basePath: string;
  readonly tls: TlsSettings;
  /** An HTTP proxy's URL. */
  readonly proxyUrl?: string;
  /** Authorization and impersonation, as name and value in turn. */
  readonly headers: readonly string[];
}

export interface CredentialsOptions {
  /** Makes a KubeConfig from its sources; called again to pick up rotated files. See {@link kubeConfigLoader}. */
  readonly load: () => KubeConfig;
  readonly clock: Clock;
  /**
   * How old settings may get before a request looks at the sources again. Milliseconds, default 10,000. The kubelet
   * rotates a token at 80% of its life, so a minute would do; a CA that was replaced wants to be seen sooner.
   */
  readonly refreshIntervalMs?: number;
  /** Told when the sources cannot be read; the last settings that worked stay in use. */
  readonly onRefreshError?: (error: unknown) => void;
}

/** The credentials cannot be used as they are; the message says why. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError';
}

/**
 * @param source.kubeconfig a file; without it KUBECONFIG, ~/.kube/config or the pod's ServiceAccount, in this order
 * @param source.context a context other than the current one
 */
export function kubeConfigLoader(source: { kubeconfig?: string; context?: string } = {}): () => KubeConfig {
  return () => {
    const config = new KubeConfigWithTokenFiles();
    if (source.kubeconfig !== undefined) config.loadFromFile(source.kubeconfig);
    else config.loadFromDefault();
    if (source.context !== undefined) config.setCurrentContext(source.context);
    return config;
  };
}

/**
 * client-node 2.0.1 knows a user's `tokenFile` only as `token-file`, and would send requests without any token.
 * Source: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/#AuthInfo
 */
class KubeConfigWithTokenFiles extends KubeConfig {
  override loadFromFile(file: string, options?: Partial<ConfigOptions>): void {
    super.loadFromFile(file, options);
    const { users } = parse(readFileSync(file, 'utf8')) as {
      readonly users?: readonly { readonly name: string; readonly user?: { readonly tokenFile?: string } }[];
    };
    for (const { name, user } of users ?? []) {
      const loaded = this.getUser(name);
      if (loaded === null || user?.tokenFile === undefined) continue;
      const tokenFile = resolve(dirname(file), user.tokenFile);
      Object.assign(loaded, { authProvider: { name: 'tokenFile', config: { tokenFile } } });
    }
  }
}

/**
 * Credentials that follow their files. They are looked at when a request is about to be sent, never on a timer, and
 * compared by content, so that neither coarse file times nor a kubelet's symlink swap can hide a rotation.
 */
export class Credentials {
  readonly #options: CredentialsOptions;
  readonly #refreshIntervalMs: number;
  #config: KubeConfig;
  #settings: ConnectionSettings | undefined;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #renewedAt = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<ConnectionSettings> | undefined;

  /** @throws what `load` throws where there is no usable configuration to begin with */
  constructor(options: CredentialsOptions) {
    this.#options = options;
    this.#refreshIntervalMs = options.refreshIntervalMs ?? 10_000;
    this.#config = options.load();
  }

  /** The configuration as last loaded, for what needs client-node itself. */
  get kubeConfig(): KubeConfig {
    return this.#config;
  }

  /** The same object for as long as nothing changed. A value and not a promise where nothing has to be read. */
  current(): ConnectionSettings | Promise<ConnectionSettings> {
    const settings = this.#settings;
    const isFresh = this.#options.clock.monotonic() - this.#checkedAt < this.#refreshIntervalMs;
    return settings !== undefined && isFresh ? settings : this.#refresh(isStateless(this.#config));
  }

  /**
   * After a 401 with `rejected`: loads everything anew, plugins included, once a second at most.
   * @returns `rejected` itself where that brought nothing new
   */
  async renew(rejected: ConnectionSettings): Promise<ConnectionSettings> {
    if (this.#settings !== rejected) return await this.current();
    const now = this.#options.clock.monotonic();
    if (now - this.#renewedAt < renewIntervalMs) return rejected;
    this.#renewedAt = now;
    return await this.#refresh(true);
  }

  #refresh(reload: boolean): Promise<ConnectionSettings> {
    this.#refreshing ??= this.#read(reload).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #read(reload: boolean): Promise<ConnectionSettings> {
    this.#checkedAt = this.#options.clock.monotonic();
    try {
      const config = reload && this.#settings !== undefined ? this.#options.load() : this.#config;
      const settings = await settingsOf(config);
      this.#config = config;
      if (this.#settings === undefined || !isSame(this.#settings, settings)) this.#settings = settings;
    } catch (error) {
      if (this.#settings === undefined) throw error;
      this.#options.onRefreshError?.(error);
    }
    return this.#settings;
  }
}

/** Whether two settings can share connections; headers may differ, they go with each request. */
export function sharesConnections(a: ConnectionSettings, b: ConnectionSettings): boolean {
  return (
    a.origin === b.origin &&
    a.proxyUrl === b.proxyUrl &&
    a.tls.servername === b.tls.servername &&
    a.tls.rejectUnauthorized === b.tls.rejectUnauthorized &&
    isSamePem(a.tls.ca, b.tls.ca) &&
    isSamePem(a.tls.cert, b.tls.cert) &&
    isSamePem(a.tls.key, b.tls.key)
  );
}

// Exec and OIDC plugins keep their token in the KubeConfig and renew it themselves when it expires: loading anew would
// run them each time. Files have no such memory.
function isStateless(config: KubeConfig): boolean {
  const user = config.getCurrentUser();
  return !user?.exec && (!user?.authProvider || user.authProvider.name === 'tokenFile');
}

async function settingsOf(config: KubeConfig): Promise<ConnectionSettings> {
  const cluster = config.getCurrentCluster();
  if (!cluster) {
    throw new CredentialsError(`no cluster for the current context "${config.getCurrentContext() ?? ''}"`);
  }
  if (cluster.proxyUrl?.startsWith('socks')) {
    throw new CredentialsError(
      `proxy-url "${cluster.proxyUrl}": SOCKS proxies are not supported, give an HTTP proxy`,
    );
  }
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const server = new URL(cluster.server);
  return {
    origin: server.origin,
    basePath: server.pathname.replace(/\/+$/, ''),
    tls: tlsOf(options),
    ...(cluster.proxyUrl && { proxyUrl: cluster.proxyUrl }),
    headers: headersOf(options),
  };
}

function tlsOf(options: RequestOptions): TlsSettings {
  const { ca, cert, key, servername, rejectUnauthorized } = options;
  return {
    ...(ca !== undefined && { ca: ca as string | Buffer }),
    ...(cert !== undefined && { cert: cert as string | Buffer }),
    ...(key !== undefined && { key: key as string | Buffer }),
    ...(servername !== undefined && { servername }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
  };
}

function headersOf(options: RequestOptions): readonly string[] {
  const headers: string[] = [];
  if (options.auth) headers.push('authorization', `Basic ${Buffer.from(options.auth).toString('base64')}`);
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    // Token files often end in a newline, which no header may hold.
    headers.push(name.toLowerCase(), String(value).trim());
  }
  return headers;
}

function isSame(a: ConnectionSettings, b: ConnectionSettings): boolean {
  return (
    sharesConnections(a, b) &&
    a.basePath === b.basePath &&
    a.headers.length === b.headers.length &&
    a.headers.every((header, index) => header === b.headers[index])
  );
}

function isSamePem(a: string | Buffer | undefined, b: string | Buffer | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return Buffer.from(a).equals(Buffer.from(b));
}
