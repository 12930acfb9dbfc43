import { type Command, InvalidArgumentError, Option } from 'commander';
import { stringify } from 'yaml';
import { apiVersion } from '../../api/labels.ts';
import { parseQuantity } from '../../api/quantity.ts';
import type { BaselineException, BaselineExceptionSpec } from '../../api/types.generated.ts';
import { exceptionType } from '../../controller/watched-resources.ts';
import { isApiError } from '../../kube/api-error.ts';
import { ResourceClient } from '../../kube/resource-client.ts';
import { type ConnectionOptions, withConnectionOptions } from '../connection.ts';
import type { CommandContext } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { UserError } from '../user-error.ts';
import { atSecond, parseDuration } from './duration.ts';
import { collectPeer, type PeerOption } from './peer-option.ts';

interface Options extends ConnectionOptions {
  readonly reason: string;
  readonly ticket?: string;
  readonly for: number;
  readonly to: readonly PeerOption[];
  readonly from: readonly PeerOption[];
  readonly quota: Readonly<Record<string, string>>;
  readonly podSecurity?: 'baseline' | 'privileged';
  readonly image: readonly string[];
  readonly selector?: Readonly<Record<string, string>>;
  readonly dryRun?: boolean;
}

/** Adds `exception request`. */
export function requestCommand(
  parent: Command,
  context: CommandContext,
  done: (code: ExitCode) => void,
): void {
  withConnectionOptions(
    parent
      .command('request')
      .description(
        'ask for a relaxation of the baselines: writes a BaselineException, which takes effect once approved',
      )
      .argument('<name>', 'a name for it'),
  )
    .requiredOption('--reason <text>', 'why this is needed')
    .requiredOption('--for <duration>', 'how long, such as 24h or 7d', parseDuration)
    .option('--ticket <id>', 'where it was discussed')
    .option(
      '--to <peer>',
      'let pods connect to CIDR or namespace/NAME, with :PORT (repeatable)',
      collectPeer,
      [],
    )
    .option(
      '--from <peer>',
      'let CIDR or namespace/NAME connect to pods, with :PORT (repeatable)',
      collectPeer,
      [],
    )
    .option(
      '--selector <key=value,...>',
      'only for pods with these labels (with --to and --from)',
      parseLabels,
    )
    .option('--quota <resource=quantity>', 'raise the quota of a resource (repeatable)', collectQuota, {})
    .addOption(
      new Option('--pod-security <level>', 'lower the enforced level to').choices(['baseline', 'privileged']),
    )
    .option(
      '--image <prefix>',
      'a further registry or repository (repeatable)',
      (text, all: string[]) => [...all, text],
      [],
    )
    .option('--dry-run', 'print the BaselineException instead of writing it')
    .action(async (name: string, options: Options) => {
      done(await request(name, options, context));
    });
}

async function request(name: string, options: Options, context: CommandContext): Promise<ExitCode> {
  const spec = specOf(options, context.clock.now());
  if (Object.keys(spec).every((key) => ['reason', 'ticket', 'expiresAt', 'podSelector'].includes(key))) {
    throw new UserError(
      'this asks for nothing',
      'Give at least one of --to, --from, --quota, --pod-security and --image.',
    );
  }
  const { namespace, client } = context.connect(options);
  const exception: BaselineException = {
    apiVersion,
    kind: 'BaselineException',
    metadata: { name, namespace },
    spec,
  };
  if (options.dryRun === true) {
    context.print(stringify(exception, { lineWidth: 0 }));
    return exitCodes.ok;
  }
  const exceptions = new ResourceClient<BaselineException>(client, exceptionType, {
    fieldManager: 'kubectl-baseline',
  });
  try {
    await exceptions.create(exception);
  } catch (error) {
    if (isApiError(error, 'alreadyExists')) {
      throw new UserError(
        `there is a BaselineException ${namespace}/${name} already, and exceptions cannot be changed`,
        'Choose another name, or delete that one.',
        { cause: error },
      );
    }
    if (isApiError(error, 'invalid')) throw new UserError(error.message, undefined, { cause: error });
    throw error;
  }
  context.print(
    `BaselineException ${namespace}/${name} requested, until ${spec.expiresAt}.\n` +
      `To see its state: kubectl baseline exception list -n ${namespace}\n` +
      `To approve it:    kubectl baseline exception approve ${name} -n ${namespace}\n`,
  );
  return exitCodes.ok;
}

function specOf(options: Options, now: number): BaselineExceptionSpec {
  const { reason, ticket, to, from, quota, podSecurity, image, selector } = options;
  const ports = ({ port }: PeerOption) => (port === undefined ? {} : { ports: [port] });
  return {
    reason,
    ...(ticket === undefined ? {} : { ticket }),
    expiresAt: atSecond(now + options.for),
    ...(selector === undefined ? {} : { podSelector: { matchLabels: selector } }),
    ...(from.length > 0 ? { ingress: from.map((each) => ({ from: [each.peer], ...ports(each) })) } : {}),
    ...(to.length > 0 ? { egress: to.map((each) => ({ to: [each.peer], ...ports(each) })) } : {}),
    ...(Object.keys(quota).length > 0 ? { quota: { hard: quota } } : {}),
    ...(podSecurity === undefined ? {} : { podSecurity: { enforce: podSecurity } }),
    ...(image.length > 0 ? { images: { registries: [...image] } } : {}),
  };
}

function collectQuota(
  text: string,
  before: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const [, resource, quantity = ''] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (resource === undefined || parseQuantity(quantity) === undefined) {
    throw new InvalidArgumentError('Give RESOURCE=QUANTITY, such as pods=200 or requests.memory=64Gi.');
  }
  return { ...before, [resource]: quantity };
}

function parseLabels(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const [key, value] = pair.split('=');
      if (key === undefined || key === '' || value === undefined) {
        throw new InvalidArgumentError('Give key=value, or several with commas between them.');
      }
      return [key, value];
    }),
  );
}
