import { type Command, Option } from 'commander';
import { type FleetOptions, readFleet, withFleetOptions } from '../cluster/fleet-reader.ts';
import { partialLines } from '../cluster/gap.ts';
import type { CommandContext } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import type { Paint } from '../terminal.ts';
import { UserError } from '../user-error.ts';
import {
  type Explanation,
  explainNamespace,
  type Giver,
  isProtected,
  protectedNamespace,
} from './explanation.ts';

interface Options extends FleetOptions {
  readonly output: 'text' | 'json';
}

/** Adds `explain`. */
export function explainCommand(
  program: Command,
  context: CommandContext,
  done: (code: ExitCode) => void,
): void {
  withFleetOptions(
    program
      .command('explain')
      .description('which baseline gives a namespace what, its exceptions, and why it is not hardened')
      .argument('[namespace]', 'default: that of -n or of the context'),
  )
    .addOption(new Option('-o, --output <format>', 'how to answer').choices(['text', 'json']).default('text'))
    .addHelpText(
      'after',
      '\nExit code: 0 hardened (or none of our business), 2 not hardened or not covered, 1 error.',
    )
    .action(async (namespace: string | undefined, options: Options) => {
      done(await explain(namespace, options, context));
    });
}

async function explain(
  given: string | undefined,
  options: Options,
  context: CommandContext,
): Promise<ExitCode> {
  const name = given ?? context.connect(options).namespace;
  const { fleet, reader } = await readFleet(options, context, { namespace: name });
  const evaluation = fleet.evaluate();
  const observed = evaluation.view.namespace(name);
  if (observed === undefined && !isProtected(name, options)) {
    const hidden = reader.gaps.some(({ permission }) => permission === 'list namespaces');
    throw new UserError(
      hidden
        ? `you may not see namespace "${name}"`
        : `there is no namespace "${name}", or it is being deleted`,
      hidden ? 'Ask for: get namespaces.' : 'What there is: kubectl get namespaces',
    );
  }
  const explanation =
    observed === undefined ? protectedNamespace(name) : explainNamespace(observed, fleet, evaluation);
  if (options.output === 'json') {
    context.print(
      `${JSON.stringify({ ...explanation, partial: reader.gaps.length > 0, gaps: reader.gaps }, null, 2)}\n`,
    );
  } else {
    context.print(`${textLines(explanation, context.paint).join('\n')}\n`);
    for (const line of partialLines(reader.gaps)) context.warn(line);
  }
  const isFine = explanation.state === 'hardened' || explanation.state === 'protected';
  return isFine ? exitCodes.ok : exitCodes.differs;
}

function textLines(explanation: Explanation, paint: Paint): readonly string[] {
  const { namespace, state, baselines, notSelecting, denied, podSecurity, exceptions, reasons } = explanation;
  const colour = state === 'hardened' ? paint.good : state === 'protected' ? paint.strong : paint.bad;
  const why =
    state === 'protected'
      ? ': the operator never touches it'
      : state === 'not covered'
        ? ': no baseline selects it'
        : '';
  return [
    `Namespace ${paint.strong(namespace)}: ${colour(state)}${why}`,
    ...reasons.map((reason) => `  ${paint.bad('!')} ${reason}`),
    ...baselines.flatMap((giver) => giverLines(giver, paint)),
    ...(denied.length > 0 ? ['', `Denied unless allowed: ${denied.join(', ')}`] : []),
    ...(podSecurity.length > 0 ? ['', 'Pod Security:', ...podSecurity.map((line) => `  ${line}`)] : []),
    ...(exceptions.length > 0 ? ['', 'Exceptions:'] : []),
    ...exceptions.flatMap(({ name, state: standing, message, relaxes }) => [
      `  ${name}: ${standing}: ${message}`,
      ...relaxes.map((relaxation) => `    ${relaxation}`),
    ]),
    ...(notSelecting.length > 0 ? ['', 'Baselines that do not select it:'] : []),
    ...notSelecting.map(({ name, because }) => `  ${name}: ${because}`),
  ];
}

function giverLines({ name, mode, priority, because, gives, problems }: Giver, paint: Paint): string[] {
  const rest = mode === 'Audit' ? ', in Audit mode: it writes nothing, and would give' : ', gives';
  return [
    '',
    `${paint.strong(`Baseline ${name}`)} (priority ${priority}) selects ${because}${rest}:`,
    ...gives.map(({ object, state }) =>
      state === 'in place' ? `  ${object}` : `  ${object}: ${paint.bad(state)}`,
    ),
    ...problems.map((problem) => paint.warn(`  cannot be had: ${problem}`)),
  ];
}
