/** How fast one new namespace, and one tampered object, is put in order, against the limit's own requests. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchCluster, type BenchClusterOptions, namesOf } from './cluster.ts';
import { type Distribution, distribution } from './distribution.ts';
import { load } from './machine.ts';
import type { Figure, ScenarioResult } from './result.ts';

/** How large the scenario is. */
export interface LatencySize {
  /** Namespaces created, one at a time. */
  readonly reactions: number;
  /** Repairs of each kind. */
  readonly repairs: number;
  /** Namespaces that are there while repairs are timed. */
  readonly fleets: readonly number[];
}

/** Between two measurements, so that one leaves nothing to the next. Milliseconds. */
const pauseMs = 30;
const timeoutMs = 60_000;

const policies = 'networkpolicies';
const policyName = 'tenant.default-deny';
const probeName = 'probe';

/** Each measurement of the operator is followed by one of the limit, so that both see the same machine. */
export async function latency(size: LatencySize, options: BenchClusterOptions): Promise<ScenarioResult> {
  await using cluster = await BenchCluster.start(options);
  const loadBefore = load();
  await cluster.startWarmOperator();
  await cluster.generator.call('use', await cluster.templates('warm1-00000'));
  const rows = namesOf('row', size.reactions);
  await cluster.generator.call('createNamespaces', rows, 16, undefined);
  await cluster.settle();

  const details: Record<string, unknown> = {};
  const figures: Figure[] = [];
  const reaction = await measureReaction(cluster, rows);
  Object.assign(details, { reaction });
  figures.push(...compared('reaction', reaction.operator, reaction.limit, { p50: 1.5, p99: 2 }));
  let fleet = 0;
  for (const [index, wanted] of size.fleets.entries()) {
    const names = namesOf(`fleet${index}`, wanted - fleet);
    await cluster.harden(names, 'tenant');
    fleet = wanted;
    await cluster.settle();
    for (const tamper of ['deleted', 'mutated'] as const) {
      const repair = await measureRepair(cluster, names.slice(0, size.repairs), tamper, size.repairs);
      Object.assign(details, { [`${tamper} at ${wanted}`]: repair });
      const name = `${tamper}, repaired, at ${wanted.toLocaleString('en-US')}`;
      figures.push(...compared(name, repair.operator, repair.limit, { p50: 3, p99: 10 }));
    }
  }
  return { scenario: 'one at a time', load: [loadBefore, load()], figures, details };
}

interface Compared {
  readonly operator: Distribution;
  readonly limit: Distribution;
}

/** From a namespace's create response to the last of its objects seen; the limit is seven creates in a row. */
async function measureReaction(
  { generator, observer }: BenchCluster,
  rows: readonly string[],
): Promise<Compared & { readonly creates: Readonly<Record<string, Distribution>> }> {
  const operator: number[] = [];
  const limit: number[] = [];
  const creates: Record<string, number[]> = {};
  for (const [index, row] of rows.entries()) {
    const name = `reaction-${index}`;
    const ready = observer.call('ready', [name], timeoutMs);
    const createdAt = await generator.call('createNamespace', name, 'tenant');
    const [readyAt = Number.NaN] = await ready;
    operator.push(readyAt - createdAt);
    await sleep(pauseMs);
    const steps = await generator.call('createInARow', row);
    limit.push(steps.reduce((sum, [, ms]) => sum + ms, 0));
    for (const [kind, ms] of steps) {
      creates[kind] ??= [];
      creates[kind].push(ms);
    }
    await sleep(pauseMs);
  }
  return {
    operator: distribution(operator),
    limit: distribution(limit),
    creates: Object.fromEntries(Object.entries(creates).map(([kind, ms]) => [kind, distribution(ms)])),
  };
}

/** From the tampering's response to the repair seen; the limit is one create of such an object. */
async function measureRepair(
  { generator, observer }: BenchCluster,
  namespaces: readonly string[],
  tamper: 'deleted' | 'mutated',
  times: number,
): Promise<Compared> {
  const operator: number[] = [];
  const limit: number[] = [];
  for (let index = 0; index < times; index += 1) {
    const namespace = namespaces[index % namespaces.length] ?? '';
    const path = `/apis/networking.k8s.io/v1/namespaces/${namespace}/${policies}`;
    const target = `${path}/${policyName}`;
    const before = await generator.call('get', target);
    const { uid = '', generation = 0 } = before.metadata;
    if (tamper === 'deleted') {
      const repaired = observer.call('recreated', policies, namespace, policyName, uid);
      const deletedAt = await generator.call('delete', target);
      operator.push((await repaired) - deletedAt);
    } else {
      // The edit is one generation, its repair the next.
      const repaired = observer.call('written', policies, namespace, policyName, generation + 2);
      const hole = { spec: { ingress: [{}] } };
      const { at } = await generator.call('patch', target, hole);
      operator.push((await repaired) - at);
    }
    const after = await generator.call('get', target);
    if (JSON.stringify(after.spec) !== JSON.stringify(before.spec)) {
      throw new Error(`${target} was not repaired: ${JSON.stringify(after.spec)}`);
    }
    await sleep(pauseMs);
    limit.push(await generator.call('createPolicy', namespace, `${probeName}-${tamper}-${index}`));
    await sleep(pauseMs);
  }
  return { operator: distribution(operator), limit: distribution(limit) };
}

function compared(
  name: string,
  operator: Distribution,
  limit: Distribution,
  atMost: { readonly p50: number; readonly p99: number },
): Figure[] {
  return (['p50', 'p99'] as const).map((share) => ({
    name: `${name}, ${share}`,
    value: operator[share],
    unit: 'ms',
    limit: limit[share],
    target: { atMost: atMost[share] },
  }));
}
