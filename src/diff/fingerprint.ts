/**
 * Fingerprints of what matters to security in an object. Two objects with one fingerprint have the same effect; two that
 * differ in any field that has an effect, also one that we leave empty, have different fingerprints.
 */
import { hash } from 'node:crypto';
import type { ManagedKind } from '../api/kinds.ts';
import {
  baselineLabel,
  baselineUidLabel,
  deletionPolicyAnnotation,
  justificationAnnotation,
  managedByLabel,
  pullSecretsAnnotation,
} from '../api/labels.ts';
import type { KubernetesObject } from '../api/objects.ts';
import type { NetworkPolicySpec } from '../api/types.generated.ts';
import { effectOf } from './effect.ts';
import { WeakValues } from './weak-values.ts';

const ourLabels = [managedByLabel, baselineLabel, baselineUidLabel];
const ourAnnotations = [justificationAnnotation, deletionPolicyAnnotation, pullSecretsAnnotation];

/** Characters kept of the base64 SHA-256: 132 bits, so that nobody finds a second object with one fingerprint. */
const fingerprintLength = 22;

/** In a fleet most objects are alike; remembering the last ones saves normalizing each of them. All together come to about 1 MiB. */
const remembered = 2048;
/** Longer texts are remembered by their digest: tenants write objects as large as the API server takes them (1.5 MB). Characters. */
const longestText = 256;

/** Computes fingerprints, remembering those of texts seen lately. */
export class Fingerprinter {
  readonly #known = new Map<string, string>();
  readonly #digests = new WeakMap<object, string>();
  readonly #specs = new WeakValues<string, NetworkPolicySpec>();

  /** The fingerprint of an object of a managed kind, as written or as read back. */
  of(kind: ManagedKind, object: KubernetesObject): string {
    const part = relevantPart(kind, object);
    const key = this.#keyOf(kind, part);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const fingerprint = digestOf(canonicalJson(effectOf(kind, part))).slice(0, fingerprintLength);
    if (this.#known.size >= remembered) this.#known.clear();
    this.#known.set(key, fingerprint);
    return fingerprint;
  }

  /** Equal keys say the same; not all that say the same have equal keys. */
  #keyOf(kind: ManagedKind, part: RelevantPart): string {
    let key: string = kind;
    for (const field in part) key += ` ${field}=${this.#textOf(part[field])}`;
    return key.length > longestText ? digestOf(key) : key;
  }

  /** What is frozen throughout says the same for ever, and watches share it among the objects of a fleet: a digest of its text is remembered. */
  #textOf(value: unknown): string {
    if (typeof value === 'string') return `${value.length}:${value}`;
    if (typeof value !== 'object' || value === null) return String(value);
    if (Array.isArray(value)) return `[${value.map((item) => this.#textOf(item)).join()}]`;
    if (!Object.isFrozen(value)) return JSON.stringify(value);
    const known = this.#digests.get(value);
    if (known !== undefined) return known;
    const digest = digestOf(JSON.stringify(value));
    this.#digests.set(value, digest);
    return digest;
  }

  /**
   * One spec for all the policies with this fingerprint, for as long as one of them is held, so that a fleet's policies are kept once.
   * A policy without a spec has none.
   */
  share(fingerprint: string, spec: NetworkPolicySpec | undefined): NetworkPolicySpec | undefined {
    if (!spec) return undefined;
    const known = this.#specs.get(fingerprint);
    if (known !== undefined) return known;
    this.#specs.set(fingerprint, spec);
    return spec;
  }
}

function digestOf(text: string): string {
  return hash('sha256', text, 'base64');
}

/** What is compared of an object: its own fields, and of its metadata what is ours or could undo it. */
export interface RelevantPart {
  readonly [field: string]: unknown;
}

function relevantPart(kind: ManagedKind, object: KubernetesObject): RelevantPart {
  const { apiVersion: _apiVersion, kind: _kind, metadata, status: _status, ...content } = object;
  const { ownerReferences, finalizers } = metadata as { ownerReferences?: unknown; finalizers?: unknown };
  return {
    labels: ourLabels.map((label) => metadata.labels?.[label]),
    annotations: ourAnnotations.map((annotation) => metadata.annotations?.[annotation]),
    // An owner lets the garbage collector take the object away; a finalizer keeps it from going.
    ownerReferences,
    finalizers,
    ...content,
    ...(kind === 'RoleBinding'
      ? { subjects: withoutOwnNamespace(content.subjects, metadata.namespace) }
      : {}),
  };
}

/** A binding says the same in every namespace, so that one fingerprint serves them all. */
function withoutOwnNamespace(subjects: unknown, namespace: string | undefined): unknown {
  if (!Array.isArray(subjects) || namespace === undefined) return subjects;
  return subjects.map((subject: { namespace?: unknown }) => {
    if (subject.namespace !== namespace) return subject;
    const { namespace: _, ...rest } = subject;
    return rest;
  });
}

/** JSON with sorted keys, without nulls and empty lists, which Kubernetes takes for absent. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value)) ?? 'null';
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => sorted(item) ?? null);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(
        ([, item]) => item !== undefined && item !== null && !(Array.isArray(item) && item.length === 0),
      )
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}
