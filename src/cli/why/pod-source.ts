/** The pod that a question is about: out of a file, or as a workload in the cluster would make it. */
import { apiVersionOf } from '../../api/kinds.ts';
import type { KubernetesObject } from '../../api/objects.ts';
import type { ApiClient } from '../../kube/api-client.ts';
import { isApiError } from '../../kube/api-error.ts';
import { ResourceClient } from '../../kube/resource-client.ts';
import type { PodSpec } from '../cluster/pod-record.ts';
import { resources } from '../cluster/resources.ts';
import { podsOfWorkload } from '../cluster/workload-template.ts';
import type { ManifestObject } from '../manifests/manifest-object.ts';
import { UserError } from '../user-error.ts';

const kinds = ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'CronJob', 'Job', 'Pod'] as const;
type WorkloadKind = (typeof kinds)[number];

/** kubectl's short names. */
const aliases: Readonly<Record<string, WorkloadKind>> = {
  deploy: 'Deployment',
  sts: 'StatefulSet',
  ds: 'DaemonSet',
  rs: 'ReplicaSet',
  cj: 'CronJob',
  po: 'Pod',
};

/** A pod to be created, and what would create it. */
export interface PodSource {
  /** Such as `Deployment shop/web`. */
  readonly title: string;
  readonly pod: KubernetesObject;
}

/**
 * The pod of a workload in the cluster.
 *
 * @param reference `NAME`, or `KIND/NAME` with the kind's name in any of kubectl's forms
 * @throws {UserError} where there is none
 */
export async function podInCluster(
  client: ApiClient,
  namespace: string,
  reference: string,
): Promise<PodSource> {
  const [name = '', kindText] = reference.split('/').reverse();
  const wanted = kindText === undefined ? kinds : [kindOf(kindText)];
  for (const kind of wanted) {
    const object = await find(client, kind, namespace, name);
    if (object !== undefined)
      return sourceOf({ ...object, apiVersion: apiVersionOf(resources[kind]), kind }, namespace);
  }
  throw new UserError(
    `there is no ${kindText ?? 'workload or pod'} "${name}" in namespace "${namespace}"`,
    'Give another name or namespace, or the manifest that was refused with -f FILE.',
  );
}

/**
 * The pods of the workloads in manifests.
 *
 * @throws {UserError} where there are none
 */
export function podsInManifests(objects: readonly ManifestObject[], namespace: string): readonly PodSource[] {
  const found = objects.flatMap(({ object }) => {
    const record = podsOfWorkload(object, namespace);
    return record === undefined ? [] : [sourceOf(object, namespace)];
  });
  if (found.length === 0)
    throw new UserError('there is no pod or workload in the files', 'Give a manifest with one.');
  return found;
}

function sourceOf(object: KubernetesObject, namespace: string): PodSource {
  const record = podsOfWorkload(object, namespace);
  if (record === undefined)
    throw new UserError(`${object.kind} ${object.metadata.name} has ended: it starts no pod any more`);
  const { name } = object.metadata;
  return {
    title: `${object.kind} ${namespace}/${name}`,
    pod: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace, labels: record.labels, annotations: record.annotations },
      spec: object.kind === 'Pod' ? asAuthored(record.spec) : { restartPolicy: 'Always', ...record.spec },
    },
  };
}

/** Without what the API server and the scheduler have filled in. */
function asAuthored(spec: PodSpec): PodSpec {
  const { nodeName: _n, priority: _p, serviceAccount: _s, tolerations: _t, ...rest } = spec;
  return rest;
}

function kindOf(text: string): WorkloadKind {
  const singular = text.toLowerCase().replace(/s$/, '');
  const kind = aliases[text.toLowerCase()] ?? kinds.find((known) => known.toLowerCase() === singular);
  if (kind === undefined)
    throw new UserError(`"${text}" is no kind of workload`, `Give one of: ${kinds.join(', ')}.`);
  return kind;
}

async function find(
  client: ApiClient,
  kind: WorkloadKind,
  namespace: string,
  name: string,
): Promise<KubernetesObject | undefined> {
  try {
    return await new ResourceClient<KubernetesObject>(client, resources[kind]).get(name, namespace);
  } catch (error) {
    // Whoever may not get Deployments may yet get pods.
    if (isApiError(error, 'notFound', 'forbidden')) return undefined;
    throw error;
  }
}
