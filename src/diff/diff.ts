/** Compares what should be with what is. Pure: the same in gives the same out, and nothing is written here. */
import { type ManagedKind, managedKindNames } from '../api/kinds.ts';
import { defaultServiceAccountName, derivedItems, objectName } from '../api/names.ts';
import type { DesiredObject, DesiredState } from '../baseline/desired-state.ts';
import type { Change, ChangeSet, Clash, Difference } from './change-set.ts';
import { desiredNames } from './desired-names.ts';
import type { Fingerprinter } from './fingerprint.ts';
import { namespaceChange, noneHeld } from './namespace-change.ts';
import { type ObservedObject, observe } from './observed.ts';
import type { ObservedNamespace } from './observed-namespace.ts';
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

  constructor(fingerprinter: Fingerprinter) {
    this.#fingerprinter = fingerprinter;
  }

  /**
   * What must be done so that the namespace becomes what is desired.
   *
   * @param held the UIDs of baselines that no longer select the namespace and whose removal is held: what they gave stays
   */
  diff(desired: DesiredState, observed: Observed, held: ReadonlySet<string> = noneHeld): ChangeSet {
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
    changes.push(...this.#leftovers(desired, observed, held));
    const labels = namespaceChange(desired, observed.namespace, 'keep', held);
    if (labels !== undefined) changes.push(labels);
    changes.push(...defaultTokenChange(desired, observed, held));
    return { changes, clashes, unchanged };
  }

  #compare(desired: DesiredObject, observed: ObservedObject | undefined): Change | Clash | undefined {
    if (observed === undefined) return { action: 'create', desired };
    const wanted = this.#asObserved(desired);
    if (desired.kind === 'ServiceAccount') return compareServiceAccount(desired, wanted, observed);
    if (observed.fingerprint === wanted.fingerprint) return undefined;
    const why = differenceOf(desired, observed);
    const action = observed.immutable === wanted.immutable ? 'replace' : 'recreate';
    return { action, desired, observed, why };
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
  #leftovers(desired: DesiredState, observed: Observed, held: ReadonlySet<string>): Change[] {
    const names = desiredNames(desired);
    const spared = new Set([...held, ...desired.auditing.map(({ uid }) => uid)]);
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
        if (spared.has(object.baselineUid) && !isGivenAnew(desired, object)) continue;
        leftovers.push({ action: isToBeLeft(desired, object) ? 'release' : 'delete', observed: object });
      }
      return leftovers;
    });
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

/**
 * Whether it stays behind, as its baseline's deletionPolicy says: that is about a baseline that selects the namespace no more, or is
 * gone. What a baseline drops while it goes on selecting would stay open, or granted, unseen; and what an exception gave ends with it.
 */
function isToBeLeft({ baselines }: DesiredState, object: ObservedObject): boolean {
  const isSelecting = baselines.some(
    ({ uid, name }) => uid === object.baselineUid || name === object.baseline,
  );
  return object.orphan && !isSelecting && !isOfException(object);
}

/** The API server keeps these names from a baseline's own policies. */
function isOfException({ kind, name, baseline }: ObservedObject): boolean {
  return kind === 'NetworkPolicy' && name.startsWith(objectName(baseline, derivedItems.exceptionPrefix));
}

/** Where a baseline still denies this direction, exceptions in effect are opened in its name; so this one may be of an exception that has ended. */
function isGivenAnew({ denied }: DesiredState, object: ObservedObject): boolean {
  const types = object.policy?.policyTypes ?? [];
  return isOfException(object) && types.length > 0 && types.every((type) => denied.includes(type));
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

function defaultTokenChange(desired: DesiredState, observed: Observed, held: ReadonlySet<string>): Change[] {
  const account = observed.object('ServiceAccount', defaultServiceAccountName);
  if (desired.denyDefaultToken) {
    if (account?.account?.automountsToken === false) return [];
    return [{ action: 'set-default-token', automount: false, account }];
  }
  return account?.account?.ownsToken === true && desired.auditing.length === 0 && held.size === 0
    ? [{ action: 'set-default-token', automount: undefined, account }]
    : [];
}
