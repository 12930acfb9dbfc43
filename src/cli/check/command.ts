/**
 * `kubectl baseline check`: manifests against the baselines that would apply, without a cluster.
 *
 * For the program: {@link checkCommand} adds the command, and has the signature of every other one. It reads
 * standard input only for `-f -`, writes findings to standard output and what could not be read to standard error, and
 * tells its exit code: 0 clean, 2 findings, 1 when something could not be read or understood, whatever else was found.
 */
import type { Command } from 'commander';
import type { CommandContext } from '../context.ts';
import type { ExitCode } from '../exit-code.ts';

/** Adds `check` to the program. */
export function checkCommand(
  _program: Command,
  _context: CommandContext,
  _done: (code: ExitCode) => void,
): void {
  throw new Error('not there yet');
}
