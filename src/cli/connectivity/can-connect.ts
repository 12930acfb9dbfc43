import { type Command, Option } from 'commander';
import { ConnectivityEngine, type Query, UnknownPodError, type Verdict } from '../../connectivity/engine.ts';
import type { Cluster } from '../../connectivity/model.ts';
import { type Gap, partialLines } from '../cluster/gap.ts';
import type { CommandContext } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { UserError } from '../user-error.ts';
import { clusterOfManifests, readEnds } from './cluster-input.ts';
import { type Destination, type NamedEnd, parseDestination, parseEnd, queryOf } from './endpoint.ts';
import { type BaselineOf, explainVerdict } from './explanation.ts';
import { type InputOptions, manifestsOf, readerOf, withInputOptions } from './input-options.ts';

interface Options extends InputOptions {
  readonly output: 'text' | 'json';
}

/** Adds `can-connect`. */
export function canConnectCommand(
  program: Command,
  context: CommandContext,
  done: (code: ExitCode) => void,
): void {
  withInputOptions(
    program
      .command('can-connect')
      .description('whether one pod or workload may connect to another, and which policies say so')
      .argument('<source>', 'NAMESPACE/NAME of a pod or workload, or an IP address')
      .argument('<destination>', 'the same, with an optional :PORT or :PORT/PROTOCOL'),
  )
    .addOption(new Option('-o, --output <format>', 'how to answer').choices(['text', 'json']).default('text'))
    .addHelpText('after', '\nExit code: 0 it may, 2 it may not, 1 error.')
    .action(async (source: string, destination: string, options: Options) => {
      done(await canConnect(parseEnd(source), parseDestination(destination), options, context));
    });
}

async function canConnect(
  source: NamedEnd | { readonly ip: string },
  destination: Destination,
  options: Options,
  context: CommandContext,
): Promise<ExitCode> {
  const { cluster, query, gaps } = await readQuestion(source, destination, options, context);
  const verdict = answer(cluster, query, gaps);
  if (options.output === 'json') context.print(`${JSON.stringify(asJson(query, verdict, gaps), null, 2)}\n`);
  else {
    context.print(`${headline(query, verdict, context)}\n`);
    for (const line of explainVerdict(verdict, context.paint, baselineByName)) context.print(`${line}\n`);
    for (const line of partialLines(gaps)) context.warn(line);
  }
  return verdict.allowed ? exitCodes.ok : exitCodes.differs;
}

/** What is asked, and the part of the cluster that it is about. */
export async function readQuestion(
  source: NamedEnd | { readonly ip: string },
  destination: Destination,
  options: InputOptions,
  context: CommandContext,
): Promise<{ cluster: Cluster; query: Query; gaps: readonly Gap[] }> {
  if (options.fromDir !== undefined) {
    const namespace = options.namespace ?? 'default';
    const objects = await manifestsOf([options.fromDir], context);
    return {
      cluster: clusterOfManifests(objects, namespace),
      query: queryOf(source, destination, namespace),
      gaps: [],
    };
  }
  const { reader, namespace } = readerOf(options, context);
  const query = queryOf(source, destination, namespace);
  const cluster = await readEnds(reader, [query.source, query.destination]);
  return { cluster, query, gaps: reader.gaps };
}

/**
 * The engine's answer.
 *
 * @throws {UserError} for an end that is not there, or not to be seen
 */
export function answer(cluster: Cluster, query: Query, gaps: readonly Gap[]): Verdict {
  try {
    return new ConnectivityEngine(cluster).canConnect(query);
  } catch (error) {
    if (error instanceof UnknownPodError) {
      const hidden = gaps.some(({ permission }) => permission === 'list pods');
      throw new UserError(
        error.message,
        hidden
          ? `You may not list pods there; ask for: list pods in namespace ${error.namespace}.`
          : `Only what runs can be asked about. What there is: kubectl get pods -n ${error.namespace}`,
        { cause: error },
      );
    }
    if (error instanceof RangeError) throw new UserError(error.message, undefined, { cause: error });
    throw error;
  }
}

/** Managed policies are named after their baseline, and no other object may be. */
export const baselineByName: BaselineOf = (_namespace, policy) => {
  const dot = policy.indexOf('.');
  return dot > 0 ? policy.slice(0, dot) : undefined;
};

function headline(query: Query, verdict: Verdict, { paint }: CommandContext): string {
  const asked = `${endText(query.source)} => ${endText(query.destination)}${portText(query)}`;
  return verdict.allowed
    ? `${paint.good('yes')}: ${asked} : ${verdict.connections}`
    : `${paint.bad('no')}: ${asked}`;
}

function endText(end: Query['source']): string {
  return 'ip' in end ? end.ip : `${end.namespace}/${end.name}`;
}

function portText({ port, protocol }: Query): string {
  if (port === undefined) return protocol === undefined ? '' : ` (${protocol})`;
  return `:${port}/${protocol ?? 'TCP'}`;
}

function asJson(query: Query, verdict: Verdict, gaps: readonly Gap[]): object {
  const direction = ({ isolated, exemption, allows, policies }: Verdict['egress']): object => ({
    isolated,
    ...(exemption === undefined ? {} : { exemption }),
    allows: allows.toString(),
    policies: policies.map(({ namespace, name, allows: allowed, rules }) => ({
      namespace,
      name,
      allows: allowed.toString(),
      matchingRules: rules.filter(({ matchesPeer }) => matchesPeer).map(({ index }) => index),
    })),
  });
  return {
    ...query,
    allowed: verdict.allowed,
    connections: verdict.connections.toString(),
    egress: direction(verdict.egress),
    ingress: direction(verdict.ingress),
    partial: gaps.length > 0,
    gaps,
  };
}
