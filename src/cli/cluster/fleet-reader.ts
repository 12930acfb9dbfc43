/** What the commands about the fleet have in common: whom to ask, and how to say what could not be seen. */
import type { Command } from 'commander';
import { type Connection, type ConnectionOptions, withConnectionOptions } from '../connection.ts';
import type { CommandContext } from '../context.ts';
import { ClusterReader } from './cluster-reader.ts';
import { Fleet, type FleetRequest } from './fleet.ts';
import { type InstallationOptions, withInstallationOptions } from './installation-options.ts';
import { ApiListSource } from './list-source.ts';

/** Which cluster, as whom, and how its operator was installed. */
export interface FleetOptions extends ConnectionOptions, InstallationOptions {}

/** Adds the options. */
export function withFleetOptions(command: Command): Command {
  return withInstallationOptions(withConnectionOptions(command));
}

/** A live fleet. */
export interface LiveFleet {
  readonly connection: Connection;
  readonly reader: ClusterReader;
  readonly fleet: Fleet;
}

/** Reads the fleet of the cluster that the options name. */
export async function readFleet(
  options: FleetOptions,
  context: CommandContext,
  part: Pick<FleetRequest, 'namespace' | 'selectionOnly' | 'planned'> = {},
): Promise<LiveFleet> {
  const connection = context.connect(options);
  const reader = new ClusterReader(
    new ApiListSource(connection.client),
    context.progress,
    part.namespace ?? connection.namespace,
  );
  const fleet = await Fleet.read({ ...part, reader, installation: options, now: () => context.clock.now() });
  return { connection, reader, fleet };
}
