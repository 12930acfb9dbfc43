import { open } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ClusterReader } from '../cluster/cluster-reader.ts';
import { partialLines } from '../cluster/gap.ts';
import { ApiListSource } from '../cluster/list-source.ts';
import { type ConnectionOptions, withConnectionOptions } from '../connection.ts';
import type { CommandContext } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { UserError } from '../user-error.ts';
import { type Answers, type Ask, askFor, defaultAnswers, directionsOf, type Given } from './answers.ts';
import { type Findings, findingLines, lookAround } from './findings.ts';
import { baselineText } from './manifest.ts';

interface Options extends ConnectionOptions {
  readonly name?: string;
  readonly selector?: string;
  readonly exclude?: readonly string[];
  readonly mode?: 'Audit' | 'Enforce';
  readonly deny?: Answers['deny'];
  readonly gateway?: string;
  readonly monitoring?: string;
  readonly internet?: string;
  readonly podSecurity?: 'baseline' | 'restricted' | 'none';
  readonly quotas?: boolean;
  readonly offline?: boolean;
  readonly yes?: boolean;
  readonly write?: string;
  readonly force?: boolean;
}

const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Adds `init`. */
export function initCommand(program: Command, context: CommandContext, done: (code: ExitCode) => void): void {
  withConnectionOptions(
    program
      .command('init')
      .description('look at the cluster and write a first baseline, with every choice explained'),
  )
    .option('--name <name>', 'the name of the baseline', parseName)
    .option('--selector <key=value>', 'the label that selects namespaces, or * for all', parseSelector)
    .option('--exclude <names...>', 'namespaces to leave out, names or globs')
    .addOption(new Option('--mode <mode>', 'whether it writes or only reports').choices(['Audit', 'Enforce']))
    .option('--deny <directions>', 'Ingress, Egress, both or none', directionsOf)
    .option('--gateway <namespace>', 'the namespace of the gateway, - for none')
    .option('--monitoring <namespace>', 'the namespace of the monitoring, - for none')
    .option('--internet <why>', 'let pods connect to the internet, with the reason')
    .addOption(
      new Option('--pod-security <level>', 'the level to enforce').choices([
        'baseline',
        'restricted',
        'none',
      ]),
    )
    .option('--no-quotas', 'no quotas and limits')
    .option('--offline', 'do not look at the cluster')
    .option('-y, --yes', 'ask nothing: take flags and defaults')
    .option('-w, --write <file>', 'write to this file instead of standard output')
    .option('--force', 'overwrite the file')
    .action(async (options: Options, command: Command) => {
      const isGiven = command.getOptionValueSource('quotas') === 'cli';
      done(await init(options, isGiven, context));
    });
}

async function init(options: Options, quotasGiven: boolean, context: CommandContext): Promise<ExitCode> {
  const findings = options.offline === true ? undefined : await look(options, context);
  for (const line of findings === undefined ? [] : findingLines(findings)) context.warn(line);
  const given = givenBy(options, quotasGiven);
  const { input } = context.terminal;
  const isAsking = input.isTerminal && options.yes !== true;
  const answers = isAsking
    ? await askFor(given, findings, askerOf(context))
    : { ...defaultAnswers(findings), ...given };
  const wrong = dnsLabel.test(answers.name) ? wrongSelector(answers.selector) : wrongName(answers.name);
  if (wrong !== undefined) throw new UserError(wrong);
  const text = baselineText(answers, findings);
  if (options.write === undefined) {
    context.print(text);
    return exitCodes.ok;
  }
  await writeFile(options.write, text, options.force === true);
  context.warn(`Wrote ${options.write}. Next: kubectl baseline plan -f ${options.write}`);
  return exitCodes.ok;
}

async function look(options: Options, context: CommandContext): Promise<Findings> {
  const { client, namespace } = context.connect(options);
  const reader = new ClusterReader(new ApiListSource(client), context.progress, namespace);
  const findings = await lookAround(reader);
  for (const line of partialLines(reader.gaps)) context.warn(line);
  return findings;
}

function givenBy(options: Options, quotasGiven: boolean): Given {
  const { name, selector, exclude, mode, deny, gateway, monitoring, internet, podSecurity, quotas } = options;
  const orNone = (text: string): string | undefined => (text === '-' ? undefined : text);
  return {
    ...(name === undefined ? {} : { name }),
    ...(selector === undefined ? {} : { selector: selector === '*' ? undefined : selector }),
    ...(exclude === undefined ? {} : { exclude }),
    ...(mode === undefined ? {} : { mode }),
    ...(deny === undefined ? {} : { deny }),
    ...(gateway === undefined ? {} : { gateway: orNone(gateway) }),
    ...(monitoring === undefined ? {} : { monitoring: orNone(monitoring) }),
    ...(internet === undefined ? {} : { internet: orNone(internet) }),
    ...(podSecurity === undefined ? {} : { podSecurity: podSecurity === 'none' ? undefined : podSecurity }),
    ...(quotasGiven && quotas !== undefined ? { quotas } : {}),
  };
}

/** Questions go to standard error, so that the answer can be redirected. */
function askerOf({ terminal }: CommandContext): Ask {
  const lines = terminal.input.lines()[Symbol.asyncIterator]();
  return async (question, fallback) => {
    terminal.err.write(`${question} [${fallback}]: `);
    const { value = '', done = false } = await lines.next();
    if (done)
      throw new UserError('the questions were not answered to the end', 'Give flags and --yes instead.');
    const answer = String(value).trim();
    return answer === '' ? fallback : answer;
  };
}

async function writeFile(path: string, text: string, isForced: boolean): Promise<void> {
  try {
    await using file = await open(path, isForced ? 'w' : 'wx');
    await file.writeFile(text);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      throw new UserError(`${path} is there already`, 'Give another file, or --force.', { cause: error });
    throw new UserError(`${path} cannot be written: ${message}`, 'Give another file.', { cause: error });
  }
}

function parseName(text: string): string {
  if (!dnsLabel.test(text)) throw new InvalidArgumentError(wrongName(text));
  return text;
}

function wrongName(text: string): string {
  return `'${text}' is no name for a baseline: lower-case letters, digits and '-', at most 63.`;
}

function parseSelector(text: string): string {
  const wrong = wrongSelector(text);
  if (wrong !== undefined) throw new InvalidArgumentError(wrong);
  return text;
}

const label = /^([a-z0-9.-]+\/)?[A-Za-z0-9][-A-Za-z0-9_.]*=([A-Za-z0-9][-A-Za-z0-9_.]*)?$/;

/** What is wrong with it, if anything is. */
function wrongSelector(text = '*'): string | undefined {
  return text === '*' || label.test(text)
    ? undefined
    : `'${text}' is not key=value, nor * for every namespace.`;
}
