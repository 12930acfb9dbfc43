import type { Command } from 'commander';
import type { KubernetesObject } from '../../api/objects.ts';
import { ConnectionSet } from '../../connectivity/connection-set.ts';
import type { Query } from '../../connectivity/engine.ts';
import type { ObservedNamespace } from '../../diff/observed-namespace.ts';
import type { ApiClient } from '../../kube/api-client.ts';
import { isApiError } from '../../kube/api-error.ts';
import { ResourceClient } from '../../kube/resource-client.ts';
import type { ClusterReader } from '../cluster/cluster-reader.ts';
import type { Evaluation } from '../cluster/fleet.ts';
import { type FleetOptions, type LiveFleet, readFleet, withFleetOptions } from '../cluster/fleet-reader.ts';
import { partialLines } from '../cluster/gap.ts';
import { resources } from '../cluster/resources.ts';
import { answer, baselineByName } from '../connectivity/can-connect.ts';
import { readEnds } from '../connectivity/cluster-input.ts';
import { parseDestination, parseEnd, queryOf } from '../connectivity/endpoint.ts';
import { explainVerdict } from '../connectivity/explanation.ts';
import { manifestsOf } from '../connectivity/input-options.ts';
import type { CommandContext } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { UserError } from '../user-error.ts';
import { adviceLines } from './advice.ts';
import { type PodSource, podInCluster, podsInManifests } from './pod-source.ts';
import { type Refusal, refusalsOf, selectingOf } from './refusal.ts';

interface PodOptions extends FleetOptions {
  readonly filename?: readonly string[];
}

/** Adds `why-denied` with what can be denied. */
export function whyDeniedCommand(
  program: Command,
  context: CommandContext,
  done: (code: ExitCode) => void,
): void {
  const command = program
    .command('why-denied')
    .description('which rule of which baseline denies something, and how to ask for an exception')
    .addHelpText('after', '\nExit code: 0 it is not denied, 2 it is, 1 error.');
  withFleetOptions(
    command
      .command('pod')
      .description('a pod, or the pods of a workload; asks the API server by a dry run')
      .argument('[name]', 'NAME or KIND/NAME of what is in the cluster')
      .option('-f, --filename <path...>', 'manifests that were refused, in place of a name'),
  ).action(async (name: string | undefined, options: PodOptions) => {
    done(await whyPod(name, options, context));
  });
  withFleetOptions(
    command
      .command('image')
      .description('an image, by the rules about images')
      .argument('<image>', 'as a pod names it'),
  ).action(async (image: string, options: FleetOptions) => {
    done(await whyImage(image, options, context));
  });
  withFleetOptions(
    command
      .command('connection')
      .description('a connection, by the NetworkPolicies')
      .argument('<source>', 'NAMESPACE/NAME of a pod or workload, or an IP address')
      .argument('<destination>', 'the same, with an optional :PORT or :PORT/PROTOCOL'),
  ).action(async (source: string, destination: string, options: FleetOptions) => {
    done(await whyConnection(source, destination, options, context));
  });
}

async function whyPod(
  name: string | undefined,
  options: PodOptions,
  context: CommandContext,
): Promise<ExitCode> {
  if ((name === undefined) === (options.filename === undefined)) {
    throw new UserError('nothing to ask about, or two things', 'Give the NAME of a workload, or -f FILE.');
  }
  const { namespace, client } = context.connect(options);
  const sources =
    options.filename === undefined
      ? [await podInCluster(client, namespace, name ?? '')]
      : podsInManifests(await manifestsOf(options.filename, context, { strict: true }), namespace);
  const { live, evaluation, observed } = await readNamespace(namespace, options, context);
  let isDenied = false;
  for (const source of sources) {
    const refusals = refusalsOf(source.pod, observed, evaluation);
    const said = await askApiServer(source.pod, client, live.reader);
    isDenied ||= said !== undefined || refusals.length > 0;
    printRefusals(source, refusals, said, observed, evaluation, context);
  }
  for (const line of partialLines(live.reader.gaps)) context.warn(line);
  return isDenied ? exitCodes.differs : exitCodes.ok;
}

/** What the API server refuses, in its own words: quotas, other policies and webhooks, which nobody else knows. */
async function askApiServer(
  pod: KubernetesObject,
  client: ApiClient,
  reader: ClusterReader,
): Promise<string | undefined> {
  const { name, ...metadata } = pod.metadata;
  const asked = { ...pod, metadata: { ...metadata, name: `${name.slice(0, 40)}-why-denied` } };
  try {
    await new ResourceClient<KubernetesObject>(client, resources.Pod, {
      fieldManager: 'kubectl-baseline',
    }).create(asked, {
      dryRun: true,
    });
    return undefined;
  } catch (error) {
    if (!isApiError(error, 'forbidden', 'invalid')) throw error;
    if (!error.isDeniedByAuthorizer) return error.message.replace(/^create pods \S+ /, '');
    reader.note({
      reason: 'forbidden',
      permission: 'create pods',
      namespace: pod.metadata.namespace,
      consequence: "only the baselines' own rules have been looked at",
    });
    return undefined;
  }
}

function printRefusals(
  { title }: PodSource,
  refusals: readonly Refusal[],
  said: string | undefined,
  namespace: ObservedNamespace,
  evaluation: Evaluation,
  context: CommandContext,
): void {
  const { paint } = context;
  const isDenied = refusals.length > 0 || said !== undefined;
  context.print(`${title}: ${isDenied ? paint.bad('denied') : paint.good('not denied')}\n`);
  if (said !== undefined) context.print(`  The API server says: ${said}\n`);
  printEach(refusals, namespace, evaluation, context);
}

function printEach(
  refusals: readonly Refusal[],
  namespace: ObservedNamespace,
  evaluation: Evaluation,
  context: CommandContext,
): void {
  for (const { rule, baselines, message, fix } of refusals) {
    const by = baselines.length > 0 ? `baseline ${baselines.join(', ')}` : 'the namespace';
    context.print(`  ${by}, ${rule}: ${message}\n    ${fix}\n`);
  }
  const selecting = selectingOf(namespace, evaluation);
  const relaxations = new Set(
    refusals.map(({ relaxation }) => relaxation).filter((each) => each !== undefined),
  );
  for (const relaxation of relaxations) {
    for (const line of adviceLines(relaxation, namespace.name, selecting)) context.print(`  ${line}\n`);
  }
}

async function whyImage(image: string, options: FleetOptions, context: CommandContext): Promise<ExitCode> {
  const { namespace } = context.connect(options);
  const { live, evaluation, observed } = await readNamespace(namespace, options, context);
  const pod: KubernetesObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'image', namespace },
    spec: { containers: [{ name: 'image', image }] },
  };
  const refusals = refusalsOf(pod, observed, evaluation, 'Images');
  const { paint } = context;
  const isDenied = refusals.length > 0;
  context.print(
    `Image ${image} in ${namespace}: ${isDenied ? paint.bad('denied') : paint.good('not denied')}\n`,
  );
  printEach(refusals, observed, evaluation, context);
  for (const line of partialLines(live.reader.gaps)) context.warn(line);
  return isDenied ? exitCodes.differs : exitCodes.ok;
}

async function whyConnection(
  source: string,
  destination: string,
  options: FleetOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { namespace: own } = context.connect(options);
  const query = queryOf(parseEnd(source), parseDestination(destination), own);
  const { fleet, reader } = await readFleet(options, context, { selectionOnly: true });
  const cluster = await readEnds(reader, [query.source, query.destination]);
  const verdict = answer(cluster, query, reader.gaps);
  const { paint } = context;
  context.print(
    `${source} => ${destination}: ${verdict.allowed ? paint.good('not denied') : paint.bad('denied')}\n`,
  );
  for (const line of explainVerdict(verdict, paint, baselineByName)) context.print(`${line}\n`);
  if (!verdict.allowed) {
    const evaluation = fleet.evaluate();
    const ends = [
      { end: query.source, direction: verdict.egress, relaxation: 'Egress' },
      { end: query.destination, direction: verdict.ingress, relaxation: 'Ingress' },
    ] as const;
    for (const { end, direction, relaxation } of ends) {
      if (!direction.isolated || 'ip' in end || !direction.allows.intersect(askedFor(query)).isEmpty)
        continue;
      const observed = evaluation.view.namespace(end.namespace);
      const selecting = observed === undefined ? [] : selectingOf(observed, evaluation);
      if (selecting.length === 0) {
        context.print(`  No baseline is at work in ${end.namespace}: its own NetworkPolicies deny it.\n`);
        continue;
      }
      for (const line of adviceLines(relaxation, end.namespace, selecting)) context.print(`  ${line}\n`);
    }
  }
  for (const line of partialLines(reader.gaps)) context.warn(line);
  return verdict.allowed ? exitCodes.ok : exitCodes.differs;
}

/** What was asked for; a port by name means any, since which number it is depends on the pod. */
function askedFor({ port, protocol = 'TCP' }: Query): ConnectionSet {
  return typeof port === 'number' ? ConnectionSet.ports(protocol, port) : ConnectionSet.all;
}

async function readNamespace(
  name: string,
  options: FleetOptions,
  context: CommandContext,
): Promise<{ live: LiveFleet; evaluation: Evaluation; observed: ObservedNamespace }> {
  const live = await readFleet(options, context, { namespace: name });
  const evaluation = live.fleet.evaluate();
  const observed = evaluation.view.namespace(name);
  if (observed === undefined) {
    throw new UserError(
      `no baseline can be at work in namespace "${name}": it is protected, is being deleted, is not there, or you may not see it`,
      'Give another with -n.',
    );
  }
  return { live, evaluation, observed };
}
