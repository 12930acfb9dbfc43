import { securityContextOwners } from '../../pod-templates.ts';
import { podSecurityRule } from './pod-security-rule.ts';

const types = ['', 'container_t', 'container_init_t', 'container_kvm_t'];

export const seLinux = podSecurityRule({
  id: 'SB108',
  name: 'se-linux',
  title: 'SELinux options are those of containers',
  help: 'Another SELinux user, role or type can take a container out of its confinement.',
  fix: `Leave out seLinuxOptions.user and .role, and set .type to one of ${types.slice(1).join(', ')}, container_engine_t (1.31 on).`,
  *find({ spec }, { minor }) {
    const allowed = minor >= 31 ? [...types, 'container_engine_t'] : types;
    for (const { owner, name } of securityContextOwners(spec)) {
      const options = owner.at('securityContext', 'seLinuxOptions');
      const type = options.at('type');
      if (!allowed.includes(type.text ?? ''))
        yield { field: type, message: `${name} sets the SELinux type ${type.text}` };
      for (const key of ['user', 'role']) {
        const field = options.at(key);
        if ((field.text ?? '') !== '')
          yield { field, message: `${name} sets the SELinux ${key} ${field.text}` };
      }
    }
  },
});
