import type { Command } from 'commander';
import type { BaselineException } from '../../api/types.generated.ts';
import { exceptionType } from '../../controller/watched-resources.ts';
import type { ApiClient } from '../../kube/api-client.ts';
import { isApiError } from '../../kube/api-error.ts';
import { ResourceClient } from '../../kube/resource-client.ts';
import { type FleetOptions, readFleet, withFleetOptions } from '../cluster/fleet-reader.ts';
import { partialLines } from '../cluster/gap.ts';
import type { CommandContext } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { UserError } from '../user-error.ts';
import { atSecond } from './duration.ts';
import { judgeExceptions } from './judged.ts';

interface Options extends FleetOptions {
  readonly note?: string;
}

/** Adds `exception approve`. */
export function approveCommand(
  parent: Command,
  context: CommandContext,
  done: (code: ExitCode) => void,
): void {
  withFleetOptions(
    parent
      .command('approve')
      .description('let an exception take effect, as it is now: writes the approval into its status')
      .argument('<name>', 'the exception'),
  )
    .option('--note <text>', 'kept with the approval')
    .action(async (name: string, options: Options) => {
      done(await approve(name, options, context));
    });
}

async function approve(name: string, options: Options, context: CommandContext): Promise<ExitCode> {
  const { connection, fleet, reader } = await readFleet(options, context, {
    namespace: context.connect(options).namespace,
    selectionOnly: true,
  });
  const { client, namespace } = connection;
  const exception = fleet.exceptions.find(({ metadata }) => metadata.name === name);
  if (exception === undefined) {
    throw new UserError(
      `there is no BaselineException "${name}" in namespace "${namespace}"`,
      `What there is: kubectl baseline exception list -n ${namespace}`,
    );
  }
  const [judged] = judgeExceptions([exception], fleet.evaluate());
  if (judged?.state === 'Active') {
    context.print(`${namespace}/${name} is approved already: ${judged.message}\n`);
    return exitCodes.ok;
  }
  if (judged !== undefined && judged.state !== 'AwaitingApproval' && judged.state !== 'Unknown') {
    throw new UserError(
      `an approval would have no effect: ${judged.message}`,
      `Its state is ${judged.state}.`,
    );
  }
  await writeApproval(exception, options.note, client, context);
  context.print(`${namespace}/${name} approved, until ${exception.spec.expiresAt}.\n`);
  for (const line of partialLines(reader.gaps)) context.warn(line);
  return exitCodes.ok;
}

async function writeApproval(
  { metadata }: BaselineException,
  note: string | undefined,
  client: ApiClient,
  context: CommandContext,
): Promise<void> {
  const { name, namespace, uid, generation, resourceVersion } = metadata;
  const approval = {
    by: await whoAmI(client),
    uid,
    generation,
    at: atSecond(context.clock.now()),
    ...(note === undefined ? {} : { note }),
  };
  const exceptions = new ResourceClient<BaselineException>(client, exceptionType, {
    fieldManager: 'kubectl-baseline',
  });
  try {
    await exceptions.mergePatch(
      name,
      namespace,
      { metadata: { uid, resourceVersion }, status: { approval } },
      { subresource: 'status' },
    );
  } catch (error) {
    if (isApiError(error, 'conflict')) {
      throw new UserError(
        `${namespace}/${name} has changed in the meantime`,
        'Look at it again, and approve it then.',
        {
          cause: error,
        },
      );
    }
    throw error;
  }
}

/** Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#self-subject-review */
async function whoAmI(client: ApiClient): Promise<string> {
  const review = await client.request<{ status?: { userInfo?: { username?: string } } }>({
    operation: { verb: 'create', resource: 'selfsubjectreviews' },
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
  });
  return review.status?.userInfo?.username ?? 'unknown';
}
