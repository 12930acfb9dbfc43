import type { ManagedKind } from '../../../src/api/kinds.ts';
import { operatorName } from '../../../src/api/labels.ts';
import type { KubernetesObject, ManagedFieldsEntry } from '../../../src/api/objects.ts';
import type { DesiredObject } from '../../../src/baseline/desired-state.ts';
import type { Observed } from '../../../src/diff/diff.ts';
import { Fingerprinter } from '../../../src/diff/fingerprint.ts';
import { type ObservedObject, observe } from '../../../src/diff/observed.ts';
import { type ObservedNamespace, observeNamespace } from '../../../src/diff/observed-namespace.ts';

export const fingerprinter = new Fingerprinter();

/** What the API server remembers of our write. */
export const ours: ManagedFieldsEntry = {
  manager: operatorName,
  operation: 'Update',
  time: '2026-01-01T00:00:00Z',
  fieldsV1: { 'f:spec': {} },
};

/** What it remembers of somebody else's. */
export const rival: ManagedFieldsEntry = {
  manager: 'kubectl-edit',
  operation: 'Update',
  time: '2026-01-01T00:00:01Z',
  fieldsV1: { 'f:spec': {} },
};

/** The record of an object as the API server holds it. */
export function observed(kind: ManagedKind, object: Partial<KubernetesObject>): ObservedObject {
  const { metadata = { name: '' }, ...content } = object;
  const served = { namespace: 'team-a', uid: `uid-of-${metadata.name}`, resourceVersion: '1', ...metadata };
  const record = observe(kind, { apiVersion: 'v1', kind, ...content, metadata: served }, fingerprinter);
  if (record === undefined) throw new Error(`${kind} ${metadata.name} would not be recorded`);
  return record;
}

/** The record of a desired object that is in place, or of one that somebody changed. */
export function inPlace(
  { kind, manifest }: DesiredObject,
  content: Readonly<Record<string, unknown>> = {},
  metadata: Partial<KubernetesObject['metadata']> = {},
): ObservedObject {
  return observed(kind, {
    ...manifest,
    ...content,
    metadata: { ...manifest.metadata, managedFields: [ours], ...metadata },
  });
}

/** A namespace as it stands. */
export function namespace(metadata: Partial<KubernetesObject['metadata']> = {}): ObservedNamespace {
  return observeNamespace({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'team-a', uid: 'uid-of-team-a', resourceVersion: '1', ...metadata },
  });
}

/** What the API server keeps of our having applied these labels. */
export function appliedLabels(...keys: readonly string[]): { readonly managedFields: ManagedFieldsEntry[] } {
  return {
    managedFields: [
      {
        manager: operatorName,
        operation: 'Apply',
        fieldsV1: { 'f:metadata': { 'f:labels': Object.fromEntries(keys.map((key) => [`f:${key}`, {}])) } },
      },
    ],
  };
}

/** A namespace with the objects in it. */
export function seen(objects: readonly ObservedObject[], ns: ObservedNamespace = namespace()): Observed {
  return {
    namespace: ns,
    object: (kind, name) => objects.find((object) => object.kind === kind && object.name === name),
    objects: (kind) => objects.filter((object) => object.kind === kind),
  };
}
