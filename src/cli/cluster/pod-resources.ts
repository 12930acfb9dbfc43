/** What pods ask for, as quotas and limit ranges count it. */
import { parseQuantity } from '../../api/quantity.ts';
import type { Container, PodRecord, PodSpec } from './pod-record.ts';

/** Billionths, as parseQuantity gives them. */
export type Amounts = ReadonlyMap<string, bigint>;

/** Requests and limits by resource. */
export interface PodResources {
  readonly requests: Amounts;
  readonly limits: Amounts;
}

/**
 * What a pod asks for as a whole: the sum of its containers and sidecars, or the most that an init container needs while it
 * runs, and the overhead of its runtime.
 * Source: https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
 */
export function podResources(spec: PodSpec): PodResources {
  return { requests: amountsOf(spec, 'requests'), limits: amountsOf(spec, 'limits') };
}

function amountsOf(spec: PodSpec, field: 'requests' | 'limits'): Amounts {
  const { containers = [], initContainers = [] } = spec;
  const sidecars = new Map<string, bigint>();
  let peak = new Map<string, bigint>();
  for (const container of initContainers) {
    const own = containerAmounts(container, field);
    if (container.restartPolicy === 'Always') add(sidecars, own);
    else {
      const whileItRuns = new Map(sidecars);
      add(whileItRuns, own);
      peak = most(peak, whileItRuns);
    }
  }
  const running = new Map(sidecars);
  for (const container of containers) add(running, containerAmounts(container, field));
  const total = most(running, peak);
  for (const [resource, amount] of parsed(podLevel(spec, field))) total.set(resource, amount);
  const overhead = parsed((spec.overhead ?? {}) as Quantities);
  if (field === 'requests') add(total, overhead);
  else
    for (const [resource, amount] of overhead)
      if (total.has(resource)) add(total, new Map([[resource, amount]]));
  return total;
}

type Quantities = Readonly<Record<string, string | number>>;

/** What is given for the pod as a whole counts in place of the containers' sum. */
function podLevel(spec: PodSpec, field: 'requests' | 'limits'): Quantities {
  const { resources } = spec as { resources?: Readonly<Record<string, Quantities | undefined>> };
  return resources?.[field] ?? {};
}

/** What a container asks for; a limit without a request is the request, too. */
export function containerAmounts({ resources = {} }: Container, field: 'requests' | 'limits'): Amounts {
  const given = parsed(resources[field] ?? {});
  return field === 'requests' ? new Map([...parsed(resources.limits ?? {}), ...given]) : given;
}

function parsed(quantities: Quantities): Map<string, bigint> {
  return new Map(
    Object.entries(quantities).flatMap(([resource, quantity]) => {
      const amount = parseQuantity(quantity);
      return amount === undefined ? [] : [[resource, amount] as const];
    }),
  );
}

function add(sum: Map<string, bigint>, amounts: Amounts): void {
  for (const [resource, amount] of amounts) sum.set(resource, (sum.get(resource) ?? 0n) + amount);
}

function most(a: Amounts, b: Amounts): Map<string, bigint> {
  const greatest = new Map(a);
  for (const [resource, amount] of b) {
    if (amount > (greatest.get(resource) ?? 0n)) greatest.set(resource, amount);
  }
  return greatest;
}

/** The class by which quota scopes tell pods apart: no container asks for anything. */
export function isBestEffort({ spec }: Pick<PodRecord, 'spec'>): boolean {
  const { requests, limits } = podResources(spec);
  return ['cpu', 'memory'].every((resource) => !requests.has(resource) && !limits.has(resource));
}

const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'] as const;
const billion = 1_000_000_000n;

/** An amount for people: bytes with a binary suffix where that is exact, else whole numbers or thousandths. */
export function formatAmount(amount: bigint, resource: string): string {
  if (amount % billion !== 0n) return `${(amount + 999_999n) / 1_000_000n}m`;
  const isBytes = /memory|storage|hugepages/.test(resource);
  let whole = amount / billion;
  let suffix = 0;
  while (isBytes && whole !== 0n && whole % 1024n === 0n && suffix < binarySuffixes.length - 1) {
    whole /= 1024n;
    suffix += 1;
  }
  return `${whole}${binarySuffixes[suffix]}`;
}
