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
 * baseline that comes first wins, held within every baseline's min and max; the loser is told.
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
  const problems = entries.flatMap((entry) => overridden(entry, defaults));
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
      const said = entries.map(({ limit }) => limit[field]?.[resource]).find((value) => value !== undefined);
      const implied = effective
        .map((limit) => limit[field]?.[resource])
        .filter((value) => value !== undefined);
      const ceilings = entries.map(({ limit }) => limit.max?.[resource]);
      if (field === 'defaultRequest') ceilings.push(composed.default.get(resource));
      const floors = entries.map(({ limit }) => limit.min?.[resource]);
      const start = said ?? least(implied);
      if (start === undefined) continue;
      const raised = greatest([start, ...floors]) ?? start;
      composed[field].set(resource, least([raised, ...ceilings]) ?? raised);
    }
  }
  return composed;
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
