import { containerName, containersOf } from '../../pod-templates.ts';
import { isWindows, podSecurityRule } from './pod-security-rule.ts';

export const privilegeEscalation = podSecurityRule({
  id: 'SB113',
  name: 'privilege-escalation',
  title: 'Containers cannot gain privileges (level restricted)',
  help: 'Otherwise a program with the set-user-ID bit makes root out of any user.',
  fix: 'Set securityContext.allowPrivilegeEscalation to false in every container.',
  *find(pod, { level, minor }) {
    if (level !== 'restricted' || minor < 8 || (minor >= 25 && isWindows(pod))) return;
    for (const container of containersOf(pod.spec)) {
      const field = container.at('securityContext', 'allowPrivilegeEscalation');
      if (field.flag !== false) {
        const verb = field.flag === true ? 'may' : 'does not say that it may not';
        yield { field, message: `container ${containerName(container)} ${verb} gain privileges` };
      }
    }
  },
});
