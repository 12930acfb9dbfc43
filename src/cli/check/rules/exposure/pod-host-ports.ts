import { admissionPodRule } from '../../admission-rule.ts';
import { containerName, containersOf } from '../../pod-templates.ts';

export const podHostPorts = admissionPodRule({
  id: 'SB303',
  name: 'exposed-host-ports',
  title: 'Pods are not exposed by ports of the host',
  help: 'Such a port is reachable on every address of the node. Said by admission.exposure; see also host-ports.',
  fix: 'Leave out hostPort, and reach the pod through a Service.',
  *find({ spec }, { admission }) {
    if (!admission.exposure?.forbid?.includes('HostPort')) return;
    for (const container of containersOf(spec)) {
      for (const port of container.at('ports').items) {
        const field = port.at('hostPort');
        if ((field.number ?? 0) === 0) continue;
        yield {
          path: field.path,
          message: `container ${containerName(container)} is exposed on port ${field.number} of the host`,
        };
      }
    }
  },
});
