/** What pods ask for, with what LimitRanges add to it. */
import { parseQuantity } from '../../api/quantity.ts';
import type { LimitRangeLimit, LimitRangeSpec } from '../../api/types.generated.ts';
import type { DesiredState } from '../../baseline/desired-state.ts';
import { withServerDefaults } from '../../baseline/limit-range.ts';
import { Field } from '../manifests/field.ts';

/** Which of the two a quantity is. */
export type ResourceKind = 'requests' | 'limits';

/** In billionths, by resource: the unit of src/api/quantity.ts. */
export type Amounts = ReadonlyMap<string, bigint>;

/** What a container gets where it says nothing. */
export type ContainerDefaults = Readonly<Record<ResourceKind, Amounts>>;

/** The limits for containers in the baselines' LimitRanges, or in those of one baseline. */
export function containerLimits({ objects }: DesiredState, baseline?: string): readonly LimitRangeLimit[] {
  return objects
    .filter(
      (object) => object.kind === 'LimitRange' && (baseline ?? object.baseline.name) === object.baseline.name,
    )
    .flatMap(({ manifest }) => (manifest.spec as LimitRangeSpec).limits)
    .filter(({ type }) => type === 'Container')
    .map(withServerDefaults);
}

/** What these limits give a container. */
export function defaultsOf(limits: readonly LimitRangeLimit[]): ContainerDefaults {
  return {
    requests: amounts(new Field(Object.assign({}, ...limits.map(({ defaultRequest }) => defaultRequest)))),
    limits: amounts(new Field(Object.assign({}, ...limits.map((limit) => limit.default)))),
  };
}

/** What one container ends up with: its own, then a limit for a missing request, then the defaults. */
export function effectiveResources(
  container: Field,
  defaults: ContainerDefaults,
): Readonly<Record<ResourceKind, Amounts>> {
  const own = {
    requests: amounts(container.at('resources', 'requests')),
    limits: amounts(container.at('resources', 'limits')),
  };
  const limits = new Map([...defaults.limits, ...own.limits]);
  // The API server takes a missing request from the container's own limit, before the LimitRange gives its default.
  const requests = new Map([...defaults.limits, ...defaults.requests, ...own.limits, ...own.requests]);
  return { requests, limits };
}

/** A container that lacks some of its resources. */
export interface MissingResources {
  readonly container: Field;
  readonly field: Field;
  /** Such as `requests.cpu`. */
  readonly missing: readonly string[];
}

/**
 * The containers and init containers that end up without a request or limit for one of the resources, where the pod as
 * a whole has none either. Ephemeral containers can have none.
 */
export function missingResources(
  spec: Field,
  defaults: ContainerDefaults,
  resources: readonly string[],
  kinds: readonly ResourceKind[] = ['requests', 'limits'],
): readonly MissingResources[] {
  const ofPod = effectiveResources(spec, noDefaults);
  return [...spec.at('initContainers').items, ...spec.at('containers').items].flatMap((container) => {
    const effective = effectiveResources(container, defaults);
    const missing = kinds.flatMap((kind) =>
      resources
        .filter((resource) => !effective[kind].has(resource) && !ofPod[kind].has(resource))
        .map((resource) => `${kind}.${resource}`),
    );
    return missing.length > 0 ? [{ container, field: container.at('resources'), missing }] : [];
  });
}

const noDefaults: ContainerDefaults = { requests: new Map(), limits: new Map() };

/**
 * What the scheduler and quotas count for a pod: its own resources where it has them; else the sum of its containers, or what the
 * greediest moment of its start needs, if that is more. Sidecars (init containers that stay) count throughout.
 * Source: https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
 */
export function podAmounts(spec: Field, kind: ResourceKind, defaults: ContainerDefaults): Amounts {
  const total = new Map<string, bigint>();
  const sidecars = new Map<string, bigint>();
  const peak = new Map<string, bigint>();
  for (const init of spec.at('initContainers').items) {
    const wanted = effectiveResources(init, defaults)[kind];
    const stays = init.at('restartPolicy').text === 'Always';
    for (const [resource, amount] of wanted) {
      const together = (sidecars.get(resource) ?? 0n) + amount;
      if (stays) sidecars.set(resource, together);
      peak.set(resource, max(peak.get(resource) ?? 0n, together));
    }
  }
  for (const container of spec.at('containers').items) {
    for (const [resource, amount] of effectiveResources(container, defaults)[kind]) {
      total.set(resource, (total.get(resource) ?? 0n) + amount);
    }
  }
  for (const [resource, amount] of sidecars) total.set(resource, (total.get(resource) ?? 0n) + amount);
  for (const [resource, amount] of peak) total.set(resource, max(total.get(resource) ?? 0n, amount));
  for (const [resource, amount] of effectiveResources(spec, noDefaults)[kind]) total.set(resource, amount);
  for (const [resource, amount] of amounts(spec.at('overhead'))) {
    total.set(resource, (total.get(resource) ?? 0n) + amount);
  }
  return total;
}

/** Quantities by resource; what is none is left out. */
export function amounts(field: Field): Amounts {
  return new Map(
    field.entries.flatMap(([resource, { scalar }]): [string, bigint][] => {
      const amount = scalar === undefined ? undefined : parseQuantity(scalar);
      return amount === undefined ? [] : [[resource, amount]];
    }),
  );
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
