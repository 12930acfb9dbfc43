import { containerName, containersOf } from '../../pod-templates.ts';
import { podSecurityRule } from './pod-security-rule.ts';

const handlers = [
  ['livenessProbe'],
  ['readinessProbe'],
  ['startupProbe'],
  ['lifecycle', 'postStart'],
  ['lifecycle', 'preStop'],
] as const;

export const hostProbes = podSecurityRule({
  id: 'SB106',
  name: 'host-probes',
  title: 'Probes and lifecycle hooks do not name a host',
  help: 'The kubelet would send the request from the node to any address: a way to reach what the pod itself may not.',
  fix: "Leave out host: the pod's own address is the default.",
  *find({ spec }, { minor }) {
    if (minor < 34) return;
    for (const container of containersOf(spec)) {
      for (const path of handlers) {
        for (const type of ['httpGet', 'tcpSocket']) {
          const field = container.at(...path, type, 'host');
          if ((field.text ?? '') !== '') {
            const where = `${path.join('.')}.${type}`;
            yield {
              field,
              message: `${where} of container ${containerName(container)} names the host ${field.text}`,
            };
          }
        }
      }
    }
  },
});
