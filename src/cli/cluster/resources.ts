/** Where the API server serves what the commands read, beside what the operator itself watches. */
import { managedKinds } from '../../api/kinds.ts';
import type { ResourceDefinition } from '../../kube/resource-client.ts';

const apps = { group: 'apps', version: 'v1', namespaced: true } as const;

/** By kind. */
export const resources = {
  Namespace: { group: '', version: 'v1', plural: 'namespaces', namespaced: false },
  Pod: { group: '', version: 'v1', plural: 'pods', namespaced: true },
  Service: { group: '', version: 'v1', plural: 'services', namespaced: true },
  PersistentVolumeClaim: {
    group: '',
    version: 'v1',
    plural: 'persistentvolumeclaims',
    namespaced: true,
  },
  Ingress: { group: 'networking.k8s.io', version: 'v1', plural: 'ingresses', namespaced: true },
  NetworkPolicy: { ...managedKinds.NetworkPolicy, namespaced: true },
  ResourceQuota: { ...managedKinds.ResourceQuota, namespaced: true },
  Deployment: { ...apps, plural: 'deployments' },
  StatefulSet: { ...apps, plural: 'statefulsets' },
  DaemonSet: { ...apps, plural: 'daemonsets' },
  ReplicaSet: { ...apps, plural: 'replicasets' },
  Job: { group: 'batch', version: 'v1', plural: 'jobs', namespaced: true },
  CronJob: { group: 'batch', version: 'v1', plural: 'cronjobs', namespaced: true },
} as const satisfies Record<string, ResourceDefinition>;
