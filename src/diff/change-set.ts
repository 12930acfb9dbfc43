/** What is to be done in a namespace: named actions, as data. */
import type { ManagedKind } from '../api/kinds.ts';
import { defaultServiceAccountName } from '../api/names.ts';
import type { DesiredObject } from '../baseline/desired-state.ts';
import type { ObservedObject } from './observed.ts';

/** One write. */
export type Change =
  /** The object is not there. */
  | { readonly action: 'create'; readonly desired: DesiredObject }
  /** The object differs: written over, whole. */
  | {
      readonly action: 'replace';
      readonly desired: DesiredObject;
      readonly observed: ObservedObject;
      readonly why: Difference;
    }
  /** The object differs in what cannot be changed in place: deleted, then created. */
  | {
      readonly action: 'recreate';
      readonly desired: DesiredObject;
      readonly observed: ObservedObject;
      readonly why: Difference;
    }
  /** A ServiceAccount differs: our fields are set, others' are kept. */
  | {
      readonly action: 'patch';
      readonly desired: DesiredObject;
      readonly observed: ObservedObject;
      readonly pullSecrets: readonly string[];
      readonly why: Difference;
    }
  /** No longer wanted; or, where that is why, not ours, or not as we wrote it, in a place where what should be is not known. */
  | {
      readonly action: 'delete';
      readonly observed: ObservedObject;
      readonly why?: Exclude<Difference, 'outdated'>;
    }
  /** No longer wanted, and to be left behind: loses our labels. */
  | { readonly action: 'release'; readonly observed: ObservedObject }
  /** The labels and annotations that we hold on the namespace become exactly these. */
  | {
      readonly action: 'label';
      readonly labels: Readonly<Record<string, string>>;
      readonly annotations: Readonly<Record<string, string>>;
      /** Some of what we held goes: the namespace loses protection. */
      readonly loses: boolean;
    }
  /** The default ServiceAccount's token: false, or no longer ours to say. */
  | {
      readonly action: 'set-default-token';
      readonly automount: false | undefined;
      /** As it was observed; undefined where there is none yet. */
      readonly account: ObservedObject | undefined;
    };

/** Why an object that is there must be written. */
export type Difference =
  /** The baseline changed since it was written. */
  | 'outdated'
  /** Somebody else changed it. */
  | 'edited'
  /** Something of our name that is not ours stands in its place. */
  | 'impostor';

/** A name of the user's own that is taken by an object that is not ours: never taken over silently. */
export interface Clash {
  readonly kind: ManagedKind;
  readonly name: string;
  readonly desired: DesiredObject;
}

/** Everything that {@link diff} found. */
export interface ChangeSet {
  readonly changes: readonly Change[];
  readonly clashes: readonly Clash[];
  /** Objects that are as they should be. */
  readonly unchanged: number;
}

/** Whether everything is as it should be. */
export function isInPlace(changeSet: ChangeSet): boolean {
  return changeSet.changes.length === 0 && changeSet.clashes.length === 0;
}

/** Names a change in logs and events, for example `replace NetworkPolicy tenant.default-deny`. */
export function describeChange(change: Change): string {
  switch (change.action) {
    case 'label':
      return `label and annotate ${describeTarget(change)}`;
    case 'set-default-token':
      return `set automountServiceAccountToken of ${describeTarget(change)}`;
    default:
      return `${change.action} ${describeTarget(change)}`;
  }
}

/** Names what a change is about, for example `NetworkPolicy tenant.default-deny`. */
export function describeTarget(change: Change): string {
  switch (change.action) {
    case 'create':
    case 'replace':
    case 'recreate':
    case 'patch':
      return `${change.desired.kind} ${change.desired.name}`;
    case 'delete':
    case 'release':
      return `${change.observed.kind} ${change.observed.name}`;
    case 'label':
      return 'Namespace';
    case 'set-default-token':
      return `ServiceAccount ${defaultServiceAccountName}`;
  }
}

/**
 * The changes in rows that need not wait for each other, each {@link inStages}. Roles and their bindings are a row of their own: the
 * API server takes long over both (it looks up whether we hold what they grant), and nothing else depends on them.
 */
export function inTracks(
  changes: readonly Change[],
  isNew: boolean,
): readonly (readonly (readonly Change[])[])[] {
  const { access = [], rest = [] } = Object.groupBy(changes, (change) =>
    isOfAccess(change) ? 'access' : 'rest',
  );
  return [rest, access].map((track) => inStages(track, isNew));
}

function isOfAccess(change: Change): boolean {
  const object = 'desired' in change ? change.desired : 'observed' in change ? change.observed : undefined;
  return object?.kind === 'Role' || object?.kind === 'RoleBinding';
}

/**
 * The changes in the order in which they may be made; those of one stage in any order, also at once.
 *
 * In a new namespace nothing runs yet, so the deny goes first and closes it. In a live one what allows goes before what
 * denies, so that no connection blinks. Roles go before their bindings, which the API server checks against them. When
 * protection goes, the deny goes before the allowances, for the same reason.
 */
export function inStages(changes: readonly Change[], isNew: boolean): readonly (readonly Change[])[] {
  const stages: Change[][] = [];
  for (const change of changes) {
    const stage = stageOf(change, isNew);
    stages[stage] ??= [];
    stages[stage].push(change);
  }
  return stages.filter((stage) => stage !== undefined);
}

function stageOf(change: Change, isNew: boolean): number {
  switch (change.action) {
    case 'delete':
    case 'release':
      return change.observed.name.endsWith('.default-deny') ? 3 : 4;
    case 'label':
    case 'set-default-token':
      return 1;
    default:
      if (change.desired.denies) return isNew ? 0 : 2;
      if (change.desired.kind === 'Role') return 0;
      return 1;
  }
}
