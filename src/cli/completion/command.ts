import { Argument, type Command } from 'commander';
import { ApiListSource } from '../cluster/list-source.ts';
import { resources } from '../cluster/resources.ts';
import type { ConnectionOptions } from '../connection.ts';
import type { CommandContext } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { type Candidate, type Completion, complete, hiddenCommand } from './candidates.ts';
import { type Shell, scripts, shells } from './scripts.ts';

/** Adds `completion`, and what its scripts ask. */
export function completionCommand(
  program: Command,
  context: CommandContext,
  done: (code: ExitCode) => void,
): void {
  program
    .command('completion')
    .description('a script that completes commands, flags, namespaces and contexts in a shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .addHelpText(
      'after',
      '\nbash: source <(kubectl-baseline completion bash)\nzsh:  source <(kubectl-baseline completion zsh)\nfish: kubectl-baseline completion fish | source',
    )
    .action((shell: Shell) => {
      context.print(scripts[shell]);
      done(exitCodes.ok);
    });
  program
    .command(hiddenCommand, { hidden: true })
    .argument('[words...]')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (words: readonly string[]) => {
      const completion = complete(program, words);
      const looked = await lookUp(completion, words.at(-1) ?? '', context).catch(() => []);
      for (const { word, description } of [...completion.candidates, ...looked]) {
        context.print(`${word}\t${description}\n`);
      }
      done(exitCodes.ok);
    });
}

async function lookUp(
  { lookUp: what, kubeconfig, context: name }: Completion,
  prefix: string,
  context: CommandContext,
): Promise<readonly Candidate[]> {
  if (what === undefined) return [];
  const options: ConnectionOptions = {
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(name === undefined ? {} : { context: name }),
  };
  const { client, credentials } = context.connect(options);
  const found: string[] = [];
  if (what === 'contexts') found.push(...credentials.kubeConfig.getContexts().map((each) => each.name));
  else {
    for await (const page of new ApiListSource(client).pages(resources.Namespace, {})) {
      found.push(...page.map(({ metadata }) => metadata.name));
    }
  }
  return found
    .filter((word) => word.startsWith(prefix))
    .sort()
    .map((word) => ({ word, description: '' }));
}
