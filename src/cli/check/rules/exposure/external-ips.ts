import { admissionRule } from '../../admission-rule.ts';

export const externalIps = admissionRule({
  id: 'SB302',
  name: 'external-ips',
  title: 'Services have no externalIPs',
  help: "With externalIPs a Service draws any address's traffic to itself, also that of others (CVE-2020-8554).",
  fix: 'Leave out externalIPs, and use an Ingress or Gateway to reach the Service from outside.',
  *find({ admission, scope }) {
    if (!admission.exposure?.forbid?.includes('ExternalIPs')) return;
    for (const object of scope.objects) {
      if (object.kind !== 'Service' || object.group !== '') continue;
      const field = object.root.at('spec', 'externalIPs');
      if (field.items.length > 0) {
        yield {
          object,
          path: field.path,
          message: `the Service has the external IPs ${field.items.map(({ text }) => text).join(', ')}`,
        };
      }
    }
  },
});
