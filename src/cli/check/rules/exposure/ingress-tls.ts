import type { Field } from '../../../manifests/field.ts';
import { admissionRule } from '../../admission-rule.ts';

export const ingressTls = admissionRule({
  id: 'SB305',
  name: 'ingress-tls',
  title: 'Every host of an Ingress has TLS',
  help: 'Without it passwords and sessions pass in the clear.',
  fix: 'Name the host in spec.tls, with a Secret that holds its certificate.',
  *find({ admission, scope }) {
    if (admission.exposure?.requireIngressTLS !== true) return;
    for (const object of scope.objects) {
      if (object.kind !== 'Ingress' || object.group !== 'networking.k8s.io') continue;
      const spec = object.root.at('spec');
      const backend = spec.at('defaultBackend');
      const hosts = [
        ...spec.at('rules').items.map((rule) => ({ field: rule, host: rule.at('host').text ?? '*' })),
        ...(backend.exists ? [{ field: backend, host: '*' }] : []),
      ];
      for (const { field, host } of hosts) {
        if (hasTls(spec, host)) continue;
        const what = host === '*' ? 'requests for any host' : host;
        yield { object, path: field.path, message: `the Ingress serves ${what} without TLS` };
      }
    }
  },
});

/** By name, by a wildcard for one label, or by an entry of tls that names no hosts and so is for all. */
function hasTls(spec: Field, host: string): boolean {
  const wildcard = host.includes('.') ? `*${host.slice(host.indexOf('.'))}` : undefined;
  return spec.at('tls').items.some((entry) => {
    const hosts = entry.at('hosts').items.map(({ text }) => text);
    return hosts.length === 0 || hosts.includes(host) || (wildcard !== undefined && hosts.includes(wildcard));
  });
}
