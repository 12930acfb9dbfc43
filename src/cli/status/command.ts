import { type Command, Option } from 'commander';
import type { SecurityBaseline } from '../../api/types.generated.ts';
import { isEnforcing, selects } from '../../baseline/selection.ts';
import type { Evaluation } from '../cluster/fleet.ts';
import { type FleetOptions, readFleet, withFleetOptions } from '../cluster/fleet-reader.ts';
import { type Gap, partialLines } from '../cluster/gap.ts';
import type { CommandContext } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { table } from '../table.ts';

interface Options extends FleetOptions {
  readonly output: 'text' | 'json';
  readonly verbose?: boolean;
}

/** The state of one baseline, as the operator reports it. */
interface BaselineLine {
  readonly name: string;
  readonly mode: string;
  readonly selected: number;
  readonly hardened: number | undefined;
  readonly failing: number | undefined;
  readonly ready: string;
  /** Why it is not as it should be; empty where it is. */
  readonly reasons: readonly string[];
}

interface StatusReport {
  readonly baselines: readonly BaselineLine[];
  /** Namespaces that no enforcing baseline selects. */
  readonly uncovered: readonly string[];
  readonly exceptions: Readonly<Record<string, number>>;
  readonly partial: boolean;
  readonly gaps: readonly Gap[];
}

/** Adds `status`. */
export function statusCommand(
  program: Command,
  context: CommandContext,
  done: (code: ExitCode) => void,
): void {
  withFleetOptions(
    program
      .command('status')
      .description('how the baselines of the cluster are doing, and which namespaces none covers'),
  )
    .addOption(new Option('-o, --output <format>', 'how to answer').choices(['text', 'json']).default('text'))
    .option('-v, --verbose', 'name every namespace')
    .addHelpText('after', '\nExit code: 0 all is well, 2 something is not, 1 error.')
    .action(async (options: Options) => {
      done(await status(options, context));
    });
}

async function status(options: Options, context: CommandContext): Promise<ExitCode> {
  const { fleet, reader } = await readFleet(options, context, { selectionOnly: true });
  const evaluation = fleet.evaluate();
  const states = evaluation.namespaces.flatMap((namespace) => judgedStates(evaluation, namespace));
  const report: StatusReport = {
    baselines: fleet.baselines.map((baseline) => lineOf(baseline, evaluation)),
    uncovered: evaluation.namespaces
      .filter(
        (namespace) =>
          !fleet.baselines.some((baseline) => isEnforcing(baseline) && selects(baseline, namespace)),
      )
      .map(({ name }) => name),
    exceptions: Object.fromEntries(
      [...Map.groupBy(states, (state) => state)].map(([state, all]) => [state, all.length] as const).sort(),
    ),
    partial: reader.gaps.length > 0,
    gaps: reader.gaps,
  };
  if (options.output === 'json') context.print(`${JSON.stringify(report, null, 2)}\n`);
  else {
    context.print(`${textLines(report, options, context).join('\n')}\n`);
    for (const line of partialLines(reader.gaps)) context.warn(line);
  }
  return report.baselines.every(({ reasons }) => reasons.length === 0) ? exitCodes.ok : exitCodes.differs;
}

function judgedStates(
  evaluation: Evaluation,
  namespace: Evaluation['namespaces'][number],
): readonly string[] {
  return evaluation.desired.judge(namespace).map(({ verdict }) => verdict.state);
}

function lineOf(baseline: SecurityBaseline, evaluation: Evaluation): BaselineLine {
  const { metadata, spec, status: reported = {} } = baseline;
  const { conditions = [], failing = [], namespaces, observedGeneration } = reported;
  const ready = conditions.find(({ type }) => type === 'Ready');
  const isCurrent = observedGeneration === metadata.generation;
  const wrong = conditions.filter(
    ({ type, status: value }) => (type === 'Stalled' || type === 'Reconciling') === (value === 'True'),
  );
  return {
    name: metadata.name,
    mode: spec.mode ?? 'Enforce',
    selected: evaluation.namespaces.filter((namespace) => selects(baseline, namespace)).length,
    hardened: namespaces?.hardened,
    failing: namespaces?.failing,
    ready: ready?.status ?? 'Unknown',
    reasons: [
      ...(ready === undefined || !isCurrent
        ? ['the operator has not reported on this generation yet: is it running?']
        : []),
      ...wrong.map(({ type, reason, message }) => `${type}: ${reason}: ${message}`),
      ...failing.map(({ namespace, reason, message }) => `namespace ${namespace}: ${reason}: ${message}`),
    ],
  };
}

/** Names shown of uncovered namespaces, unless all are asked for. */
const mostNames = 10;

function textLines(
  report: StatusReport,
  { verbose = false }: Options,
  { paint }: CommandContext,
): readonly string[] {
  const { baselines, uncovered, exceptions } = report;
  const shown = verbose ? uncovered : uncovered.slice(0, mostNames);
  const rest =
    uncovered.length > shown.length ? ` and ${uncovered.length - shown.length} more (--verbose)` : '';
  const exceptionText = Object.entries(exceptions).map(([state, number]) => `${number} ${state}`);
  return [
    ...(baselines.length === 0
      ? ['There are no baselines. To begin with one: kubectl baseline init']
      : table(
          ['BASELINE', 'MODE', 'SELECTED', 'HARDENED', 'FAILING', 'READY'],
          baselines.map(({ name, mode, selected, hardened = '-', failing = '-', ready }) => [
            name,
            mode,
            `${selected}`,
            `${hardened}`,
            `${failing}`,
            ready,
          ]),
        )),
    ...baselines.flatMap(({ name, reasons }) => [
      ...(reasons.length > 0 ? ['', paint.bad(`${name} is not as it should be:`)] : []),
      ...reasons.map((reason) => `  ${reason}`),
    ]),
    '',
    uncovered.length === 0
      ? paint.good('Every namespace is covered by an enforcing baseline.')
      : paint.warn(`Not covered by any enforcing baseline: ${shown.join(', ')}${rest}`),
    ...(exceptionText.length > 0 ? [`Exceptions: ${exceptionText.join(', ')}`] : []),
  ];
}
