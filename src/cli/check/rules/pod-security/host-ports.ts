import { containerName, containersOf } from '../../pod-templates.ts';
import { podSecurityRule } from './pod-security-rule.ts';

export const hostPorts = podSecurityRule({
  id: 'SB105',
  name: 'host-ports',
  title: 'Containers use no ports of the host',
  help: 'A port of the host is reachable by whoever reaches the node, past every NetworkPolicy of some network plugins.',
  fix: 'Leave out hostPort, and reach the pod through a Service.',
  *find({ spec }) {
    for (const container of containersOf(spec)) {
      for (const port of container.at('ports').items) {
        const field = port.at('hostPort');
        if ((field.number ?? 0) !== 0) {
          yield {
            field,
            message: `container ${containerName(container)} uses port ${field.number} of the host`,
          };
        }
      }
    }
  },
});
