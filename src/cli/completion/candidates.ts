/** What may come next on a command line, read off the commands themselves. */
import type { Argument, Command, Option } from 'commander';

/** One word that may come next. */
export interface Candidate {
  readonly word: string;
  readonly description: string;
}

/** What may come next; namespaces and contexts are for the caller to look up. */
export interface Completion {
  readonly candidates: readonly Candidate[];
  readonly lookUp: 'namespaces' | 'contexts' | undefined;
  /** The command line so far gives these; they say which cluster is meant. */
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
}

/**
 * Candidates for the last word, which may be empty.
 *
 * @param words without the name of the program
 */
export function complete(program: Command, words: readonly string[]): Completion {
  const last = words.at(-1) ?? '';
  const given = new Map<string, string>();
  let command = program;
  let pending: Option | undefined;
  let positional = 0;
  for (const word of words.slice(0, -1)) {
    if (pending !== undefined) {
      given.set(pending.attributeName(), word);
      pending = undefined;
      continue;
    }
    if (word.startsWith('-')) {
      const [flag = '', value] = word.split('=', 2);
      const option = command.options.find(({ short, long }) => short === flag || long === flag);
      if (option !== undefined && value !== undefined) given.set(option.attributeName(), value);
      else if (option !== undefined && takesValue(option)) pending = option;
      continue;
    }
    const next = command.commands.find((each) => each.name() === word);
    if (next !== undefined && positional === 0) command = next;
    else positional += 1;
  }
  const base = { kubeconfig: given.get('kubeconfig'), context: given.get('context') };
  const matching = (all: readonly Candidate[]): Candidate[] =>
    all.filter(({ word }) => word.startsWith(last));
  if (pending !== undefined) {
    const choices = (pending.argChoices ?? []).map((word) => ({ word, description: '' }));
    return { ...base, candidates: matching(choices), lookUp: lookUpOf(pending.attributeName()) };
  }
  if (last.startsWith('-')) {
    const options = [...command.options, ...helpOption].flatMap(({ long, description }) =>
      long == null ? [] : [{ word: long, description }],
    );
    return { ...base, candidates: matching(options), lookUp: undefined };
  }
  const argument: Argument | undefined = command.registeredArguments[positional];
  const subcommands = command.commands
    .filter((each) => each.name() !== hiddenCommand)
    .map((each) => ({ word: each.name(), description: each.summary() || each.description() }));
  const choices = (argument?.argChoices ?? []).map((word) => ({ word, description: '' }));
  return {
    ...base,
    candidates: matching([...(positional === 0 ? subcommands : []), ...choices]),
    lookUp: argument === undefined ? undefined : lookUpOf(argument.name()),
  };
}

/** The command by which the shells ask. */
export const hiddenCommand = '__complete';

const helpOption = [{ long: '--help', description: 'display help for command' }];

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function lookUpOf(name: string): Completion['lookUp'] {
  if (name === 'namespace') return 'namespaces';
  return name === 'context' ? 'contexts' : undefined;
}
