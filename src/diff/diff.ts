/** Compares what should be with what is. Pure: the same in gives the same out, and nothing is written here. */
import { type ManagedKind, managedKindNames } from '../api/kinds.ts';
import { defaultServiceAccountName } from '../api/names.ts';
import { podSecurityMark } from '../baseline/admission-marks.ts';
import type { DesiredObject, DesiredState, PodSecurityLevel } from '../baseline/desired-state.ts';
import {
  compareVersions,
  podSecurityLabels,
  podSecurityModes,
  strictness,
} from '../baseline/pod-security.ts';
import type { Change, ChangeSet, Clash, Difference } from './change-set.ts';
import type { Fingerprinter } from './fingerprint.ts';
import { type ObservedObject, observe } from './observed.ts';
import {
  type NamespaceMark,
  namespaceMarkNames,
  namespaceMarks,
  type ObservedNamespace,
  sameMarks,
} from './observed-namespace.ts';
import { isAsWritten, isOurs } from './ownership.ts';

/** One namespace as it stands, with the objects of the managed kinds in it. */
export interface Observed {
  readonly namespace: ObservedNamespace;
  object(kind: ManagedKind, name: string): ObservedObject | undefined;
  objects(kind: ManagedKind): Iterable<ObservedObject>;
}

/** Compares desired with observed state. Holds what it learnt of desired states, which most namespaces share. */
export class Differ {
  readonly #fingerprinter: Fingerprinter;
  readonly #wanted = new WeakMap<DesiredObject, ObservedObject>();
  readonly #names = new WeakMap<DesiredState, ReadonlySet<string>>();

  constructor(fingerprinter: Fingerprinter) {
    this.#fingerprinter = fingerprinter;
  }

  /** What must be done so that the namespace becomes what is desired. */
  diff(desired: DesiredState, observed: Observed): ChangeSet {
    const changes: Change[] = [];
    const clashes: Clash[] = [];
    const bindings: DesiredObject[] = [];
    let unchanged = 0;
    for (const object of desired.objects) {
      if (object.grantsTo !== undefined) {
        bindings.push(object);
        continue;
      }
      const found = this.#compare(object, observed.object(object.kind, object.name));
      if (found === undefined) unchanged += 1;
      else if ('action' in found) changes.push(found);
      else clashes.push(found);
    }
    for (const binding of bindings) {
      const there = observed.object(binding.kind, binding.name);
      const found = isForForeigner(binding, clashes) ? withdrawal(there) : this.#compare(binding, there);
      if (found === undefined) unchanged += 1;
      else if ('action' in found) changes.push(found);
    }
    changes.push(...this.#leftovers(desired, observed));
    const labels = namespaceChange(desired, observed.namespace, 'keep');
    if (labels !== undefined) changes.push(labels);
    changes.push(...defaultTokenChange(desired, observed));
    return { changes, clashes, unchanged };
  }

  #compare(desired: DesiredObject, observed: ObservedObject | undefined): Change | Clash | undefined {
    if (observed === undefined) return { action: 'create', desired };
    const wanted = this.#asObserved(desired);
    if (desired.kind === 'ServiceAccount') return compareServiceAccount(desired, wanted, observed);
    if (observed.fingerprint === wanted.fingerprint) return undefined;
    const why = differenceOf(desired, observed);
    const inPlace = desired.kind !== 'RoleBinding' || observed.role === wanted.role;
    return { action: inPlace ? 'replace' : 'recreate', desired, observed, why };
  }

  /** The record that the desired object would have if it were in place. */
  #asObserved(desired: DesiredObject): ObservedObject {
    const known = this.#wanted.get(desired);
    if (known !== undefined) return known;
    const record = observe(desired.kind, desired.manifest, this.#fingerprinter);
    if (record === undefined)
      throw new Error(`${desired.kind} ${desired.name} would not be recognised as ours`);
    this.#wanted.set(desired, record);
    return record;
  }

  /** Ours, and no longer wanted. */
  #leftovers(desired: DesiredState, observed: Observed): Change[] {
    const names = this.#namesOf(desired);
    const auditing = new Set(desired.auditing.map(({ uid }) => uid));
    return managedKindNames.flatMap((kind) => {
      const leftovers: Change[] = [];
      for (const object of observed.objects(kind)) {
        if (object.terminating) continue;
        if (isUnknown(desired, object)) {
          // What we wrote stays, as the last that was good. Anything else in its place opens who knows what.
          const why = object.writtenByUs ? 'edited' : 'impostor';
          if (!isAsWritten(object)) leftovers.push({ action: 'delete', observed: object, why });
          continue;
        }
        if (!isOurs(object) || names.has(`${kind}/${object.name}`)) continue;
        if (auditing.has(object.baselineUid)) continue;
        leftovers.push({ action: object.orphan ? 'release' : 'delete', observed: object });
      }
      return leftovers;
    });
  }

  #namesOf(desired: DesiredState): ReadonlySet<string> {
    const known = this.#names.get(desired);
    if (known !== undefined) return known;
    const names = new Set(desired.objects.map(({ kind, name }) => `${kind}/${name}`));
    this.#names.set(desired, names);
    return names;
  }
}

/** An account of the wanted name that is not ours gets none of the rights that ours would have. */
function isForForeigner({ grantsTo }: DesiredObject, clashes: readonly Clash[]): boolean {
  return clashes.some(({ kind, name }) => kind === 'ServiceAccount' && name === grantsTo);
}

function withdrawal(binding: ObservedObject | undefined): Change | undefined {
  return binding === undefined ? undefined : { action: 'delete', observed: binding };
}

/** What an object of this name should be is not known. */
function isUnknown({ kept }: DesiredState, object: ObservedObject): boolean {
  return kept.some(({ kind, name }) => kind === object.kind && name === object.name);
}

function differenceOf(desired: DesiredObject, observed: ObservedObject): Difference {
  if (!observed.managed) return observed.writtenByUs ? 'edited' : 'impostor';
  if (observed.baselineUid !== desired.baseline.uid) return 'outdated';
  return observed.rival === undefined ? 'outdated' : 'edited';
}

function compareServiceAccount(
  desired: DesiredObject,
  wanted: ObservedObject,
  observed: ObservedObject,
): Change | Clash | undefined {
  if (!observed.managed && !observed.writtenByUs) {
    return { kind: desired.kind, name: desired.name, desired };
  }
  const pullSecrets = mergePullSecrets(wanted, observed);
  if (observed.fingerprint === wanted.fingerprint && pullSecrets.join(',') === observed.account?.pullSecrets)
    return undefined;
  return { action: 'patch', desired, observed, pullSecrets, why: differenceOf(desired, observed) };
}

/** Ours and others', without those of ours that are no longer wanted. */
function mergePullSecrets(wanted: ObservedObject, observed: ObservedObject): string[] {
  const wantedSecrets = splitList(wanted.account?.pullSecrets);
  const dropped = new Set(
    splitList(observed.account?.ownPullSecrets).filter((name) => !wantedSecrets.includes(name)),
  );
  const kept = splitList(observed.account?.pullSecrets).filter((name) => !dropped.has(name));
  return [...kept, ...wantedSecrets.filter((name) => !kept.includes(name))];
}

function splitList(text = ''): string[] {
  return text === '' ? [] : text.split(',');
}

/** What is to become of the mark by which pods are let in. */
export type MarkIntent =
  /** As it is: hardening goes on, and an earlier mark stays good. */
  | 'keep'
  /** The namespace is hardened by all of its baselines. */
  | 'set'
  /** Protection is missing and cannot be put back, or is undone by a tenant's policy. */
  | 'clear';

/** The labels and annotations that the namespace should have from us; undefined where it has just these. */
export function namespaceChange(
  desired: DesiredState,
  namespace: ObservedNamespace,
  intent: MarkIntent,
): (Change & { action: 'label' }) | undefined {
  // Baselines in Audit mode write nothing, and what they wrote when they enforced stays.
  if (desired.baselines.length === 0 && desired.auditing.length > 0) return undefined;
  const levels = podSecurityChange(desired, namespace);
  const isLabelled = Object.keys(levels.labels).length > 0;
  const marks: Readonly<Record<NamespaceMark, string>> = {
    hardened: hardenedFor(desired, namespace, intent),
    exceptions: desired.exceptionMark,
    defaultDeny: desired.deniedMark,
    podSecurity:
      podSecurityMark(
        podSecurityModes.filter((mode) => Object.hasOwn(levels.labels, podSecurityLabels(mode).level)),
      ) ?? '',
    podSecurityBy: isLabelled ? labelledBy(desired, namespace).join(',') : '',
  };
  if (!levels.differs && sameMarks(marks, namespace.marks)) return undefined;
  return {
    action: 'label',
    labels: levels.labels,
    annotations: Object.fromEntries(
      namespaceMarkNames.flatMap((mark) => (marks[mark] === '' ? [] : [[namespaceMarks[mark], marks[mark]]])),
    ),
    loses: levels.loses,
  };
}

/** Those whose levels are wanted, and those in Audit mode whose labels stay. */
function labelledBy(desired: DesiredState, namespace: ObservedNamespace): string[] {
  const before = namespace.marks.podSecurityBy.split(',');
  const stay = desired.auditing.flatMap(({ uid }) => (before.includes(uid) ? [uid] : []));
  return [...desired.podSecurityBy, ...stay].sort();
}

function hardenedFor(desired: DesiredState, namespace: ObservedNamespace, intent: MarkIntent): string {
  if (desired.mark.length === 0 || intent === 'clear') return '';
  return intent === 'set' ? desired.mark.join(',') : namespace.marks.hardened;
}

/** Somebody's stricter level stays: we never write a weaker value. */
function podSecurityChange(
  desired: DesiredState,
  namespace: ObservedNamespace,
): { readonly labels: Readonly<Record<string, string>>; readonly differs: boolean; readonly loses: boolean } {
  const labels: Record<string, string> = {};
  let differs = false;
  for (const mode of podSecurityModes) {
    const want = desired.podSecurity[mode];
    if (want === undefined) continue;
    const keys = podSecurityLabels(mode);
    const level = namespace.labels[keys.level];
    const version = namespace.labels[keys.version];
    if (!namespace.ownedLabels.includes(keys.level) && isStricterThan(want, level, version)) continue;
    labels[keys.level] = want.level;
    labels[keys.version] = want.version;
    if (level !== want.level || version !== want.version) differs = true;
  }
  const dropped = namespace.ownedLabels.filter((key) => !Object.hasOwn(labels, key));
  // A baseline in Audit mode writes nothing, so what it set while it enforced stays.
  if (desired.auditing.length > 0) {
    for (const key of dropped) labels[key] = namespace.labels[key] ?? '';
    return { labels, differs, loses: false };
  }
  const loses = podSecurityModes.some(
    (mode) => desired.podSecurity[mode] === undefined && dropped.includes(podSecurityLabels(mode).level),
  );
  return { labels, differs: differs || dropped.length > 0, loses };
}

/** A newer version of the same level asks for more. */
function isStricterThan(
  want: PodSecurityLevel,
  level: string | undefined,
  version: string | undefined,
): boolean {
  const difference = strictness(level) - strictness(want.level);
  if (difference !== 0) return difference > 0;
  return version !== undefined && compareVersions(version, want.version) > 0;
}

function defaultTokenChange(desired: DesiredState, observed: Observed): Change[] {
  const account = observed.object('ServiceAccount', defaultServiceAccountName)?.account;
  if (desired.denyDefaultToken) {
    return account?.automountsToken === false ? [] : [{ action: 'set-default-token', automount: false }];
  }
  return account?.ownsToken === true && desired.auditing.length === 0
    ? [{ action: 'set-default-token', automount: undefined }]
    : [];
}
