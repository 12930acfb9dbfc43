/** How the operator of the cluster was installed, as far as what it would do depends on it. */
import { type Command, Option } from 'commander';
import { parseCidr } from '../../connectivity/ip.ts';
import { UserError } from '../user-error.ts';

/** The operator's own settings; the defaults are its defaults. */
export interface InstallationOptions {
  readonly operatorNamespace: string;
  readonly protectedNamespaces: readonly string[];
  readonly clusterCidrs: readonly string[];
  readonly grantableClusterRole: string;
}

/** Adds the flags that repeat what the operator was given. */
export function withInstallationOptions(command: Command): Command {
  return command
    .option('--operator-namespace <name>', "the operator's own namespace", 'security-baseline-system')
    .addOption(
      new Option('--protected-namespaces <names>', 'as given to the operator, comma separated')
        .argParser(splitList)
        .default([], 'none'),
    )
    .addOption(
      new Option('--cluster-cidrs <cidrs>', 'as given to the operator, comma separated')
        .argParser(parseCidrs)
        .default([], 'none'),
    )
    .option('--grantable-cluster-role <name>', 'as given to the operator', 'security-baseline-grantable');
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function parseCidrs(text: string): string[] {
  const cidrs = splitList(text);
  const wrong = cidrs.find((cidr) => parseCidr(cidr) === undefined);
  if (wrong !== undefined) throw new UserError(`"${wrong}" is not a CIDR`, 'Write it like 10.0.0.0/8.');
  return cidrs;
}
