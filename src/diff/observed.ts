/**
 * What is kept of the objects in the cluster: enough to decide, and no more. A fleet has many of them.
 */
import type { ManagedKind } from '../api/kinds.ts';
import {
  baselineLabel,
  baselineUidLabel,
  deletionPolicyAnnotation,
  managedByLabel,
  operatorName,
  pullSecretsAnnotation,
} from '../api/labels.ts';
import type { KubernetesObject, ManagedFieldsEntry } from '../api/objects.ts';
import type { NetworkPolicySpec, ResourceQuotaSpec } from '../api/types.generated.ts';
import type { Fingerprinter } from './fingerprint.ts';

/** An object of a managed kind, ours or not. */
export interface ObservedObject {
  readonly kind: ManagedKind;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Carries our managed-by label and a baseline's UID. */
  readonly managed: boolean;
  /** As its labels say; empty where they do not. */
  readonly baseline: string;
  readonly baselineUid: string;
  /** Left behind when no longer wanted, rather than deleted. */
  readonly orphan: boolean;
  /** Empty for objects that are of no interest beyond being there. */
  readonly fingerprint: string;
  /** We have written it, as the API server remembers. */
  readonly writtenByUs: boolean;
  /** Who, beside us, last wrote a field that matters; undefined where nobody did. */
  readonly rival: string | undefined;
  /** What of it cannot be changed in place: a RoleBinding's role, a ResourceQuota's scopes; empty for the other kinds. */
  readonly immutable: string;
  /** ServiceAccounts only. */
  readonly account: ObservedAccount | undefined;
  /** Milliseconds since the epoch; the API server keeps whole seconds. */
  readonly createdAt: number;
  /** NetworkPolicies only: what it allows. Equal ones share it. */
  readonly policy: NetworkPolicySpec | undefined;
  /** In the midst of being deleted (held by somebody's finalizer). */
  readonly terminating: boolean;
}

/** What is kept of a ServiceAccount beside. Lists are comma separated. */
export interface ObservedAccount {
  readonly automountsToken: boolean;
  /** The field that mounts tokens is there because we applied it. */
  readonly ownsToken: boolean;
  readonly pullSecrets: string;
  /** Those of the pull secrets that we put there. */
  readonly ownPullSecrets: string;
}

/** Whether a newer version of an object says nothing new. */
export function sameObject(a: ObservedObject, b: ObservedObject): boolean {
  return (
    a.uid === b.uid &&
    a.fingerprint === b.fingerprint &&
    a.managed === b.managed &&
    a.terminating === b.terminating &&
    a.account?.pullSecrets === b.account?.pullSecrets &&
    a.account?.ownsToken === b.account?.ownsToken
  );
}

/**
 * Makes the record of an object (sharing strings that recur, through `intern`), or undefined for one that cannot concern us: a foreign Role or RoleBinding whose
 * name is not of the form that is reserved for us.
 */
export function observe(
  kind: ManagedKind,
  object: KubernetesObject,
  fingerprinter: Fingerprinter,
  intern: (text: string) => string = (text) => text,
): ObservedObject | undefined {
  const { metadata } = object;
  const labels = metadata.labels ?? {};
  const baselineUid = labels[baselineUidLabel] ?? '';
  const managed = labels[managedByLabel] === operatorName && baselineUid !== '';
  if (!managed && (kind === 'Role' || kind === 'RoleBinding') && !metadata.name.includes('.'))
    return undefined;
  const fingerprint = fingerprinter.of(kind, object);
  const account = kind === 'ServiceAccount' ? accountOf(object) : undefined;
  return {
    kind,
    namespace: intern(metadata.namespace ?? ''),
    name: intern(metadata.name),
    uid: metadata.uid ?? '',
    resourceVersion: metadata.resourceVersion ?? '',
    managed,
    baseline: intern(labels[baselineLabel] ?? ''),
    baselineUid: intern(baselineUid),
    orphan: metadata.annotations?.[deletionPolicyAnnotation] === 'Orphan',
    fingerprint,
    writtenByUs: (metadata.managedFields ?? []).some(({ manager }) => manager === operatorName),
    rival: internOptional(lastRival(metadata.managedFields, harmlessIn(account)), intern),
    immutable: intern(immutablePartOf(kind, object)),
    account,
    createdAt: Date.parse(metadata.creationTimestamp ?? '') || 0,
    policy:
      kind === 'NetworkPolicy'
        ? fingerprinter.share(fingerprint, object.spec as NetworkPolicySpec)
        : undefined,
    terminating: metadata.deletionTimestamp !== undefined,
  };
}

function internOptional(text: string | undefined, intern: (text: string) => string): string | undefined {
  return text === undefined ? undefined : intern(text);
}

function immutablePartOf(kind: ManagedKind, { roleRef, spec }: KubernetesObject): string {
  if (kind === 'RoleBinding') {
    const role = (roleRef ?? {}) as { kind?: string; name?: string };
    return `${role.kind}/${role.name}`;
  }
  // A set to the API server, in any order.
  if (kind === 'ResourceQuota')
    return (spec as ResourceQuotaSpec | undefined)?.scopes?.toSorted().join(',') ?? '';
  return '';
}

function accountOf(object: KubernetesObject): ObservedAccount {
  const secrets = (object.imagePullSecrets ?? []) as readonly { name?: string }[];
  return {
    automountsToken: object.automountServiceAccountToken !== false,
    ownsToken: appliedByUs(object.metadata.managedFields)?.['f:automountServiceAccountToken'] !== undefined,
    pullSecrets: secrets.map(({ name }) => name ?? '').join(','),
    ownPullSecrets: object.metadata.annotations?.[pullSecretsAnnotation] ?? '',
  };
}

/** Fields whose change has no effect on security: a team's own labels do not make it a rival. */
const harmlessFields: readonly string[] = ['f:metadata', 'f:status'];

/** On a ServiceAccount others may keep lists of their own secrets; a pull secret of ours that is missing is somebody's doing. */
function harmlessIn(account: ObservedAccount | undefined): readonly string[] {
  if (account === undefined) return harmlessFields;
  const there = account.pullSecrets.split(',');
  const isOursComplete = account.ownPullSecrets
    .split(',')
    .every((name) => name === '' || there.includes(name));
  return [...harmlessFields, 'f:secrets', ...(isOursComplete ? ['f:imagePullSecrets'] : [])];
}

/** The manager other than us that last wrote a field that matters. Writes to subresources (a quota's status) do not count. */
function lastRival(
  entries: readonly ManagedFieldsEntry[] = [],
  harmless: readonly string[],
): string | undefined {
  let last: ManagedFieldsEntry | undefined;
  for (const entry of entries) {
    if (entry.subresource !== undefined || entry.manager === undefined || entry.manager === operatorName)
      continue;
    if (Object.keys(entry.fieldsV1 ?? {}).every((field) => harmless.includes(field))) continue;
    if (last === undefined || (entry.time ?? '') >= (last.time ?? '')) last = entry;
  }
  return last?.manager;
}

/** The entry of what we applied; field ownership is kept by the API server, so that it survives our restarts. */
export function entryOfUs(entries: readonly ManagedFieldsEntry[] = []): ManagedFieldsEntry | undefined {
  return entries.find(({ manager, operation }) => manager === operatorName && operation === 'Apply');
}

/** The fields that we applied. */
export function appliedByUs(entries?: readonly ManagedFieldsEntry[]): ManagedFieldsEntry['fieldsV1'] {
  return entryOfUs(entries)?.fieldsV1;
}
