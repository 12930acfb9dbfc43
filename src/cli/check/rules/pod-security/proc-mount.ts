import { containerName, containersOf } from '../../pod-templates.ts';
import { hasOwnUsers, podSecurityRule } from './pod-security-rule.ts';

export const procMount = podSecurityRule({
  id: 'SB109',
  name: 'proc-mount',
  title: '/proc stays masked',
  help: 'The runtime hides parts of /proc that tell about the node or change it.',
  fix: 'Leave out procMount; at level baseline it is free where hostUsers is false (1.35 on).',
  *find(pod, standard) {
    if (standard.level === 'baseline' && hasOwnUsers(pod, standard)) return;
    for (const container of containersOf(pod.spec)) {
      const field = container.at('securityContext', 'procMount');
      if (field.exists && field.text !== 'Default') {
        yield { field, message: `container ${containerName(container)} sets procMount ${field.text}` };
      }
    }
  },
});
