import { type Command, Option } from 'commander';
import { type FleetOptions, readFleet, withFleetOptions } from '../cluster/fleet-reader.ts';
import { partialLines } from '../cluster/gap.ts';
import type { CommandContext } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { table } from '../table.ts';
import { judgeExceptions } from './judged.ts';

interface Options extends FleetOptions {
  readonly allNamespaces?: boolean;
  readonly output: 'text' | 'json';
}

/** Adds `exception list`. */
export function listCommand(parent: Command, context: CommandContext, done: (code: ExitCode) => void): void {
  withFleetOptions(parent.command('list').description('exceptions, with their state and what they relax'))
    .option('-A, --all-namespaces', 'of all namespaces')
    .addOption(new Option('-o, --output <format>', 'how to answer').choices(['text', 'json']).default('text'))
    .action(async (options: Options) => {
      done(await list(options, context));
    });
}

async function list(options: Options, context: CommandContext): Promise<ExitCode> {
  const isAll = options.allNamespaces === true;
  const { namespace } = context.connect(options);
  const { fleet, reader } = await readFleet(options, context, {
    selectionOnly: true,
    ...(isAll ? {} : { namespace }),
  });
  const lines = judgeExceptions(fleet.exceptions, fleet.evaluate());
  if (options.output === 'json') {
    context.print(
      `${JSON.stringify({ exceptions: lines, partial: reader.gaps.length > 0, gaps: reader.gaps }, null, 2)}\n`,
    );
    return exitCodes.ok;
  }
  if (lines.length === 0)
    context.print(`There are no exceptions${isAll ? '' : ` in namespace ${namespace}`}.\n`);
  else {
    const rows = lines.map(({ namespace: home, name, state, expiresAt, relaxes, reason }) => [
      home,
      name,
      state,
      expiresAt,
      relaxes.join(', '),
      reason,
    ]);
    const headings = ['NAMESPACE', 'NAME', 'STATE', 'UNTIL', 'RELAXES', 'REASON'];
    context.print(`${table(headings, rows).join('\n')}\n`);
  }
  for (const line of partialLines(reader.gaps)) context.warn(line);
  return exitCodes.ok;
}
