/** Objects of managed kinds as people compare them: without what the API server fills in, spelt alike. */
import { stringify } from 'yaml';
import type { ManagedKind } from '../../api/kinds.ts';
import type { KubernetesObject } from '../../api/objects.ts';
import { canonicalQuantity } from '../../api/quantity.ts';
import type { LimitRangeLimit } from '../../api/types.generated.ts';
import { withServerDefaults } from '../../baseline/limit-range.ts';
import { type DiffLine, diffLines } from './text-diff.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * What changes between an object as it is served and as it will be, as YAML. Values that are equal but spelt in two ways
 * (`1000m` and `1`), and defaults that one side leaves out, make no line.
 */
export function objectDiff(
  kind: ManagedKind,
  before: KubernetesObject,
  after: KubernetesObject,
): readonly DiffLine[] {
  const old = readable(kind, before);
  const now = readable(kind, after);
  return diffLines(linesOf(old), linesOf(alike(old, now)));
}

/** An object as YAML, without metadata that only machines read. */
export function objectLines(kind: ManagedKind, object: KubernetesObject): readonly string[] {
  return linesOf(readable(kind, object));
}

function linesOf(value: unknown): readonly string[] {
  return stringify(value, { sortMapEntries: true, lineWidth: 0 }).trimEnd().split('\n');
}

/** Metadata that a baseline's author wrote, and the fields beside metadata. */
function readable(kind: ManagedKind, object: KubernetesObject): Fields {
  const { apiVersion: _v, kind: _k, metadata, status: _s, ...content } = object;
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([key]) =>
    key.startsWith('securitybaseline.io/'),
  );
  return withoutEmpty({
    ...(annotations.length > 0 ? { annotations: Object.fromEntries(annotations) } : {}),
    ...withDefaults(kind, content),
  });
}

function withDefaults(kind: ManagedKind, content: Fields): Fields {
  switch (kind) {
    case 'NetworkPolicy':
      return { ...content, spec: policyDefaults(asFields(content.spec)) };
    case 'LimitRange': {
      const { limits = [] } = asFields(content.spec) as { limits?: readonly LimitRangeLimit[] };
      return { ...content, spec: { limits: limits.map(withServerDefaults) } };
    }
    case 'ServiceAccount': {
      const { secrets: _, automountServiceAccountToken = true, ...rest } = content;
      return { automountServiceAccountToken, ...rest };
    }
    case 'RoleBinding': {
      const { subjects = [], ...rest } = content as { subjects?: readonly Fields[] };
      return { ...rest, subjects: subjects.map(({ namespace: _n, apiGroup: _g, ...subject }) => subject) };
    }
    default:
      return content;
  }
}

function policyDefaults(spec: Fields): Fields {
  const withProtocol = (rules: unknown): unknown =>
    asList(rules).map((rule) => ({
      ...asFields(rule),
      ports: asList(asFields(rule).ports).map((port) => ({ protocol: 'TCP', ...asFields(port) })),
    }));
  const types = asList(spec.policyTypes);
  return {
    ...spec,
    policyTypes:
      types.length > 0 ? types : asList(spec.egress).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'],
    ingress: withProtocol(spec.ingress),
    egress: withProtocol(spec.egress),
  };
}

/** `after`, with quantities spelt as in `before` where they are equal. */
function alike(before: unknown, after: unknown): unknown {
  if (Array.isArray(after)) return after.map((item, i) => alike(asList(before)[i], item));
  if (typeof after === 'object' && after !== null) {
    const old = asFields(before);
    return Object.fromEntries(Object.entries(after).map(([key, value]) => [key, alike(old[key], value)]));
  }
  const isScalar = (value: unknown): value is string | number =>
    typeof value === 'string' || typeof value === 'number';
  return isScalar(before) && isScalar(after) && canonicalQuantity(before) === canonicalQuantity(after)
    ? before
    : after;
}

/** Empty lists and nulls say what leaving them out says. Empty maps stay: an empty selector selects everything. */
function withoutEmpty(value: unknown): Fields {
  return prune(value) as Fields;
}

function prune(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(prune);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(
        ([, item]) => item !== undefined && item !== null && !(Array.isArray(item) && item.length === 0),
      )
      .map(([key, item]) => [key, prune(item)]),
  );
}

function asFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
