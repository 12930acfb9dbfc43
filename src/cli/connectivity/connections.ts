import { Argument, type Command, Option } from 'commander';
import { type Connection, ConnectivityEngine } from '../../connectivity/engine.ts';
import { formatParty } from '../../connectivity/expand.ts';
import type { Cluster } from '../../connectivity/model.ts';
import { renderDot, renderList, renderMatrix, renderMermaid } from '../../connectivity/render.ts';
import { type Gap, partialLines } from '../cluster/gap.ts';
import type { CommandContext } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { UserError } from '../user-error.ts';
import { clusterOfManifests, readWholeCluster } from './cluster-input.ts';
import { type InputOptions, manifestsOf, readerOf, withInputOptions } from './input-options.ts';

const formats = ['list', 'matrix', 'mermaid', 'dot', 'json'] as const;

interface Options extends InputOptions {
  readonly allNamespaces?: boolean;
  readonly output: (typeof formats)[number];
}

/** Adds `connections`. */
export function connectionsCommand(
  program: Command,
  context: CommandContext,
  done: (code: ExitCode) => void,
): void {
  withInputOptions(
    program
      .command('connections')
      .description('what the NetworkPolicies let pass, workload by workload')
      .addArgument(new Argument('[namespace]', 'only connections with an end in it')),
  )
    .option('-A, --all-namespaces', 'of all namespaces')
    .addOption(new Option('-o, --output <format>', 'how to answer').choices(formats).default('list'))
    .action(async (namespace: string | undefined, options: Options) => {
      done(await connections(namespace, options, context));
    });
}

async function connections(
  given: string | undefined,
  options: Options,
  context: CommandContext,
): Promise<ExitCode> {
  const { cluster, focus, gaps } = await readFocus(given, options, context);
  if (focus !== undefined && !isKnown(cluster, focus)) {
    throw new UserError(
      `there is nothing in namespace "${focus}"`,
      'Give another namespace, or -A for all of them.',
    );
  }
  const found = await context.progress.during('evaluating policies', async () =>
    new ConnectivityEngine(cluster).connections(focus === undefined ? undefined : [focus]),
  );
  print(found, options.output, gaps, context);
  for (const line of partialLines(gaps)) context.warn(line);
  return exitCodes.ok;
}

async function readFocus(
  given: string | undefined,
  options: Options,
  context: CommandContext,
): Promise<{ cluster: Cluster; focus: string | undefined; gaps: readonly Gap[] }> {
  if (options.fromDir !== undefined) {
    const objects = await manifestsOf([options.fromDir], context);
    return {
      cluster: clusterOfManifests(objects, options.namespace ?? 'default'),
      focus: given,
      gaps: [],
    };
  }
  const { reader, namespace } = readerOf(options, context);
  const cluster = await readWholeCluster(reader);
  return { cluster, focus: options.allNamespaces ? undefined : (given ?? namespace), gaps: reader.gaps };
}

function isKnown({ namespaces, pods, policies }: Cluster, name: string): boolean {
  return (
    namespaces.some((namespace) => namespace.name === name) ||
    [...pods, ...policies].some(({ namespace }) => namespace === name)
  );
}

/** Lines written at once: few writes, little memory. */
const batchSize = 1000;

function print(
  found: Iterable<Connection>,
  format: Options['output'],
  gaps: readonly Gap[],
  context: CommandContext,
): void {
  if (format === 'list') {
    // As they are found: an open cluster has more lines than memory would hold.
    for (const batch of batches(found)) context.print(renderList(batch));
  } else if (format === 'json') {
    const report = { connections: Array.from(found, asJson), partial: gaps.length > 0, gaps };
    context.print(`${JSON.stringify(report, null, 2)}\n`);
  } else {
    const render = { matrix: renderMatrix, mermaid: renderMermaid, dot: renderDot }[format];
    context.print(render(found));
  }
}

function* batches(found: Iterable<Connection>): Generator<readonly Connection[]> {
  let batch: Connection[] = [];
  for (const connection of found) {
    batch.push(connection);
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

function asJson({ source, destination, connections: allowed }: Connection): object {
  return {
    source: formatParty(source),
    destination: formatParty(destination),
    connections: allowed.toString(),
  };
}
