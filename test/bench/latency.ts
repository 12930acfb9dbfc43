/** How fast one new namespace, and one tampered object, is put in order, against the limit's own requests. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchCluster, type BenchClusterOptions, namesOf } from './cluster.ts';
import { type Distribution, distribution } from './distribution.ts';
import type { LoadGenerator } from './load-generator.ts';
import { load } from './machine.ts';
import { roleOf } from './objects.ts';
import type { Remote } from './remote.ts';
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
/**
 * The same where Roles are written. The API server asks etcd for progress at most every 100 ms before it reads, consistently, what somebody may
 * do; a measurement that came sooner would wait for the rest of its predecessor's 100 ms. Milliseconds.
 * Source: progressRequestPeriod in k8s.io/apiserver/pkg/storage/cacher/progress
 */
const pauseBetweenRolesMs = 150;
const timeoutMs = 60_000;

const policies = 'networkpolicies';
const policyName = 'tenant.default-deny';
const roleName = roleOf('tenant');
const probeName = 'probe';

/** Each measurement of the operator is followed by one of the limit, so that both see the same machine. */
export async function latency(size: LatencySize, options: BenchClusterOptions): Promise<ScenarioResult> {
  await using cluster = await BenchCluster.start(options);
  const loadBefore = load();
  await cluster.startWarmOperator();
  await using asOperator = cluster.newGenerator(cluster.kubeconfig);
  const templates = await cluster.templates('warm1-00000');
  for (const generator of [cluster.generator, asOperator]) await generator.call('use', templates);

  const details: Record<string, unknown> = {};
  const reaction = await measureReaction(cluster, asOperator, 'plain', size.reactions);
  await cluster.allowBinding([roleName]);
  await cluster.settle();
  const bound = await measureReaction(cluster, asOperator, 'bound', size.reactions);
  Object.assign(details, { reaction, 'reaction with bind': bound });
  const figures: Figure[] = [
    ...compared('all objects', reaction.operator, reaction.limit, { p50: 1.5, p99: 2 }),
    ...compared("same, limit with operator's rights", reaction.operator, reaction.limitAsOperator),
    ...compared('all objects, bind by name', bound.operator, bound.limit, { p50: 1.5, p99: 2 }),
    ...compared('deny policy', reaction.deny, reaction.limit),
  ];
  let fleet = 0;
  for (const [index, wanted] of size.fleets.entries()) {
    const names = namesOf(`fleet${index}`, wanted - fleet);
    await cluster.harden(names, 'tenant');
    fleet = wanted;
    await cluster.settle();
    for (const tamper of ['deleted', 'mutated'] as const) {
      const repair = await measureRepair(cluster, names, tamper, size.repairs);
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

interface Reaction extends Compared {
  readonly limitAsOperator: Distribution;
  /** Until the deny policy was seen. */
  readonly deny: Distribution;
  /** The limit's single creates, by kind, and those with the operator's rights. */
  readonly creates: Readonly<Record<string, Distribution>>;
  readonly createsAsOperator: Readonly<Record<string, Distribution>>;
}

/** From a namespace's create response to the last of its objects seen; the limit is seven creates in a row. */
async function measureReaction(
  { generator, observer, settle }: BenchCluster,
  asOperator: Remote<LoadGenerator>,
  series: string,
  times: number,
): Promise<Reaction> {
  const rows = namesOf(`row-${series}`, times);
  const rowsAsOperator = namesOf(`own-row-${series}`, times);
  await generator.call('createNamespaces', [...rows, ...rowsAsOperator], 16, undefined);
  await settle();
  const operator: number[] = [];
  const deny: number[] = [];
  const limit = new Row();
  const limitAsOperator = new Row();
  for (const [index, row] of rows.entries()) {
    const name = `reaction-${series}-${index}`;
    const ready = observer.call('ready', [name], timeoutMs);
    const createdAt = await generator.call('createNamespace', name, 'tenant');
    const [readyAt = Number.NaN] = await ready;
    operator.push(readyAt - createdAt);
    const deniedAt = (await observer.call('seenAt', policies, name, policyName)) ?? Number.NaN;
    deny.push(deniedAt - createdAt);
    await sleep(pauseBetweenRolesMs);
    limit.add(await generator.call('createInARow', row));
    await sleep(pauseBetweenRolesMs);
    limitAsOperator.add(await asOperator.call('createInARow', rowsAsOperator[index] ?? ''));
    await sleep(pauseBetweenRolesMs);
  }
  return {
    operator: distribution(operator),
    deny: distribution(deny),
    limit: distribution(limit.sums),
    limitAsOperator: distribution(limitAsOperator.sums),
    creates: limit.byKind,
    createsAsOperator: limitAsOperator.byKind,
  };
}

/** The milliseconds of creates in a row. */
class Row {
  readonly sums: number[] = [];
  readonly #byKind: Record<string, number[]> = {};

  add(steps: readonly (readonly [kind: string, ms: number])[]): void {
    this.sums.push(steps.reduce((sum, [, ms]) => sum + ms, 0));
    for (const [kind, ms] of steps) {
      this.#byKind[kind] ??= [];
      this.#byKind[kind].push(ms);
    }
  }

  get byKind(): Readonly<Record<string, Distribution>> {
    return Object.fromEntries(Object.entries(this.#byKind).map(([kind, ms]) => [kind, distribution(ms)]));
  }
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
  atMost?: { readonly p50: number; readonly p99: number },
): Figure[] {
  return (['p50', 'p99'] as const).map((share) => ({
    name: `${name}, ${share}`,
    value: operator[share],
    unit: 'ms',
    limit: limit[share],
    ...(atMost === undefined ? {} : { target: { atMost: atMost[share] } }),
  }));
}
