import { admissionRule } from '../../admission-rule.ts';

export const serviceTypes = admissionRule({
  id: 'SB301',
  name: 'service-types',
  title: 'Services are not of type NodePort or LoadBalancer',
  help: 'Both are reachable from outside of the cluster, past the gateway that is looked after.',
  fix: 'Use type ClusterIP, and an Ingress or Gateway to reach it from outside.',
  *find({ admission, scope }) {
    const forbidden: readonly string[] = admission.exposure?.forbid ?? [];
    for (const object of scope.objects) {
      if (object.kind !== 'Service' || object.group !== '') continue;
      const type = object.root.at('spec', 'type');
      if (type.text !== 'NodePort' && type.text !== 'LoadBalancer') continue;
      if (forbidden.includes(type.text))
        yield { object, path: type.path, message: `the Service is of type ${type.text}` };
    }
  },
});
