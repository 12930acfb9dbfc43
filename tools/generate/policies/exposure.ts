/** Services and Ingresses: how workloads are reached from outside. */
import type { BaselinePolicy } from './policy.ts';

function serviceExposure(object: string): string {
  return `(${object}.spec.?type.orValue('') in ['NodePort', 'LoadBalancer'] ? [${object}.spec.type] : []) +
${object}.spec.?externalIPs.orValue([]).map(ip, 'ExternalIPs ' + ip)`;
}

/** Hosts without TLS; '*' stands for a rule without a host and for the default backend. */
function plainHosts(object: string): string {
  const tls = `${object}.spec.?tls.orValue([])`;
  return `(${object}.spec.?rules.orValue([]).map(r, r.?host.orValue('*')) +
(has(${object}.spec.defaultBackend) ? ['*'] : [])).filter(h, !${tls}.exists(t,
  t.?hosts.orValue([]).size() == 0 || h in t.hosts ||
  h.contains('.') && '*' + h.substring(h.indexOf('.')) in t.hosts))`;
}

/** Services and Ingresses. */
export const exposure: BaselinePolicy = {
  name: 'exposure',
  about: 'Services and Ingresses: admission.exposure.',
  concerns: 'has(params.spec.admission) && has(params.spec.admission.exposure)',
  rules: [
    { apiGroups: [''], operations: ['CREATE', 'UPDATE'], resources: ['services'] },
    { apiGroups: ['networking.k8s.io'], operations: ['CREATE', 'UPDATE'], resources: ['ingresses'] },
  ],
  variables: [
    {
      name: 'exposed',
      expression: `request.kind.kind != 'Service' ? [] : (${serviceExposure('dyn(object)')}).filter(f,
  f.split(' ')[0] in params.spec.admission.exposure.?forbid.orValue([]) &&
  (oldObject == null || !(f in (${serviceExposure('dyn(oldObject)')}))))`,
    },
    {
      name: 'plainHosts',
      expression: `request.kind.kind != 'Ingress' || !params.spec.admission.exposure.?requireIngressTLS.orValue(false) ? [] :
(${plainHosts('dyn(object)')}).filter(h, oldObject == null || !(h in (${plainHosts('dyn(oldObject)')})))`,
    },
  ],
  validations: [
    {
      name: 'admission.exposure.forbid',
      holds: 'variables.exposed.size() == 0',
      found: `'a Service with ' + variables.exposed.join(', ')`,
      fix: 'use a Service of type ClusterIP, and an Ingress or Gateway to reach it from outside',
    },
    {
      name: 'admission.exposure.requireIngressTLS',
      holds: 'variables.plainHosts.size() == 0',
      found: `'an Ingress without TLS for ' + variables.plainHosts.join(', ') + ' (* is any host)'`,
      fix: 'name the host in spec.tls, with a Secret that holds its certificate',
    },
  ],
};
