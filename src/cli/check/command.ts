/**
 * `kubectl baseline check`: manifests against the baselines that would apply, without a cluster.
 *
 * For the program: {@link checkCommand} adds the command, and has the signature of every other one. It reads
 * standard input only for `-f -`, writes findings to standard output and what could not be read to standard error, and
 * tells its exit code: 0 clean, 2 findings, 1 when something could not be read or understood, whatever else was found.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CommandContext } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { readManifests } from '../manifests/read-manifests.ts';
import { standardInput } from '../manifests/source-files.ts';
import type { ManifestProblem } from '../manifests/source-location.ts';
import { printable } from '../manifests/unfold.ts';
import { UserError } from '../user-error.ts';
import { baselinesIn } from './baselines.ts';
import { check } from './check.ts';
import { jsonReport } from './report/json.ts';
import type { Report } from './report/report.ts';
import { sarifReport } from './report/sarif.ts';
import { textReport } from './report/text.ts';
import type { Severity } from './rule.ts';

/** What `check` is asked. */
export interface CheckOptions {
  /** Files, folders, or `-` for standard input. */
  readonly filename: readonly string[];
  /** Files or folders with baselines, beside those among the manifests. */
  readonly baseline: readonly string[];
  /** Where objects go that name no namespace. */
  readonly namespace: string;
  /** The labels of namespaces that no manifest declares. */
  readonly namespaceLabels: Readonly<Record<string, string>>;
  /** The least severity that is reported. */
  readonly severity: Severity;
  readonly output: 'text' | 'json' | 'sarif';
}

/** What `check` needs of the program's context. */
export type CheckContext = Pick<CommandContext, 'terminal' | 'paint' | 'version' | 'print' | 'warn'>;

/** Adds `check` to the program. */
export function checkCommand(program: Command, context: CheckContext, done: (code: ExitCode) => void): void {
  program
    .command('check')
    .summary('hold manifests against the baselines that would apply, without a cluster')
    .description(
      'Holds manifests against the baselines that would apply to them, without a cluster. Baselines and Namespaces are found among the ' +
        'manifests, or given.',
    )
    .requiredOption('-f, --filename <path...>', 'files, folders (with all in them), or - for standard input')
    .option(
      '--baseline <path...>',
      'files or folders with SecurityBaselines, beside those among the manifests',
      [],
    )
    .option('-n, --namespace <name>', 'the namespace of objects that name none', 'default')
    .addOption(
      new Option('--namespace-labels <key=value,...>', 'the labels of namespaces that no manifest declares')
        .default({}, 'none')
        .argParser(parseLabels),
    )
    .addOption(
      new Option('--severity <level>', 'report nothing less grave')
        .choices(['warning', 'error'])
        .default('warning'),
    )
    .addOption(
      new Option('-o, --output <format>', 'how to report').choices(['text', 'json', 'sarif']).default('text'),
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 no findings, 2 findings, 1 something could not be read or understood.',
    )
    .action(async (options: CheckOptions) => done(await runCheck(options, context)));
}

/**
 * Checks and reports.
 *
 * @throws {UserError} where there is nothing to check
 */
export async function runCheck(options: CheckOptions, context: CheckContext): Promise<ExitCode> {
  if (options.baseline.includes(standardInput)) {
    throw new UserError(
      '--baseline cannot be read from standard input',
      'Give a file, or put the baseline among the manifests.',
    );
  }
  const input = context.terminal.input.bytes;
  const manifests = await readManifests(options.filename, { input });
  const given = await readManifests(options.baseline, { input });
  const { baselines, problems } = baselinesIn([...manifests.objects, ...given.objects]);
  const allProblems = [...manifests.problems, ...given.problems, ...problems];
  const failed = allProblems.some(({ severity }) => severity === 'error');
  if (manifests.objects.length === 0 && !failed) {
    throw new UserError(
      `there is no Kubernetes object in ${options.filename.map(printable).join(', ')}`,
      'Give files or folders with .yaml, .yml or .json manifests.',
    );
  }
  const { findings, ignored } = check(manifests.objects, baselines, {
    defaultNamespace: options.namespace,
    labels: options.namespaceLabels,
  });
  const report: Report = {
    findings: findings.filter(({ severity }) => severity === 'error' || options.severity === 'warning'),
    ignored,
    problems: allProblems,
    objects: manifests.objects.length,
  };
  context.print(render(report, options, context));
  for (const problem of allProblems) context.warn(describe(problem));
  if (baselines.length === 0) {
    context.warn(
      'note: no SecurityBaseline was given or found; only the rules that need none were checked (see --baseline)',
    );
  }
  if (failed) return exitCodes.error;
  return report.findings.length > 0 ? exitCodes.differs : exitCodes.ok;
}

function render(report: Report, { output }: CheckOptions, { paint, version }: CheckContext): string {
  switch (output) {
    case 'text':
      return textReport(report, paint);
    case 'json':
      return jsonReport(report);
    case 'sarif':
      return sarifReport(report, version);
  }
}

function describe({ severity, file, line, column, message }: ManifestProblem): string {
  const place = line === undefined ? file : `${file}:${line}:${column ?? 1}`;
  return printable(`${severity}: ${place}: ${message}`);
}

/** @throws InvalidArgumentError for what is no key=value */
function parseLabels(text: string, before: unknown): Readonly<Record<string, string>> {
  const pairs = text.split(',').map((pair) => {
    const [, key, value] = /^([^=\s]+)=(\S*)$/.exec(pair.trim()) ?? [];
    if (key === undefined || value === undefined) {
      throw new InvalidArgumentError(`${JSON.stringify(pair)} is not key=value.`);
    }
    return [key, value] as const;
  });
  return { ...(before as Readonly<Record<string, string>>), ...Object.fromEntries(pairs) };
}
