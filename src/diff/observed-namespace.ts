/** What is kept of a namespace. */

import type { Labels } from '../api/label-selector.ts';
import { hardenedAnnotation, labelledByAnnotation, podSecurityPrefix } from '../api/labels.ts';
import type { KubernetesObject } from '../api/objects.ts';
import { appliedByUs } from './observed.ts';

/** A namespace as it stands. */
export interface ObservedNamespace {
  readonly namespace: '';
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly labels: Labels;
  /** Keys of the labels that are there because we applied them. */
  readonly ownedLabels: readonly string[];
  /** The UIDs of the baselines whose Pod Security labels we put there, sorted and comma separated. */
  readonly labelledBy: string;
  /** The UIDs of the baselines for which it has been marked as hardened, likewise. */
  readonly mark: string;
  /** Milliseconds since the epoch; the API server keeps whole seconds. */
  readonly createdAt: number;
  readonly terminating: boolean;
}

/** Makes the record of a namespace. */
export function observeNamespace(object: KubernetesObject): ObservedNamespace {
  const { metadata } = object;
  const applied = appliedByUs(metadata.managedFields)?.['f:metadata'] as
    | { 'f:labels'?: Readonly<Record<string, unknown>> }
    | undefined;
  return {
    namespace: '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    labels: metadata.labels ?? {},
    ownedLabels: Object.keys(applied?.['f:labels'] ?? {})
      .filter((key) => key.startsWith(`f:${podSecurityPrefix}`))
      .map((key) => key.slice('f:'.length)),
    labelledBy: metadata.annotations?.[labelledByAnnotation] ?? '',
    mark: metadata.annotations?.[hardenedAnnotation] ?? '',
    createdAt: Date.parse(metadata.creationTimestamp ?? '') || 0,
    terminating: metadata.deletionTimestamp !== undefined,
  };
}

/** Whether a newer version of a namespace says nothing new. */
export function sameNamespace(a: ObservedNamespace, b: ObservedNamespace): boolean {
  return (
    a.uid === b.uid &&
    a.terminating === b.terminating &&
    a.labelledBy === b.labelledBy &&
    a.mark === b.mark &&
    sameLabels(a.labels, b.labels) &&
    a.ownedLabels.length === b.ownedLabels.length &&
    a.ownedLabels.every((key) => b.ownedLabels.includes(key))
  );
}

function sameLabels(a: Labels, b: Labels): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
