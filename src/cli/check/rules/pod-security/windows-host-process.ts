import { securityContextOwners } from '../../pod-templates.ts';
import { podSecurityRule } from './pod-security-rule.ts';

export const windowsHostProcess = podSecurityRule({
  id: 'SB112',
  name: 'windows-host-process',
  title: 'Windows containers are no processes of the host',
  help: 'A HostProcess container runs on the Windows node itself, with its rights.',
  fix: 'Leave out windowsOptions.hostProcess.',
  *find({ spec }) {
    for (const { owner, name } of securityContextOwners(spec)) {
      const field = owner.at('securityContext', 'windowsOptions', 'hostProcess');
      if (field.flag === true) yield { field, message: `${name} is a process of the host` };
    }
  },
});
