/** A control plane of its own with the shop of fixtures/shop.yaml on it: what runs beside it would show in every answer. */
import { applyManifests, readManifests } from '../../../tools/operator/manifests.ts';
import { loadKubeconfig } from '../../support/control-plane.ts';
import { eventually } from '../../support/eventually.ts';
import { OwnCluster } from '../../support/own-cluster.ts';
import { type CliOptions, type CliResult, cli } from './cli.ts';

/** Where the fixtures are, from the repository's root. */
export const fixtures = 'test/integration/cli/fixtures';

/** The shop, with the operator installed and not running. */
export class ShopCluster extends OwnCluster {
  /** Starts everything; the pods of the shop are there, though no node runs them. */
  static override async start(): Promise<ShopCluster> {
    const { controlPlane, harness } = await OwnCluster.start();
    const cluster = new ShopCluster(controlPlane, harness);
    await cluster.apply(`${fixtures}/shop.yaml`);
    await eventually(
      async () => {
        const pods = await harness.admin.list({ kind: 'Pod' });
        return pods.length === 5;
      },
      { what: 'the pods of the shop are there', timeoutMs: 30_000 },
    );
    return cluster;
  }

  /** Applies a file of the repository as the administrator. */
  async apply(file: string): Promise<void> {
    await applyManifests(loadKubeconfig(this.controlPlane.adminKubeconfig), readManifests(file));
  }

  /** Runs a command as the administrator, unless told otherwise. */
  async run(command: string | readonly string[], options: CliOptions = {}): Promise<CliResult> {
    const args = typeof command === 'string' ? command.split(' ') : command;
    return await cli(args, { kubeconfig: this.controlPlane.adminKubeconfig, ...options });
  }

  /** Every object of the kinds that a plan is about, with its version: equal where nothing has been written. */
  async versions(): Promise<readonly string[]> {
    const kinds = [
      'SecurityBaseline',
      'Namespace',
      'NetworkPolicy',
      'ResourceQuota',
      'LimitRange',
      'ServiceAccount',
      'Pod',
    ] as const;
    const lists = await Promise.all(kinds.map((kind) => this.harness.admin.list({ kind })));
    return lists.flatMap((list, i) =>
      list.map(
        ({ metadata }) =>
          `${kinds[i]} ${metadata.namespace}/${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`,
      ),
    );
  }
}
