import type { Command } from 'commander';
import type { CommandContext } from '../context.ts';
import type { ExitCode } from '../exit-code.ts';
import { approveCommand } from './approve.ts';
import { listCommand } from './list.ts';
import { requestCommand } from './request.ts';

/** Adds `exception` with its commands. */
export function exceptionCommand(
  program: Command,
  context: CommandContext,
  done: (code: ExitCode) => void,
): void {
  const command = program
    .command('exception')
    .description('ask for, approve and list exceptions from baselines');
  requestCommand(command, context, done);
  approveCommand(command, context, done);
  listCommand(command, context, done);
}
