import type { Command } from 'commander';
import { ClusterReader } from '../cluster/cluster-reader.ts';
import { ApiListSource } from '../cluster/list-source.ts';
import { type ConnectionOptions, withConnectionOptions } from '../connection.ts';
import type { CommandContext } from '../context.ts';
import type { ManifestObject } from '../manifests/manifest-object.ts';
import { readManifests } from '../manifests/read-manifests.ts';
import type { ManifestProblem } from '../manifests/source-location.ts';
import { UserError } from '../user-error.ts';

/** A live cluster, or a folder of manifests in its place. */
export interface InputOptions extends ConnectionOptions {
  readonly fromDir?: string;
}

/** Adds `--from-dir` beside what says which cluster. */
export function withInputOptions(command: Command): Command {
  return withConnectionOptions(command).option(
    '--from-dir <path>',
    'read manifests from this folder or file (- is standard input) instead of a cluster',
  );
}

/** A reader of the live cluster. */
export function readerOf(
  options: ConnectionOptions,
  context: CommandContext,
): { reader: ClusterReader; namespace: string } {
  const { client, namespace } = context.connect(options);
  return { reader: new ClusterReader(new ApiListSource(client), context.progress, namespace), namespace };
}

/**
 * The objects of manifests; what is not understood is said on standard error.
 *
 * @throws {UserError} where nothing could be read, or `strict` and anything could not
 */
export async function manifestsOf(
  paths: readonly string[],
  context: CommandContext,
  { strict = false }: { readonly strict?: boolean } = {},
): Promise<readonly ManifestObject[]> {
  const { objects, problems } = await context.progress.during('reading manifests', () =>
    readManifests(paths, { input: context.terminal.input.bytes }),
  );
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0 && (strict || objects.length === 0)) {
    throw new UserError(errors.map(describeProblem).join('\n       '), 'Mend the file, or leave it out.');
  }
  for (const problem of errors) context.warn(`warning: ${describeProblem(problem)}`);
  if (objects.length === 0) {
    throw new UserError(
      `${paths.join(', ')} holds no Kubernetes objects`,
      'Give a folder or file of manifests.',
    );
  }
  return objects;
}

function describeProblem({ file, line, column, message }: ManifestProblem): string {
  const place = line === undefined ? file : `${file}:${line}${column === undefined ? '' : `:${column}`}`;
  return `${place}: ${message}`;
}
