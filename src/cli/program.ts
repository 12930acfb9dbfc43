/** All commands, as one program. */
import { Command, CommanderError } from 'commander';
import { checkCommand } from './check/command.ts';
import { completionCommand } from './completion/command.ts';
import { canConnectCommand } from './connectivity/can-connect.ts';
import { connectionsCommand } from './connectivity/connections.ts';
import type { CommandContext } from './context.ts';
import { exceptionCommand } from './exception/command.ts';
import { type ExitCode, exitCodes } from './exit-code.ts';
import { explainCommand } from './explain/command.ts';
import { failureLines } from './failure-text.ts';
import { initCommand } from './init/command.ts';
import { planCommand } from './plan/command.ts';
import { statusCommand } from './status/command.ts';
import { whyDeniedCommand } from './why/command.ts';

/** Adds one command to the program; the command tells its exit code when it is done. */
export type AddCommand = (program: Command, context: CommandContext, done: (code: ExitCode) => void) => void;

/** In the order in which help lists them. */
const commands: readonly AddCommand[] = [
  initCommand,
  planCommand,
  statusCommand,
  explainCommand,
  whyDeniedCommand,
  checkCommand,
  canConnectCommand,
  connectionsCommand,
  exceptionCommand,
  completionCommand,
];

/** The program with all its commands. */
export function createProgram(context: CommandContext, done: (code: ExitCode) => void): Command {
  const program = new Command('kubectl-baseline')
    .description('See the effect of a security baseline before it happens, and why things are as they are.')
    .version(context.version)
    .exitOverride()
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .configureOutput({
      writeOut: (text) => context.terminal.out.write(text),
      writeErr: (text) => context.terminal.err.write(text),
      getOutHelpWidth: () => context.terminal.out.width,
      getErrHelpWidth: () => context.terminal.err.width,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showSuggestionAfterError()
    .showHelpAfterError('(--help says what can be given)');
  for (const add of commands) add(program, context, done);
  return program;
}

/**
 * Runs one command line.
 *
 * @param args without the names of the runtime and the program
 * @returns the exit code; what failed has been said on standard error
 */
export async function run(args: readonly string[], context: CommandContext): Promise<ExitCode> {
  let code: ExitCode = exitCodes.ok;
  const program = createProgram(context, (reported) => {
    code = reported;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.error;
    for (const line of failureLines(error)) context.warn(line);
    return exitCodes.error;
  } finally {
    await context.close();
  }
}
