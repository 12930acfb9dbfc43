import { securityContextOwners } from '../../pod-templates.ts';
import { podSecurityRule } from './pod-security-rule.ts';

const annotationPrefix = 'container.apparmor.security.beta.kubernetes.io/';

export const appArmor = podSecurityRule({
  id: 'SB107',
  name: 'app-armor',
  title: 'AppArmor stays on',
  help: 'Without its profile a container may make system calls and touch files that the runtime keeps from it.',
  fix: 'Leave out appArmorProfile, or set its type to RuntimeDefault or Localhost.',
  *find({ spec, metadata }) {
    for (const { owner, name } of securityContextOwners(spec)) {
      const profile = owner.at('securityContext', 'appArmorProfile');
      const { text: type = '' } = profile.at('type');
      if (profile.exists && type !== 'RuntimeDefault' && type !== 'Localhost') {
        yield {
          field: profile.at('type'),
          message: `${name} sets the AppArmor profile type ${type || '(none)'}`,
        };
      }
    }
    for (const [key, field] of metadata.at('annotations').entries) {
      const { text: value = '' } = field;
      const isAllowed = value === '' || value === 'runtime/default' || value.startsWith('localhost/');
      if (key.startsWith(annotationPrefix) && !isAllowed) {
        yield { field, message: `annotation ${key} sets the AppArmor profile ${value}` };
      }
    }
  },
});
