/** Objects of a live namespace as the rules of `check` take them: what is refused in a file is refused in the cluster. */
import type { KubernetesObject } from '../../api/objects.ts';
import { isEnforcing, selects } from '../../baseline/selection.ts';
import type { ObservedNamespace } from '../../diff/observed-namespace.ts';
import { isFrom, normalizedImage } from '../check/image-name.ts';
import { podTemplateOf } from '../check/pod-templates.ts';
import type { NamespaceScope } from '../check/rule.ts';
import type { Evaluation } from '../cluster/fleet.ts';
import type { Container, PodRecord, PodSpec } from '../cluster/pod-record.ts';
import { ManifestObject } from '../manifests/manifest-object.ts';

const nowhere = { file: 'cluster', line: 0, column: 0 };

/** The namespace with these objects, under the baselines of the evaluation. */
export function liveScope(
  namespace: ObservedNamespace,
  evaluation: Evaluation,
  objects: readonly KubernetesObject[],
): NamespaceScope {
  const excepted = exceptedImages(namespace, evaluation);
  const members = objects.map((object) => new ManifestObject(withoutImages(object, excepted), () => nowhere));
  const baselines = evaluation.baselines.filter(
    (baseline) => isEnforcing(baseline) && selects(baseline, namespace),
  );
  return {
    kind: 'namespace',
    namespace: namespace.name,
    isCovered: baselines.length > 0,
    baselines,
    desired: evaluation.desired.of(namespace),
    objects: members,
    pods: members.flatMap((object) => podTemplateOf(object) ?? []),
  };
}

/** Where images may come from by an exception that is in effect; no rule about images holds for those. */
function exceptedImages(namespace: ObservedNamespace, { desired }: Evaluation): readonly string[] {
  return desired
    .judge(namespace)
    .filter(({ verdict }) => verdict.state === 'Active')
    .flatMap(({ exception }) => exception.spec.images?.registries ?? []);
}

/** A pod without its images from these sources. */
function withoutImages(object: KubernetesObject, sources: readonly string[]): KubernetesObject {
  if (sources.length === 0 || object.kind !== 'Pod') return object;
  const isExcepted = (image = ''): boolean =>
    sources.some((source) => isFrom(normalizedImage(image), source));
  const spec = object.spec as PodSpec;
  const kept = (containers: readonly Container[] = []): readonly Container[] =>
    containers.map(({ image, ...rest }) =>
      image === undefined || isExcepted(image) ? rest : { ...rest, image },
    );
  return {
    ...object,
    spec: { ...spec, containers: kept(spec.containers), initContainers: kept(spec.initContainers) },
  };
}

/** A pod that runs, as an object named after its workload: one of each workload will do. */
export function podObject({ namespace, labels, annotations, spec, workload }: PodRecord): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: workload.name, namespace, labels, annotations },
    spec,
    workload,
  };
}
