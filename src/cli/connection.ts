import type { Command } from 'commander';
import { ApiClient } from '../kube/api-client.ts';
import { Credentials, kubeConfigLoader } from '../kube/credentials.ts';
import type { CommandContext } from './context.ts';
import { UserError } from './user-error.ts';

/** Which cluster, as whom. */
export interface ConnectionOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
}

/** Adds `--kubeconfig`, `--context` and `-n`, as kubectl has them. */
export function withConnectionOptions(command: Command): Command {
  return command
    .option('-n, --namespace <name>', "the namespace (default: the kubeconfig context's)")
    .option('--context <name>', 'the kubeconfig context to use')
    .option('--kubeconfig <file>', 'the kubeconfig file (default: KUBECONFIG, then ~/.kube/config)');
}

/** What client-node falls back to where it finds no configuration at all. */
const serverWithoutConfig = 'http://localhost:8080';

/** A cluster, reached with the user's own credentials. */
export class Connection {
  readonly client: ApiClient;
  readonly credentials: Credentials;
  /** The one given, or else that of the context, or `default`. */
  readonly namespace: string;

  constructor(options: ConnectionOptions, { clock, version }: CommandContext) {
    const { kubeconfig, context, namespace } = options;
    const load = kubeConfigLoader({
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...(context === undefined ? {} : { context }),
    });
    this.credentials = loadCredentials(() => new Credentials({ load, clock }), options);
    const config = this.credentials.kubeConfig;
    if (config.getCurrentCluster()?.server === serverWithoutConfig) {
      throw new UserError('there is no kubeconfig', 'Give one with --kubeconfig, or set KUBECONFIG.');
    }
    if (config.getCurrentCluster() === null) {
      const known = config.getContexts().map(({ name }) => name);
      throw new UserError(
        context === undefined
          ? 'the kubeconfig names no current context'
          : `the kubeconfig has no context "${context}"`,
        known.length === 0
          ? 'Give another file with --kubeconfig.'
          : `Give one of these with --context: ${known.join(', ')}.`,
      );
    }
    this.client = new ApiClient({ credentials: this.credentials, clock, version, connections: 8 });
    const current = config.getContextObject(config.getCurrentContext());
    this.namespace = namespace ?? current?.namespace ?? 'default';
  }

  async close(): Promise<void> {
    await this.client.close();
  }
}

function loadCredentials(load: () => Credentials, { kubeconfig }: ConnectionOptions): Credentials {
  try {
    return load();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(
      `the kubeconfig${kubeconfig === undefined ? '' : ` ${kubeconfig}`} cannot be used: ${reason}`,
      'Give a readable kubeconfig with --kubeconfig, or set KUBECONFIG.',
      { cause: error },
    );
  }
}
