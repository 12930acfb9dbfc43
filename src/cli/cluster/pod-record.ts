/** Pods as the commands see them: those that run, and those that a template in a manifest stands for. */
import type { KubernetesObject } from '../../api/objects.ts';
import type { NamedPort, Pod, WorkloadName } from '../../connectivity/model.ts';

/** A container, as far as something here looks at it. */
export interface Container {
  readonly name?: string;
  readonly image?: string;
  readonly ports?: readonly {
    readonly name?: string;
    readonly containerPort?: number;
    readonly protocol?: string;
    readonly hostPort?: number;
  }[];
  readonly restartPolicy?: string;
  readonly resources?: {
    readonly requests?: Readonly<Record<string, string | number>>;
    readonly limits?: Readonly<Record<string, string | number>>;
  };
}

/** A pod's spec, as far as something here looks at it; the rest is kept, too. */
export interface PodSpec {
  readonly containers?: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly hostNetwork?: boolean;
  readonly [field: string]: unknown;
}

/** A pod, or the pods of a template. */
export interface PodRecord {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
  readonly ips: readonly string[];
  readonly workload: WorkloadName;
  /** 1 for a pod. */
  readonly replicas: number;
}

interface PodObject {
  readonly metadata: KubernetesObject['metadata'] & {
    readonly ownerReferences?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly controller?: boolean;
    }[];
  };
  readonly spec?: PodSpec;
  readonly status?: { readonly phase?: string; readonly podIPs?: readonly { readonly ip?: string }[] };
}

/** The record of a pod; undefined for one that has ended: it connects to nothing, and counts in no quota. */
export function podRecordOf(object: KubernetesObject): PodRecord | undefined {
  const { metadata, spec = {}, status = {} } = object as unknown as PodObject;
  if (status.phase === 'Succeeded' || status.phase === 'Failed') return undefined;
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    labels: metadata.labels ?? {},
    annotations: metadata.annotations ?? {},
    spec,
    ips: (status.podIPs ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip])),
    workload: workloadOfPod(metadata),
    replicas: 1,
  };
}

/**
 * The workload that a reader knows the pod by. A Deployment is told from its ReplicaSet's name, which ends in the hash that
 * the pod carries as a label, and a CronJob from its Job's name, which ends in the minute it is for: that saves
 * reading ReplicaSets and Jobs, of which clusters keep many.
 */
function workloadOfPod({ name, labels = {}, ownerReferences = [] }: PodObject['metadata']): WorkloadName {
  const owner = ownerReferences.find(({ controller }) => controller === true);
  if (owner === undefined) return { kind: 'Pod', name };
  const hash = labels['pod-template-hash'];
  if (owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`)) {
    return { kind: 'Deployment', name: owner.name.slice(0, -hash.length - 1) };
  }
  const scheduled = owner.kind === 'Job' ? /^(.+)-\d{8,}$/.exec(owner.name) : null;
  if (scheduled?.[1] !== undefined) return { kind: 'CronJob', name: scheduled[1] };
  return { kind: owner.kind, name: owner.name };
}

/** The pod as the connectivity engine takes it. */
export function enginePod(record: PodRecord): Pod {
  const { namespace, name, labels, spec, ips, workload, replicas } = record;
  return {
    namespace,
    name,
    labels,
    namedPorts: namedPortsOf(spec),
    ips,
    hostNetwork: spec.hostNetwork === true,
    workload,
    replicas,
  };
}

/** Sidecars (init containers that go on) listen, too; a name on another init container does no harm. */
function namedPortsOf({ containers = [], initContainers = [] }: PodSpec): NamedPort[] {
  return [...containers, ...initContainers].flatMap(({ ports = [] }) =>
    ports.flatMap(({ name, containerPort, protocol }) =>
      name === undefined || containerPort === undefined
        ? []
        : [{ name, containerPort, ...(protocol === undefined ? {} : { protocol }) }],
    ),
  );
}
