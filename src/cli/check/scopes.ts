/** Objects by the namespace that they would be in, with the baselines that would apply there. */

import type { Labels } from '../../api/label-selector.ts';
import { namespaceNameLabel } from '../../api/labels.ts';
import type { SecurityBaseline } from '../../api/types.generated.ts';
import { nothingKnown } from '../../baseline/cluster-facts.ts';
import { compose, composeAsIfEnforced, selectingBaselines } from '../../baseline/desired.ts';
import { isEnforcing, systemNamespaces } from '../../baseline/selection.ts';
import type { ManifestObject } from '../manifests/manifest-object.ts';
import { podTemplateOf } from './pod-templates.ts';
import type { NamespaceScope, Scope } from './rule.ts';

/** Built-in kinds that are in no namespace; whatever else has none is put into the default one. */
const clusterKinds = new Set([
  'APIService',
  'CertificateSigningRequest',
  'ClusterRole',
  'ClusterRoleBinding',
  'CSIDriver',
  'CSINode',
  'CustomResourceDefinition',
  'DeviceClass',
  'FlowSchema',
  'IngressClass',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionPolicyBinding',
  'MutatingWebhookConfiguration',
  'Namespace',
  'Node',
  'PersistentVolume',
  'PriorityClass',
  'PriorityLevelConfiguration',
  'RuntimeClass',
  'SecurityBaseline',
  'StorageClass',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'ValidatingWebhookConfiguration',
  'VolumeAttributesClass',
]);

/** What is said of namespaces beside the manifests. */
export interface NamespaceAssumptions {
  /** Where objects go that name no namespace. */
  readonly defaultNamespace: string;
  /** The labels of namespaces that no manifest declares. */
  readonly labels: Labels;
}

/** A part of the manifests, as the baselines that enforce there see it, and as they would if all of them did. */
export interface ScopePair {
  readonly enforced: Scope;
  /** Only where a baseline in Audit mode selects the namespace. */
  readonly audited?: NamespaceScope;
}

/** One for each namespace, by name, and one for what is in none. */
export function scopesOf(
  objects: readonly ManifestObject[],
  baselines: readonly SecurityBaseline[],
  { defaultNamespace, labels }: NamespaceAssumptions,
): readonly ScopePair[] {
  const declared = new Map(
    objects
      .filter(({ kind, group }) => kind === 'Namespace' && group === '')
      .map(({ name, object }) => [name, object.metadata.labels ?? {}]),
  );
  const namespaced = objects.filter(
    ({ kind, namespace }) => namespace !== undefined || !clusterKinds.has(kind),
  );
  const byNamespace = [...Map.groupBy(namespaced, ({ namespace }) => namespace ?? defaultNamespace)];
  return [
    { enforced: { kind: 'cluster', objects: objects.filter((object) => !namespaced.includes(object)) } },
    ...byNamespace
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([namespace, members]): ScopePair => {
        const identity = {
          name: namespace,
          labels: { ...(declared.get(namespace) ?? labels), [namespaceNameLabel]: namespace },
        };
        const selecting = systemNamespaces.includes(namespace) ? [] : selectingBaselines(baselines, identity);
        const enforcing = selecting.filter(isEnforcing);
        const common = {
          kind: 'namespace' as const,
          namespace,
          isCovered: selecting.length > 0 || baselines.length === 0,
          objects: members,
          pods: members.flatMap((object) => podTemplateOf(object) ?? []),
        };
        return {
          enforced: { ...common, baselines: enforcing, desired: compose(selecting, nothingKnown) },
          ...(enforcing.length < selecting.length
            ? {
                audited: {
                  ...common,
                  baselines: selecting,
                  desired: composeAsIfEnforced(selecting, nothingKnown),
                },
              }
            : {}),
        };
      }),
  ];
}
