#!/usr/bin/env node
/** The composition root of kubectl-baseline. */
import packageJson from '../../package.json' with { type: 'json' };
import { systemClock } from '../runtime/clock.ts';
import { CommandContext } from './context.ts';
import { run } from './program.ts';
import { processTerminal } from './terminal.ts';

// Whoever reads our output may stop early: `| head` is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

const context = new CommandContext({
  terminal: processTerminal,
  clock: systemClock,
  version: packageJson.version,
});
process.exitCode = await run(process.argv.slice(2), context);
