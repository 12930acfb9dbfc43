import { beforeAll, describe } from 'vitest';
import { type Body, breakGlass, type Call, create, dryRun, mergePatch, tenant } from './cluster.ts';
import { container, paths, pod, templates } from './pods.ts';
import { type ClusterOf, type Row, tryEach } from './table.ts';

const service = (spec: Body, name = 'web'): Call =>
  create(paths.services('exposure'), {
    metadata: { name },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }], ...spec },
  });

const backend = { service: { name: 'web', port: { number: 80 } } };
const rule = (host?: string): Body => ({
  ...(host === undefined ? {} : { host }),
  http: { paths: [{ path: '/', pathType: 'Prefix', backend }] },
});
const ingress = (spec: Body, name = 'web'): Call =>
  create(paths.ingresses('exposure'), { metadata: { name }, spec });
const tls = (...hosts: readonly string[]): Body => ({ hosts, secretName: 'cert' });

const found = (what: string): RegExp =>
  new RegExp(`baseline exposure, admission\\.exposure\\.forbid: .*${what}`);
const plain = (host: string): RegExp =>
  new RegExp(
    `baseline exposure, admission\\.exposure\\.requireIngressTLS: an Ingress without TLS for ${host} `,
  );

/** How workloads are reached from outside. */
export function exposureTests(cluster: ClusterOf): void {
  describe('exposure', () => {
    beforeAll(async () => {
      await cluster().baseline('exposure', {
        namespaceSelector: { matchLabels: { exposure: 'yes' } },
        admission: {
          exposure: {
            forbid: ['NodePort', 'LoadBalancer', 'ExternalIPs', 'HostPort', 'HostNetwork'],
            requireIngressTLS: true,
          },
        },
      });
      await cluster().baseline('exposure-some', {
        namespaceSelector: { matchLabels: { 'exposure-some': 'yes' } },
        admission: { exposure: { forbid: ['NodePort'] } },
      });
      await cluster().namespace('exposure', { exposure: 'yes' });
      await cluster().namespace('exposure-some', { 'exposure-some': 'yes' });
      await cluster().do(breakGlass, service({ type: 'NodePort' }, 'old'));
      await cluster().do(breakGlass, ingress({ rules: [rule('old.example.com')] }, 'old'));
      await cluster().untilDenied(tenant, dryRun(service({ type: 'NodePort' })), found('NodePort'));
    });

    const old = `${paths.services('exposure')}/old`;
    const oldIngress = `${paths.ingresses('exposure')}/old`;
    tryEach(cluster, [
      ['a Service of type ClusterIP', service({}), 'allowed'],
      ['a headless Service', service({ clusterIP: 'None' }), 'allowed'],
      ['a NodePort', service({ type: 'NodePort' }), found('NodePort')],
      ['a LoadBalancer', service({ type: 'LoadBalancer' }), found('LoadBalancer')],
      ['external addresses', service({ externalIPs: ['192.0.2.1'] }), found('ExternalIPs 192.0.2.1')],
      ['a label on a Service in breach', mergePatch(old, { metadata: { labels: { a: 'b' } } }), 'allowed'],
      [
        'a Service in breach made worse',
        mergePatch(old, { spec: { externalIPs: ['192.0.2.1'] } }),
        found('ExternalIPs'),
      ],
      [
        'a Service in breach made a LoadBalancer',
        mergePatch(old, { spec: { type: 'LoadBalancer' } }),
        found('LoadBalancer'),
      ],
      [
        'what this baseline does not forbid',
        { ...service({ type: 'LoadBalancer' }), path: paths.services('exposure-some') },
        'allowed',
      ],
      [
        'an Ingress with TLS',
        ingress({ rules: [rule('a.example.com')], tls: [tls('a.example.com')] }),
        'allowed',
      ],
      [
        'an Ingress with a wildcard certificate',
        ingress({ rules: [rule('a.example.com')], tls: [tls('*.example.com')] }),
        'allowed',
      ],
      [
        'an Ingress whose certificate is for any host',
        ingress({ rules: [rule('a.example.com')], tls: [{ secretName: 'cert' }] }),
        'allowed',
      ],
      ['an Ingress without TLS', ingress({ rules: [rule('a.example.com')] }), plain('a\\.example\\.com')],
      [
        'an Ingress with TLS for another host',
        ingress({ rules: [rule('a.example.com')], tls: [tls('b.example.com')] }),
        plain('a\\.example\\.com'),
      ],
      [
        'a wildcard certificate one level too high',
        ingress({ rules: [rule('a.b.example.com')], tls: [tls('*.example.com')] }),
        plain('a\\.b\\.example\\.com'),
      ],
      ['an Ingress without a host', ingress({ rules: [rule()] }), plain('\\*')],
      ['an Ingress with a default backend', ingress({ defaultBackend: backend }), plain('\\*')],
      [
        'a label on an Ingress in breach',
        mergePatch(oldIngress, { metadata: { labels: { a: 'b' } } }),
        'allowed',
      ],
      [
        'an Ingress in breach made worse',
        mergePatch(oldIngress, { spec: { rules: [rule('old.example.com'), rule('b.example.com')] } }),
        plain('b\\.example\\.com'),
      ],
    ]);

    const hostPort = { containers: [container({ ports: [{ containerPort: 80, hostPort: 8080 }] })] };
    const initHostPort = {
      initContainers: [container({ name: 'init', ports: [{ containerPort: 80, hostPort: 81 }] })],
    };
    tryEach(cluster, [
      [
        'a container port',
        pod('exposure', { containers: [container({ ports: [{ containerPort: 80 }] })] }),
        'allowed',
      ],
      ['a host port', pod('exposure', hostPort), found('HostPort 8080 of container app')],
      [
        'a host port of an init container',
        pod('exposure', initHostPort),
        found('HostPort 81 of container init'),
      ],
      ["the host's network", pod('exposure', { hostNetwork: true }), found('HostNetwork')],
      ['a host port, generated name', pod('exposure', hostPort, { generateName: 'p-' }), found('HostPort')],
      ...templates('exposure', hostPort).map(
        ([kind, call]): Row => [`a host port of a ${kind}`, call, found('HostPort')],
      ),
      ...templates('exposure', { hostNetwork: true }).map(
        ([kind, call]): Row => [`the host's network for a ${kind}`, call, found('HostNetwork')],
      ),
      ...templates('exposure', {}).map(([kind, call]): Row => [`a plain ${kind}`, call, 'allowed']),
    ]);
  });
}
