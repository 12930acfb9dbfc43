import { podSecurityRule } from './pod-security-rule.ts';

export const hostNamespaces = podSecurityRule({
  id: 'SB101',
  name: 'host-namespaces',
  title: "Pods do not share the host's network, processes or IPC",
  help: "In the host's namespaces a pod sees and reaches what belongs to the node and to other pods.",
  fix: 'Leave out hostNetwork, hostPID and hostIPC.',
  *find({ spec }) {
    for (const name of ['hostNetwork', 'hostPID', 'hostIPC']) {
      const field = spec.at(name);
      if (field.flag === true) yield { field, message: `${name} is true` };
    }
  },
});
