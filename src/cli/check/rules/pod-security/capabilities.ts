import type { Field } from '../../../manifests/field.ts';
import { containerName, containersOf } from '../../pod-templates.ts';
import { isWindows, podSecurityRule } from './pod-security-rule.ts';

/** What container runtimes give a container anyway. NET_RAW is not among them: with it, other pods' addresses can be forged. */
const defaults = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

const onlyOne = new Set(['NET_BIND_SERVICE']);

export const capabilities = podSecurityRule({
  id: 'SB103',
  name: 'capabilities',
  title: 'Containers add no capability that is not a default, and at level restricted drop all',
  help: 'Capabilities are parts of what root may do; many of them lead out of the container.',
  fix: 'Set securityContext.capabilities.drop to [ALL], and add at most NET_BIND_SERVICE (level baseline: any default capability).',
  *find(pod, { level, minor }) {
    // Restricted takes the place of baseline here from 1.22 on, with its exemption.
    const isRestricted = level === 'restricted' && minor >= 22;
    if (isRestricted && minor >= 25 && isWindows(pod)) return;
    for (const container of containersOf(pod.spec)) {
      const section = container.at('securityContext', 'capabilities');
      if (isRestricted && !section.at('drop').items.some(({ text }) => text === 'ALL')) {
        yield {
          field: section.at('drop'),
          message: `container ${containerName(container)} does not drop ALL capabilities`,
        };
      }
      for (const field of added(section, isRestricted ? onlyOne : defaults)) {
        yield {
          field,
          message: `container ${containerName(container)} adds the capability ${field.text ?? ''}`,
        };
      }
    }
  },
});

function added(section: Field, allowed: ReadonlySet<string>): readonly Field[] {
  return section.at('add').items.filter(({ text = '' }) => !allowed.has(text));
}
