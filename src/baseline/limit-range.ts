/**
 * LimitRanges: each baseline's own objects. Kubernetes applies several LimitRanges in no particular order, and the first to give a
 * container a default wins; so all of them are made to give the same one.
 * Source: https://kubernetes.io/docs/concepts/policy/limit-range/
 */
import { canonicalQuantity, parseQuantity } from '../api/quantity.ts';
import type { LimitRangeItem, LimitRangeLimit, SecurityBaseline } from '../api/types.generated.ts';
import type { DesiredObject, Problem } from './desired-state.ts';
import { desiredObject, refOf } from './manifest.ts';

/** Quantities by resource name. */
type Quantities = Readonly<Record<string, string | number>>;

interface Entry {
  readonly baseline: SecurityBaseline;
  readonly item: LimitRangeItem;
  readonly limit: LimitRangeLimit;
}

/** The fields that the API server fills in, and that a container gets when it gives none. */
const defaultFields = ['default', 'defaultRequest'] as const;
type DefaultField = (typeof defaultFields)[number];

/**
 * A limit as the API server keeps it: for containers, `max` gives `default`, `default` gives `defaultRequest`, and
 * `min` gives what `defaultRequest` still lacks.
 * Source: SetDefaults_LimitRangeItem in https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/v1/defaults.go
 */
export function withServerDefaults(limit: LimitRangeLimit): LimitRangeLimit {
  if (limit.type !== 'Container') return limit;
  const defaults: Quantities = { ...limit.max, ...limit.default };
  const requests: Quantities = { ...limit.min, ...defaults, ...limit.defaultRequest };
  return {
    ...limit,
    ...(Object.keys(defaults).length > 0 ? { default: defaults } : {}),
    ...(Object.keys(requests).length > 0 ? { defaultRequest: requests } : {}),
  };
}

/**
 * The LimitRanges of all selecting baselines. Where two give different defaults for one resource, the
 * baseline that comes first wins, held within every baseline's min and max; the loser is told. Where these leave nothing open, all are told.
 *
 * @param baselines by precedence
 */
export function limitRanges(baselines: readonly SecurityBaseline[]): {
  readonly objects: readonly DesiredObject[];
  readonly problems: readonly Problem[];
} {
  const entries = baselines.flatMap((baseline) =>
    (baseline.spec.limitRanges ?? []).flatMap((item) =>
      item.spec.limits
        .filter(({ type }) => type === 'Container')
        .map((limit): Entry => ({ baseline, item, limit })),
    ),
  );
  const defaults = composeDefaults(entries);
  const problems = entries.flatMap((entry) => [
    ...overridden(entry, defaults),
    ...contradicting(entry, entries),
  ]);
  const objects = baselines.flatMap((baseline) =>
    (baseline.spec.limitRanges ?? []).map((item) =>
      desiredObject(baseline, {
        kind: 'LimitRange',
        item: item.name,
        content: { spec: { limits: item.spec.limits.map((limit) => withComposedDefaults(limit, defaults)) } },
      }),
    ),
  );
  return { objects, problems };
}

/** What a container gets, by field and resource. */
type ComposedDefaults = Readonly<Record<DefaultField, ReadonlyMap<string, string | number>>>;

function composeDefaults(entries: readonly Entry[]): ComposedDefaults {
  const composed: Record<DefaultField, Map<string, string | number>> = {
    default: new Map(),
    defaultRequest: new Map(),
  };
  const effective = entries.map(({ limit }) => withServerDefaults(limit));
  for (const field of defaultFields) {
    for (const resource of new Set(effective.flatMap((limit) => Object.keys(limit[field] ?? {})))) {
      const { floor, ceiling, contradict } = boundsOf(entries, resource);
      if (contradict) continue;
      const said = entries.map(({ limit }) => limit[field]?.[resource]).find((value) => value !== undefined);
      const start = said ?? least(effective.map((limit) => limit[field]?.[resource]));
      const limit = field === 'defaultRequest' ? composed.default.get(resource) : undefined;
      const value =
        limit !== undefined && !mayOvercommit(resource)
          ? limit
          : least([greatest([start, floor]), ceiling, limit]);
      if (value !== undefined) composed[field].set(resource, value);
    }
  }
  return composed;
}

/** The range that every baseline leaves open for a container's use of a resource. */
function boundsOf(
  entries: readonly Entry[],
  resource: string,
): {
  readonly floor: string | number | undefined;
  readonly ceiling: string | number | undefined;
  /** Nothing is left open. */
  readonly contradict: boolean;
} {
  const floor = greatest(entries.map(({ limit }) => limit.min?.[resource]));
  const ceiling = least(entries.map(({ limit }) => limit.max?.[resource]));
  return {
    floor,
    ceiling,
    contradict: floor !== undefined && ceiling !== undefined && compare(floor, ceiling) > 0,
  };
}

/**
 * Whether a container may be given less than its limit. The API server refuses a LimitRange in which the two
 * differ for huge pages and for extended resources, such as GPUs.
 * Source: IsOvercommitAllowed in https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/helper/helpers.go
 */
function mayOvercommit(resource: string): boolean {
  const isNative = !resource.includes('/') || resource.includes('kubernetes.io/');
  return isNative && !resource.startsWith('hugepages-');
}

function withComposedDefaults(limit: LimitRangeLimit, composed: ComposedDefaults): LimitRangeLimit {
  if (limit.type !== 'Container') return limit;
  const effective = withServerDefaults(limit);
  const changed: { -readonly [field in DefaultField]?: Record<string, string | number> } = {};
  for (const field of defaultFields) {
    const values = effective[field];
    if (values === undefined) continue;
    changed[field] = Object.fromEntries(
      Object.entries(values).map(([resource, value]) => [resource, composed[field].get(resource) ?? value]),
    );
  }
  return { ...limit, ...changed };
}

function overridden({ baseline, item, limit }: Entry, composed: ComposedDefaults): Problem[] {
  return defaultFields.flatMap((field) =>
    Object.entries(limit[field] ?? {}).flatMap(([resource, value]): Problem[] => {
      const given = composed[field].get(resource);
      if (given === undefined || canonicalQuantity(given) === canonicalQuantity(value)) return [];
      return [
        {
          baseline: refOf(baseline),
          reason: 'LimitRangeDefaultsOverridden',
          missing: false,
          message:
            `spec.limitRanges[${item.name}]: ${field}.${resource} is ${value} here, but ${given} in namespaces that another baseline ` +
            'also selects; give both the same value, or this baseline the higher priority',
        },
      ];
    }),
  );
}

/** The objects are written all the same, each with its own defaults: they are what the baselines say. */
function contradicting({ baseline, item, limit }: Entry, entries: readonly Entry[]): Problem[] {
  const resources = new Set([...Object.keys(limit.min ?? {}), ...Object.keys(limit.max ?? {})]);
  return [...resources].flatMap((resource): Problem[] => {
    const { floor, ceiling, contradict } = boundsOf(entries, resource);
    if (!contradict) return [];
    return [
      {
        baseline: refOf(baseline),
        reason: 'LimitRangesContradict',
        missing: true,
        message:
          `spec.limitRanges[${item.name}]: no container can use ${resource} in namespaces where a min of ${floor} and a max of ${ceiling} ` +
          'come together; change one of them, or let the selectors not overlap',
      },
    ];
  });
}

function least(values: readonly (string | number | undefined)[]): string | number | undefined {
  return values.reduce(
    (a, b) => (b !== undefined && (a === undefined || compare(b, a) < 0) ? b : a),
    undefined,
  );
}

function greatest(values: readonly (string | number | undefined)[]): string | number | undefined {
  return values.reduce(
    (a, b) => (b !== undefined && (a === undefined || compare(b, a) > 0) ? b : a),
    undefined,
  );
}

function compare(a: string | number, b: string | number): number {
  const difference = (parseQuantity(a) ?? 0n) - (parseQuantity(b) ?? 0n);
  return difference > 0n ? 1 : difference < 0n ? -1 : 0;
}
