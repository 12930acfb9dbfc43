/** What is kept of a namespace. */

import type { Labels } from '../api/label-selector.ts';
import {
  defaultDenyAnnotation,
  exceptionsAnnotation,
  hardenedAnnotation,
  labelledByAnnotation,
  podSecurityAnnotation,
  podSecurityPrefix,
} from '../api/labels.ts';
import type { KubernetesObject } from '../api/objects.ts';
import { appliedByUs, entryOfUs } from './observed.ts';

/** The annotations that the operator writes on namespaces; an empty value is none. */
export const namespaceMarks = {
  /** The baselines for which the namespace has been hardened. */
  hardened: hardenedAnnotation,
  /** The exceptions that admission must know of. */
  exceptions: exceptionsAnnotation,
  /** The directions that are denied. */
  defaultDeny: defaultDenyAnnotation,
  /** The Pod Security modes whose labels are ours. */
  podSecurity: podSecurityAnnotation,
  /** The baselines whose Pod Security labels they are. */
  podSecurityBy: labelledByAnnotation,
} as const;

/** One of the annotations that the operator writes on namespaces. */
export type NamespaceMark = keyof typeof namespaceMarks;

/** All of them, in table order. */
export const namespaceMarkNames = Object.keys(namespaceMarks) as readonly NamespaceMark[];

/** A namespace as it stands. */
export interface ObservedNamespace {
  readonly namespace: '';
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly labels: Labels;
  /** Keys of the labels that are there because we applied them. */
  readonly ownedLabels: readonly string[];
  /** When we last applied labels or annotations; 0 where we did not. Milliseconds since the epoch; the API server keeps whole seconds. */
  readonly labelledAt: number;
  /** The annotations that the operator writes on namespaces, as they stand. */
  readonly marks: Readonly<Record<NamespaceMark, string>>;
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
    labelledAt: Date.parse(entryOfUs(metadata.managedFields)?.time ?? '') || 0,
    marks: marksOf(metadata.annotations ?? {}),
    createdAt: Date.parse(metadata.creationTimestamp ?? '') || 0,
    terminating: metadata.deletionTimestamp !== undefined,
  };
}

/** Whether a newer version of a namespace says nothing new. */
export function sameNamespace(a: ObservedNamespace, b: ObservedNamespace): boolean {
  return (
    a.uid === b.uid &&
    a.terminating === b.terminating &&
    sameMarks(a.marks, b.marks) &&
    sameLabels(a.labels, b.labels) &&
    a.ownedLabels.length === b.ownedLabels.length &&
    a.ownedLabels.every((key) => b.ownedLabels.includes(key))
  );
}

function sameLabels(a: Labels, b: Labels): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

/** Whether the same annotations say the same. */
export function sameMarks(
  a: Readonly<Record<NamespaceMark, string>>,
  b: Readonly<Record<NamespaceMark, string>>,
): boolean {
  return namespaceMarkNames.every((mark) => a[mark] === b[mark]);
}

function marksOf(annotations: Readonly<Record<string, string>>): Record<NamespaceMark, string> {
  const value = (mark: NamespaceMark): string => annotations[namespaceMarks[mark]] ?? '';
  return {
    hardened: value('hardened'),
    exceptions: value('exceptions'),
    defaultDeny: value('defaultDeny'),
    podSecurity: value('podSecurity'),
    podSecurityBy: value('podSecurityBy'),
  };
}
