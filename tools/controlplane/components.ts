import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { BinaryName } from './cache.ts';
import { layout } from './layout.ts';
import { CertificateAuthority, writeTokenSigningKey } from './pki.ts';

/** A process of the control plane. */
export type Component = BinaryName;

/** The order in which components start; they stop in the reverse. */
export const startOrder: readonly Component[] = ['etcd', 'kube-apiserver', 'kube-controller-manager'];

/** How much the audit log holds of each request. `RequestReceived` events are left out. */
export type AuditLevel = 'Metadata' | 'Request' | 'RequestResponse';

/** The ports the components listen on, all on 127.0.0.1. */
export interface Ports {
  etcd: number;
  etcdPeer: number;
  'kube-apiserver': number;
  'kube-controller-manager': number;
}

const loopback = '127.0.0.1';
const localHosts = [loopback, 'localhost'];
/**
 * What the endpoints of default/kubernetes show. Nothing answers there (it is an address for documentation,
 * RFC 5737), but it has to be a real-looking one: loopback is refused in endpoints, and left to itself the API
 * server would take an address of the machine, or fail where there is none.
 */
const advertiseAddress = '192.0.2.1';
const probeTimeoutMs = 2000;

/**
 * Writes keys, certificates and the audit policy. etcd has an authority of its own: a certificate for a user
 * of the API server must not open the database.
 */
export async function prepare(directory: string, auditLevel: AuditLevel | undefined): Promise<void> {
  for (const folder of ['pki', 'logs', 'kubeconfigs']) await mkdir(join(directory, folder));
  const authority = CertificateAuthority.create('controlplane-ca');
  const etcdAuthority = CertificateAuthority.create('controlplane-etcd-ca');
  await authority.writeTo(layout.pki(directory, 'ca'));
  await etcdAuthority.writeTo(layout.pki(directory, 'etcd-ca'));
  await etcdAuthority.issueTo(layout.pki(directory, 'etcd'), { commonName: 'etcd', hosts: localHosts });
  await etcdAuthority.issueTo(layout.pki(directory, 'etcd-client'), { commonName: 'kube-apiserver' });
  const serving = { commonName: 'controlplane', hosts: [...localHosts, 'kubernetes.default.svc'] };
  await authority.issueTo(layout.pki(directory, 'serving'), serving);
  await writeTokenSigningKey(layout.pki(directory, 'service-account'));
  if (auditLevel !== undefined) {
    const policy = {
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      omitStages: ['RequestReceived'],
      rules: [{ level: auditLevel }],
    };
    await writeFile(layout.auditPolicy(directory), stringify(policy));
  }
}

/** What the flags of the components depend on. */
export interface ComponentContext {
  readonly directory: string;
  readonly ports: Readonly<Ports>;
  readonly auditLevel: AuditLevel | undefined;
}

/** The command line of each component. */
export const flags: Record<Component, (context: ComponentContext) => string[]> = {
  etcd: ({ directory, ports }) => {
    const pki = (name: string): string => layout.pki(directory, name);
    const clientUrl = `https://${loopback}:${ports.etcd}`;
    const peerUrl = `https://${loopback}:${ports.etcdPeer}`;
    return [
      `--data-dir=${layout.etcdData(directory)}`,
      `--listen-client-urls=${clientUrl}`,
      `--advertise-client-urls=${clientUrl}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=default=${peerUrl}`,
      `--cert-file=${pki('etcd.crt')}`,
      `--key-file=${pki('etcd.key')}`,
      `--trusted-ca-file=${pki('etcd-ca.crt')}`,
      '--client-cert-auth=true',
      `--peer-cert-file=${pki('etcd.crt')}`,
      `--peer-key-file=${pki('etcd.key')}`,
      `--peer-trusted-ca-file=${pki('etcd-ca.crt')}`,
      '--peer-client-cert-auth=true',
      // The data lives as long as the process; only a crash of the whole machine could lose it.
      '--unsafe-no-fsync=true',
      '--log-level=warn',
    ];
  },
  'kube-apiserver': ({ directory, ports, auditLevel }) => {
    const pki = (name: string): string => layout.pki(directory, name);
    return [
      `--bind-address=${loopback}`,
      `--secure-port=${ports['kube-apiserver']}`,
      `--advertise-address=${advertiseAddress}`,
      `--etcd-servers=https://${loopback}:${ports.etcd}`,
      `--etcd-cafile=${pki('etcd-ca.crt')}`,
      `--etcd-certfile=${pki('etcd-client.crt')}`,
      `--etcd-keyfile=${pki('etcd-client.key')}`,
      `--tls-cert-file=${pki('serving.crt')}`,
      `--tls-private-key-file=${pki('serving.key')}`,
      `--client-ca-file=${pki('ca.crt')}`,
      '--authorization-mode=Node,RBAC',
      '--allow-privileged=true',
      '--service-cluster-ip-range=10.96.0.0/16',
      // On SIGTERM, end the watches after a second: without this it waits a minute for its clients to go.
      '--shutdown-watch-termination-grace-period=1s',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${pki('service-account.pub')}`,
      `--service-account-signing-key-file=${pki('service-account.key')}`,
      ...(auditLevel === undefined
        ? []
        : [
            `--audit-policy-file=${layout.auditPolicy(directory)}`,
            `--audit-log-path=${layout.auditLog(directory)}`,
            // A response is sent after its line was written, so a test can read what it has just caused.
            '--audit-log-mode=blocking',
          ]),
    ];
  },
  'kube-controller-manager': ({ directory, ports }) => {
    const pki = (name: string): string => layout.pki(directory, name);
    return [
      `--kubeconfig=${layout.adminKubeconfig(directory)}`,
      `--bind-address=${loopback}`,
      `--secure-port=${ports['kube-controller-manager']}`,
      `--tls-cert-file=${pki('serving.crt')}`,
      `--tls-private-key-file=${pki('serving.key')}`,
      '--leader-elect=false',
      '--controllers=*',
      '--use-service-account-credentials=true',
      `--service-account-private-key-file=${pki('service-account.key')}`,
      `--root-ca-file=${pki('ca.crt')}`,
      // So that the time a test or benchmark measures is the operator's, not this one's client-side throttle.
      '--kube-api-qps=300',
      '--kube-api-burst=600',
      '--concurrent-namespace-syncs=50',
      '--concurrent-serviceaccount-token-syncs=20',
    ];
  },
};

/**
 * Asks a component once whether it is ready.
 *
 * @throws when it is not, saying what it answered.
 */
export async function probe(component: Component, context: ComponentContext): Promise<void> {
  const port = context.ports[component];
  const isEtcd = component === 'etcd';
  const pki = (name: string): Promise<string> => readFile(layout.pki(context.directory, name), 'utf8');
  const path = component === 'kube-controller-manager' ? '/healthz' : '/readyz';
  const status = await httpsStatus({
    host: loopback,
    port,
    path,
    ca: await pki(isEtcd ? 'etcd-ca.crt' : 'ca.crt'),
    ...(isEtcd ? { cert: await pki('etcd-client.crt'), key: await pki('etcd-client.key') } : {}),
  });
  if (status !== 200) throw new Error(`https://${loopback}:${port}${path} answered ${status}`);
}

interface ProbeRequest {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

async function httpsStatus(options: ProbeRequest): Promise<number> {
  return await new Promise((resolve, reject) => {
    const call = request({ ...options, agent: false, timeout: probeTimeoutMs }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    call.once('timeout', () => call.destroy(new Error(`no answer within ${probeTimeoutMs} ms`)));
    call.once('error', reject);
    call.end();
  });
}
