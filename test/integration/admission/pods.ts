import { type Body, type Call, create } from './cluster.ts';

/** Where things are created in a namespace. */
export const paths = {
  pods: (namespace: string) => `/api/v1/namespaces/${namespace}/pods`,
  services: (namespace: string) => `/api/v1/namespaces/${namespace}/services`,
  ingresses: (namespace: string) => `/apis/networking.k8s.io/v1/namespaces/${namespace}/ingresses`,
  networkPolicies: (namespace: string) =>
    `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`,
  apps: (namespace: string, plural: string) => `/apis/apps/v1/namespaces/${namespace}/${plural}`,
  batch: (namespace: string, plural: string) => `/apis/batch/v1/namespaces/${namespace}/${plural}`,
};

/** A pod, or the part of it that differs from the plainest one. */
export function pod(namespace: string, spec: Body = {}, metadata: Body = { name: 'pod' }): Call {
  return create(paths.pods(namespace), { metadata, spec: podSpec(spec) });
}

export function podSpec(spec: Body = {}): Body {
  return { containers: [container()], ...spec };
}

export function container(fields: Body = {}): Body {
  return { name: 'app', image: 'registry.example.com/team/app:1', ...fields };
}

/** A Deployment of this pod spec, named as given and at first without replicas. */
export function deployment(namespace: string, spec: Body, name = 'old'): Call {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: podSpec(spec) };
  const metadata = { name };
  return create(paths.apps(namespace, 'deployments'), {
    metadata,
    spec: { replicas: 0, selector: { matchLabels: labels }, template },
  });
}

/** A strategic merge patch, in which containers are found by their names. */
export function patchSpec(path: string, spec: Body): Call {
  return { method: 'PATCH', path, body: { spec }, contentType: 'application/strategic-merge-patch+json' };
}

/** A pod spec in each kind that makes pods. */
export function templates(namespace: string, spec: Body): readonly (readonly [kind: string, call: Call])[] {
  const name = 'work';
  const labels = { app: name };
  const template = { metadata: { labels }, spec: podSpec(spec) };
  const once = { ...template, spec: { ...template.spec, restartPolicy: 'Never' } };
  const selector = { matchLabels: labels };
  const metadata = { name };
  const apps = (plural: string, fields: Body = {}): Call =>
    create(paths.apps(namespace, plural), { metadata, spec: { selector, template, ...fields } });
  const batch = (plural: string, body: Body): Call =>
    create(paths.batch(namespace, plural), { metadata, spec: body });
  return [
    ['Deployment', apps('deployments')],
    ['StatefulSet', apps('statefulsets', { serviceName: name })],
    ['DaemonSet', apps('daemonsets')],
    ['ReplicaSet', apps('replicasets')],
    ['Job', batch('jobs', { template: once })],
    ['CronJob', batch('cronjobs', { schedule: '0 0 * * *', jobTemplate: { spec: { template: once } } })],
  ];
}
