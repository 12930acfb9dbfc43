import { type Command, InvalidArgumentError, Option } from 'commander';
import { apiVersionOf } from '../../api/kinds.ts';
import type { KubernetesObject } from '../../api/objects.ts';
import type { BaselineException, SecurityBaseline } from '../../api/types.generated.ts';
import { ClusterReader } from '../cluster/cluster-reader.ts';
import { Fleet } from '../cluster/fleet.ts';
import { type InstallationOptions, withInstallationOptions } from '../cluster/installation-options.ts';
import { ApiListSource } from '../cluster/list-source.ts';
import { podRecordOf } from '../cluster/pod-record.ts';
import { resources } from '../cluster/resources.ts';
import { WarningClient } from '../cluster/warning-client.ts';
import { type ConnectionOptions, withConnectionOptions } from '../connection.ts';
import { manifestsOf } from '../connectivity/input-options.ts';
import type { CommandContext } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { makePlan, type PlannedObjects } from './plan.ts';
import { asServed, pickPlanned } from './planned-input.ts';
import { podSecurityViolations } from './pod-security-violations.ts';
import { renderMarkdown } from './render-markdown.ts';
import { renderText } from './render-text.ts';
import { isEmptyPlan, type PlanReport, summaryOf } from './report.ts';

/** What `--fail-on` can name. */
const failures = ['cut', 'violations'] as const;
type Failure = (typeof failures)[number];

interface Options extends ConnectionOptions, InstallationOptions {
  readonly filename: readonly string[];
  readonly delete?: boolean;
  readonly asEnforced?: boolean;
  readonly failOn: readonly Failure[];
  readonly output: 'text' | 'json' | 'markdown';
  readonly verbose?: boolean;
}

/** Adds `plan`. */
export function planCommand(program: Command, context: CommandContext, done: (code: ExitCode) => void): void {
  const command = program
    .command('plan')
    .description(
      'what a new or changed baseline or exception would do: objects, connections cut or opened, violations',
    )
    .requiredOption(
      '-f, --filename <path...>',
      'files or folders with SecurityBaselines and BaselineExceptions (- is standard input)',
    )
    .option('--delete', 'plan the deletion of what the files hold')
    .option('--as-enforced', 'plan baselines in Audit mode as if they were in Enforce mode')
    .addOption(
      new Option('--fail-on <what>', `exit with 1 for these, comma separated: ${failures.join(', ')}`)
        .argParser(parseFailures)
        .default([], 'nothing'),
    )
    .addOption(
      new Option('-o, --output <format>', 'how to answer')
        .choices(['text', 'json', 'markdown'])
        .default('text'),
    )
    .option('-v, --verbose', 'show everything, also what is created in full');
  withInstallationOptions(withConnectionOptions(command))
    .addHelpText(
      'after',
      '\nNothing is written. Exit code: 0 no change, 2 changes, 1 error or what --fail-on names.',
    )
    .action(async (options: Options) => {
      done(await plan(options, context));
    });
}

function parseFailures(text: string): readonly Failure[] {
  return text.split(',').map((part) => {
    const failure = failures.find((known) => known === part.trim());
    if (failure === undefined)
      throw new InvalidArgumentError(`'${part}' is none of: ${failures.join(', ')}.`);
    return failure;
  });
}

async function plan(options: Options, context: CommandContext): Promise<ExitCode> {
  const manifests = await manifestsOf(options.filename, context, { strict: true });
  const connection = context.connect(options);
  const planned = pickPlanned(manifests, connection.namespace);
  const { client, credentials, namespace } = connection;
  const reader = new ClusterReader(new ApiListSource(client), context.progress, namespace);
  const [fleet, pods] = await Promise.all([
    Fleet.read({
      reader,
      installation: options,
      planned: planned.baselines,
      now: () => context.clock.now(),
    }),
    reader.read({
      resource: resources.Pod,
      consequence: 'connections, quotas and limits of pods that you cannot see are left out',
      project: podRecordOf,
    }),
  ]);
  const isDeletion = options.delete === true;
  const serve = async <T extends SecurityBaseline | BaselineException>(
    each: T,
    all: readonly T[],
  ): Promise<T> => {
    const { name, namespace: home } = each.metadata;
    const current = all.find(({ metadata }) => metadata.name === name && metadata.namespace === home);
    return isDeletion ? each : await asServed(each, current, client, reader);
  };
  let proposal: PlannedObjects = {
    baselines: await Promise.all(planned.baselines.map((each) => serve(each, fleet.baselines))),
    exceptions: await Promise.all(planned.exceptions.map((each) => serve(each, fleet.exceptions))),
    isDeletion,
  };
  if (options.asEnforced === true) proposal = { ...proposal, baselines: proposal.baselines.map(enforced) };
  const exposing = await readExposing(proposal, reader);
  const warnings = new WarningClient(credentials);
  try {
    const report = await context.progress.during('computing the effect', () =>
      makePlan({
        fleet,
        pods: pods.isComplete || pods.items.length > 0 ? pods.items : undefined,
        proposal,
        exposing,
        isVerbose: options.verbose === true,
        askPodSecurity: (changes, after) =>
          podSecurityViolations(changes, { pods: pods.items, client: warnings, reader, after }),
        gaps: () => reader.gaps,
      }),
    );
    for (const ignored of planned.ignored)
      context.warn(`warning: ${ignored} is no baseline or exception, and is left out`);
    context.print(render(report, options, context));
    return exitCodeOf(report, options.failOn);
  } finally {
    await warnings.close();
  }
}

function enforced(baseline: SecurityBaseline): SecurityBaseline {
  return { ...baseline, spec: { ...baseline.spec, mode: 'Enforce' } };
}

/** Services and Ingresses, where a planned baseline has a rule about them. */
async function readExposing(
  { baselines }: PlannedObjects,
  reader: ClusterReader,
): Promise<readonly KubernetesObject[]> {
  const rules = baselines.map(({ spec }) => spec.admission?.exposure);
  const kinds = [
    ...(rules.some((rule) => (rule?.forbid ?? []).length > 0) ? (['Service'] as const) : []),
    ...(rules.some((rule) => rule?.requireIngressTLS === true) ? (['Ingress'] as const) : []),
  ];
  const found = await Promise.all(
    kinds.map((kind) =>
      reader.read({
        resource: resources[kind],
        consequence: 'rules of admission.exposure have not been held against them',
        project: (object) => ({ ...object, apiVersion: apiVersionOf(resources[kind]), kind }),
      }),
    ),
  );
  return found.flatMap(({ items }) => items);
}

function render(report: PlanReport, { output, verbose = false }: Options, { paint }: CommandContext): string {
  switch (output) {
    case 'text':
      return renderText(report, { paint, isVerbose: verbose });
    case 'markdown':
      return renderMarkdown(report);
    case 'json':
      return `${JSON.stringify({ ...report, summary: summaryOf(report), partial: report.gaps.length > 0 }, null, 2)}\n`;
  }
}

/** Scripts depend on it: see docs/guides/cli.md. */
export function exitCodeOf(report: PlanReport, failOn: readonly Failure[]): ExitCode {
  const { connections, violations } = report;
  // What could not be evaluated has not been shown to be harmless.
  const cuts = connections === undefined || connections.cutPairs > 0;
  if (failOn.includes('cut') && cuts) return exitCodes.error;
  if (failOn.includes('violations') && violations.length > 0) return exitCodes.error;
  return isEmptyPlan(report) ? exitCodes.ok : exitCodes.differs;
}
