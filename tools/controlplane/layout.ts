import { join } from 'node:path';

/** Where things are in a control plane's directory. */
export const layout = {
  /** A file of the public key infrastructure; `ca` is the authority of the API server and its clients. */
  pki: (directory: string, name: string) => join(directory, 'pki', name),
  adminKubeconfig: (directory: string) => join(directory, 'kubeconfigs', 'admin.kubeconfig'),
  kubeconfig: (directory: string, name: string) => join(directory, 'kubeconfigs', `${name}.kubeconfig`),
  etcdData: (directory: string) => join(directory, 'etcd'),
  log: (directory: string, component: string) => join(directory, 'logs', `${component}.log`),
  auditLog: (directory: string) => join(directory, 'logs', 'audit.log'),
  auditPolicy: (directory: string) => join(directory, 'audit-policy.yaml'),
} as const;
