/** Runs kubectl-baseline in this process, as a person at a terminal or as a script would. */
import { CommandContext } from '../../../src/cli/context.ts';
import { run } from '../../../src/cli/program.ts';
import type { Terminal } from '../../../src/cli/terminal.ts';
import { type Clock, systemClock } from '../../../src/runtime/clock.ts';

/** Who runs it, and how. */
export interface CliOptions {
  /** Given as --kubeconfig at the end. */
  readonly kubeconfig?: string;
  readonly input?: string;
  /** A person looks at the output. Default false. */
  readonly isTerminal?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
}

/** What came of it. */
export interface CliResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one command line. */
export async function cli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const { kubeconfig, input = '', isTerminal = false, env = {}, clock = systemClock } = options;
  const text = { out: '', err: '' };
  const output = (stream: 'out' | 'err') => ({
    isTerminal,
    width: 80,
    write: (content: string) => {
      text[stream] += content;
    },
  });
  const terminal: Terminal = {
    out: output('out'),
    err: output('err'),
    input: { isTerminal, bytes: bytesOf(input), lines: () => linesOf(input) },
    env,
  };
  const context = new CommandContext({ terminal, clock, version: '0.0.0-test' });
  const flags = kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig];
  const code = await run([...args, ...flags], context);
  return { code, ...text };
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}

async function* linesOf(text: string): AsyncGenerator<string> {
  yield* text.split('\n');
}
