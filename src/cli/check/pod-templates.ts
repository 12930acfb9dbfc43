/** Pods and the templates that make them, out of the objects that can have them. */
import type { Field } from '../manifests/field.ts';
import type { ManifestObject } from '../manifests/manifest-object.ts';
import type { PodTemplate } from './rule.ts';

interface WorkloadKind {
  readonly group: string;
  /** Where the template is; empty for a pod, which is its own. */
  readonly template: readonly string[];
  /** How many pods run at once. */
  readonly replicas: (root: Field) => number;
}

const one = (): number => 1;
const replicas = (root: Field): number => root.at('spec', 'replicas').number ?? 1;

/** A Job runs no more pods at once than it needs. */
function parallelism(spec: Field): number {
  const { number: wanted = 1 } = spec.at('parallelism');
  const { number: completions } = spec.at('completions');
  return completions === undefined ? wanted : Math.min(wanted, completions);
}

const inSpec = ['spec', 'template'];

/** DaemonSets run a pod on each node, of which a manifest says nothing; PodTemplates run none. */
const workloadKinds: Readonly<Record<string, WorkloadKind>> = {
  Pod: { group: '', template: [], replicas: one },
  PodTemplate: { group: '', template: ['template'], replicas: () => 0 },
  ReplicationController: { group: '', template: inSpec, replicas },
  Deployment: { group: 'apps', template: inSpec, replicas },
  StatefulSet: { group: 'apps', template: inSpec, replicas },
  ReplicaSet: { group: 'apps', template: inSpec, replicas },
  DaemonSet: { group: 'apps', template: inSpec, replicas: one },
  Job: { group: 'batch', template: inSpec, replicas: (root) => parallelism(root.at('spec')) },
  CronJob: {
    group: 'batch',
    template: ['spec', 'jobTemplate', 'spec', 'template'],
    replicas: (root) => parallelism(root.at('spec', 'jobTemplate', 'spec')),
  },
};

/** The pods that an object is or makes; undefined for an object of another kind. */
export function podTemplateOf(object: ManifestObject): PodTemplate | undefined {
  const kind = Object.hasOwn(workloadKinds, object.kind) ? workloadKinds[object.kind] : undefined;
  if (kind === undefined || kind.group !== object.group) return undefined;
  const template = object.root.at(...kind.template);
  return {
    object,
    metadata: template.at('metadata'),
    spec: template.at('spec'),
    replicas: kind.replicas(object.root),
  };
}

/** The containers of a pod: init containers first, as they run; ephemeral ones last. */
export function containersOf(spec: Field): readonly Field[] {
  return [
    ...spec.at('initContainers').items,
    ...spec.at('containers').items,
    ...spec.at('ephemeralContainers').items,
  ];
}

/** How to call a container in a message. */
export function containerName(container: Field): string {
  return container.at('name').text ?? '(without a name)';
}

/** The pod itself and its containers: all that can have a securityContext, with a name for messages. */
export function securityContextOwners(
  spec: Field,
): readonly { readonly owner: Field; readonly name: string }[] {
  return [
    { owner: spec, name: 'the pod' },
    ...containersOf(spec).map((owner) => ({ owner, name: `container ${containerName(owner)}` })),
  ];
}
