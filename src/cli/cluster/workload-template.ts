/** Workloads to the pods that they would make. */
import type { KubernetesObject } from '../../api/objects.ts';
import { type PodRecord, type PodSpec, podRecordOf } from './pod-record.ts';

interface PodTemplate {
  readonly metadata?: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: PodSpec;
}

interface WorkloadSpec {
  readonly replicas?: number;
  readonly template?: PodTemplate;
  readonly jobTemplate?: { readonly spec?: { readonly template?: PodTemplate } };
}

/** DaemonSets run on every node; two stand for that, so that its pods may reach each other. */
const severalPods = 2;

const replicasByKind: Readonly<Record<string, (spec: WorkloadSpec) => number>> = {
  Deployment: ({ replicas = 1 }) => replicas,
  StatefulSet: ({ replicas = 1 }) => replicas,
  ReplicaSet: ({ replicas = 1 }) => replicas,
  ReplicationController: ({ replicas = 1 }) => replicas,
  DaemonSet: () => severalPods,
  Job: () => 1,
  CronJob: () => 1,
};

/**
 * The pods that an object stands for, as one record: a pod itself, or the template of a workload. Undefined for any other kind.
 *
 * @param namespace where the object is, or would be applied to
 */
export function podsOfWorkload(object: KubernetesObject, namespace: string): PodRecord | undefined {
  const { kind, metadata } = object;
  if (kind === 'Pod') {
    return podRecordOf({ ...object, metadata: { ...metadata, namespace } });
  }
  const replicasOf = replicasByKind[kind];
  if (replicasOf === undefined) return undefined;
  const spec = (object.spec ?? {}) as WorkloadSpec;
  const template = spec.template ?? spec.jobTemplate?.spec?.template ?? {};
  return {
    namespace,
    name: metadata.name,
    labels: template.metadata?.labels ?? {},
    annotations: template.metadata?.annotations ?? {},
    spec: template.spec ?? {},
    ips: [],
    workload: { kind, name: metadata.name },
    replicas: replicasOf(spec),
  };
}
