/** What a plan says, as data: the same for text, JSON and Markdown. */
import type { Gap } from '../cluster/gap.ts';
import type { DiffLine } from './text-diff.ts';

/** What becomes of an object in a namespace. */
export interface ObjectChange {
  readonly action: 'create' | 'change' | 'delete' | 'release';
  readonly kind: string;
  readonly name: string;
  /** For a change, what changes; else empty. */
  readonly diff: readonly DiffLine[];
}

/** Namespaces in which the same happens. */
export interface NamespaceChanges {
  readonly namespaces: readonly string[];
  readonly changes: readonly ObjectChange[];
}

/** A baseline or exception that the plan is about. */
export interface Subject {
  readonly kind: 'SecurityBaseline' | 'BaselineException';
  readonly name: string;
  readonly namespace?: string;
  readonly action: 'create' | 'change' | 'unchanged' | 'delete';
  /** Namespaces that it selects now and did not before. */
  readonly gained: readonly string[];
  readonly lost: readonly string[];
  /** How many it selects after. */
  readonly selected: number;
  /** What the baseline asks for in vain. */
  readonly problems: readonly string[];
}

/** What breaks a rule that the plan brings. */
export interface Violation {
  readonly rule:
    | 'pod-security'
    | 'admission'
    | 'quota'
    | 'limit-range'
    | 'clash'
    | 'weakened'
    | 'tenant-policy';
  readonly namespace: string;
  /** Such as `Deployment web`. */
  readonly subject: string;
  readonly message: string;
}

/** Connections between workloads, and with the outside, that change. */
export interface ConnectionChanges {
  readonly cutPairs: number;
  readonly openedPairs: number;
  readonly cut: readonly ConnectionGroup[];
  readonly opened: readonly ConnectionGroup[];
}

/** Connections that change alike: from each source to each destination. */
export interface ConnectionGroup {
  /** The first of them, where there are many. */
  readonly sources: readonly string[];
  readonly sourceCount: number;
  readonly destinations: readonly string[];
  readonly destinationCount: number;
  readonly connections: string;
}

/** The whole plan. */
export interface PlanReport {
  readonly subjects: readonly Subject[];
  readonly objects: readonly NamespaceChanges[];
  /** Undefined where pods or policies could not be read. */
  readonly connections: ConnectionChanges | undefined;
  readonly violations: readonly Violation[];
  /** What is worth knowing beside. */
  readonly notes: readonly string[];
  readonly gaps: readonly Gap[];
}

/** What a plan comes to, in numbers. */
export interface PlanSummary {
  readonly create: number;
  readonly change: number;
  readonly delete: number;
  readonly release: number;
  readonly namespaces: number;
}

/** Counts what is written. */
export function summaryOf({ objects }: Pick<PlanReport, 'objects'>): PlanSummary {
  const count = (action: ObjectChange['action']): number =>
    objects.reduce(
      (sum, group) =>
        sum + group.namespaces.length * group.changes.filter((change) => change.action === action).length,
      0,
    );
  return {
    create: count('create'),
    change: count('change'),
    delete: count('delete'),
    release: count('release'),
    namespaces: objects.reduce((sum, { namespaces }) => sum + namespaces.length, 0),
  };
}

/** Whether anything would change, be it only in the baseline itself. */
export function isEmptyPlan({ subjects, objects }: PlanReport): boolean {
  return objects.length === 0 && subjects.every(({ action }) => action === 'unchanged');
}
