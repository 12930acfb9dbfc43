import { podSecurityRule } from './pod-security-rule.ts';

/** Sysctls that are the pod's own, with the version from which on the standard lets pods set them. */
const sinceMinor: Readonly<Record<string, number>> = {
  'kernel.shm_rmid_forced': 0,
  'net.ipv4.ip_local_port_range': 0,
  'net.ipv4.tcp_syncookies': 0,
  'net.ipv4.ping_group_range': 0,
  'net.ipv4.ip_unprivileged_port_start': 0,
  'net.ipv4.ip_local_reserved_ports': 27,
  'net.ipv4.tcp_keepalive_time': 29,
  'net.ipv4.tcp_fin_timeout': 29,
  'net.ipv4.tcp_keepalive_intvl': 29,
  'net.ipv4.tcp_keepalive_probes': 29,
  'net.ipv4.tcp_rmem': 32,
  'net.ipv4.tcp_wmem': 32,
};

export const sysctls = podSecurityRule({
  id: 'SB111',
  name: 'sysctls',
  title: 'Pods set only sysctls that are their own',
  help: 'Other sysctls turn off protections, or change the node for all of its pods.',
  fix: `Set none but ${Object.keys(sinceMinor).join(', ')}.`,
  *find({ spec }, { minor }) {
    for (const item of spec.at('securityContext', 'sysctls').items) {
      const field = item.at('name');
      const { text: name = '' } = field;
      const since = Object.hasOwn(sinceMinor, name) ? sinceMinor[name] : undefined;
      if (since === undefined || minor < since) yield { field, message: `the pod sets the sysctl ${name}` };
    }
  },
});
