import { admissionPodRule } from '../../admission-rule.ts';

export const podHostNetwork = admissionPodRule({
  id: 'SB304',
  name: 'exposed-host-network',
  title: "Pods are not exposed by the host's network",
  help: 'NetworkPolicies do not hold there, and every port is one of the node. Said by admission.exposure; see also host-namespaces.',
  fix: 'Leave out hostNetwork, and reach the pod through a Service.',
  *find({ spec }, { admission }) {
    if (!admission.exposure?.forbid?.includes('HostNetwork')) return;
    const field = spec.at('hostNetwork');
    if (field.flag === true) yield { path: field.path, message: "the pod is in the host's network" };
  },
});
