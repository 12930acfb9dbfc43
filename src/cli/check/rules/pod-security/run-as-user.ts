import { securityContextOwners } from '../../pod-templates.ts';
import { hasOwnUsers, podSecurityRule } from './pod-security-rule.ts';

export const runAsUser = podSecurityRule({
  id: 'SB115',
  name: 'run-as-user',
  title: 'Containers do not ask for user 0 (level restricted)',
  help: 'User 0 is root; see run-as-non-root.',
  fix: 'Set runAsUser to another number, or leave it out; or set hostUsers to false (1.35 on).',
  *find(pod, standard) {
    if (standard.level !== 'restricted' || standard.minor < 23 || hasOwnUsers(pod, standard)) return;
    for (const { owner, name } of securityContextOwners(pod.spec)) {
      const field = owner.at('securityContext', 'runAsUser');
      if (field.number === 0) yield { field, message: `${name} runs as user 0` };
    }
  },
});
