import { containerName, containersOf } from '../../pod-templates.ts';
import { hasOwnUsers, podSecurityRule } from './pod-security-rule.ts';

export const runAsNonRoot = podSecurityRule({
  id: 'SB114',
  name: 'run-as-non-root',
  title: 'Containers do not run as root (level restricted)',
  help: "Root in a container is root on the node for whatever the container's walls let through.",
  fix: 'Set securityContext.runAsNonRoot to true, in the pod or in every container; or hostUsers to false (1.35 on).',
  *find(pod, standard) {
    if (standard.level !== 'restricted' || hasOwnUsers(pod, standard)) return;
    const ofPod = pod.spec.at('securityContext', 'runAsNonRoot');
    if (ofPod.flag === false) yield { field: ofPod, message: 'the pod sets runAsNonRoot to false' };
    for (const container of containersOf(pod.spec)) {
      const field = container.at('securityContext', 'runAsNonRoot');
      if (field.flag === false) {
        yield { field, message: `container ${containerName(container)} sets runAsNonRoot to false` };
      } else if (field.flag === undefined && ofPod.flag === undefined) {
        yield {
          field,
          message: `neither the pod nor container ${containerName(container)} sets runAsNonRoot`,
        };
      }
    }
  },
});
