import { containerName, containersOf } from '../../pod-templates.ts';
import { podSecurityRule } from './pod-security-rule.ts';

export const privileged = podSecurityRule({
  id: 'SB102',
  name: 'privileged',
  title: 'Containers are not privileged',
  help: 'A privileged container is root on the node.',
  fix: 'Leave out securityContext.privileged, and add the single capabilities that are needed.',
  *find({ spec }) {
    for (const container of containersOf(spec)) {
      const field = container.at('securityContext', 'privileged');
      if (field.flag === true)
        yield { field, message: `container ${containerName(container)} is privileged` };
    }
  },
});
