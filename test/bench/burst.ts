/** How many namespaces a second are hardened when very many come at once, against the limit. */
import { BenchCluster, type BenchClusterOptions, namesOf } from './cluster.ts';
import { median } from './distribution.ts';
import { type CpuUse, load } from './machine.ts';
import { roleOf } from './objects.ts';
import { sharedNowMs } from './remote.ts';
import type { Figure, ScenarioResult } from './result.ts';

/** How large the scenario is. */
export interface BurstSize {
  /** Namespaces in each burst. */
  readonly namespaces: number;
  /** Runs of the operator with each set of rights; the limit is taken before, between and after them. */
  readonly rounds: number;
}

/** The settings of the limit that are tried; the best one counts. */
const concurrencies = [8, 16, 32, 64];
const calibrationNamespaces = 150;
const timeoutMs = 600_000;

interface Run {
  readonly namespacesPerSecond: number;
  readonly cpu: CpuUse;
}

/** The limit, taken anew before each {@link Runs} and after the last. */
interface Limit {
  /** Seven objects in namespaces that are there. */
  readonly objects: Run;
  /** Namespaces, and their objects. */
  readonly namespaces: Run;
}

/** One of each, under one set of the operator's rights. */
interface Runs {
  /** The limit's objects, created with these rights. */
  readonly asOperator: Run;
  readonly rollout: Run;
  readonly burst: Run;
}

/** Runs, and the limit's right before and after them: a machine that others share is not as fast now as a minute ago. */
interface Measured {
  readonly isBound: boolean;
  readonly before: Limit;
  readonly runs: Runs;
  readonly after: Limit;
}

/**
 * Two comparisons of equal work: a rollout, where namespaces are there and a baseline comes to select them all, against
 * creating the seven objects in namespaces that are there; and a burst of new namespaces, against creating namespaces and
 * their objects. The operator does not run while the limit is taken; each of its runs is compared with the mean of the limit's
 * before and after it.
 */
export async function burst(size: BurstSize, options: BenchClusterOptions): Promise<ScenarioResult> {
  await using cluster = await BenchCluster.start(options);
  const loadBefore = load();
  const bench = new BurstBench(cluster, size.namespaces);
  await bench.prepare();
  const concurrency = await bench.calibrate();

  const roles = ['tenant', ...Array.from({ length: 2 * size.rounds }, (_, index) => rolloutOf(index))].map(
    roleOf,
  );
  const measured: Measured[] = [];
  let before = await bench.limit();
  for (let round = 0; round < 2 * size.rounds; round += 1) {
    const isBound = round % 2 === 1;
    if (isBound) await cluster.allowBinding(roles);
    const runs = await bench.runs();
    if (isBound) await cluster.forbidBinding();
    const after = await bench.limit();
    measured.push({ isBound, before, runs, after });
    before = after;
  }
  const plain = measured.filter(({ isBound }) => !isBound);
  const bound = measured.filter(({ isBound }) => isBound);
  const target = { atLeast: 0.85 };
  const count = size.namespaces.toLocaleString('en-US');
  return {
    scenario: `burst of ${count} namespaces`,
    load: [loadBefore, load()],
    figures: [
      { ...figureOf('created and hardened', plain, 'burst', 'namespaces'), target },
      { ...figureOf('same, bind by name', bound, 'burst', 'namespaces'), target },
      { ...figureOf('hardened, all selected at once', plain, 'rollout', 'objects'), target },
      { ...figureOf('same, bind by name', bound, 'rollout', 'objects'), target },
      figureOf("limit with the operator's rights", plain, 'asOperator', 'objects'),
      figureOf('same, bind by name', bound, 'asOperator', 'objects'),
    ],
    details: { concurrency, measured },
  };
}

function figureOf(
  name: string,
  measured: readonly Measured[],
  what: keyof Runs,
  limitOf: keyof Limit,
): Figure {
  const pairs = measured.map(({ before, runs, after }) => ({
    value: runs[what].namespacesPerSecond,
    limit: (before[limitOf].namespacesPerSecond + after[limitOf].namespacesPerSecond) / 2,
  }));
  return {
    name,
    value: median(pairs.map(({ value }) => value)),
    unit: 'ns/s',
    limit: median(pairs.map(({ limit }) => limit)),
    ratio: median(pairs.map(({ value, limit }) => value / limit)),
  };
}

/** The baselines of the rollouts; each needs one that selects nothing yet. */
function rolloutOf(index: number): string {
  return `rollout${index}`;
}

class BurstBench {
  readonly #cluster: BenchCluster;
  readonly #count: number;
  #concurrency = 0;
  #series = 0;
  #rollouts = 0;

  constructor(cluster: BenchCluster, count: number) {
    this.#cluster = cluster;
    this.#count = count;
  }

  async prepare(): Promise<void> {
    const { generator } = this.#cluster;
    await this.#cluster.startOperator();
    await this.#cluster.harden(['template'], 'tenant');
    await generator.call('use', await this.#cluster.templates('template'));
    await this.#cluster.stopOperator();
  }

  /** The best concurrency, from one try of each after one that only warms up. */
  async calibrate(): Promise<Readonly<Record<number, number>>> {
    const speeds: Record<number, number> = {};
    for (const concurrency of [concurrencies[0] ?? 1, ...concurrencies]) {
      const { namespacesPerSecond } = await this.#limitOfObjects(calibrationNamespaces, concurrency);
      speeds[concurrency] = namespacesPerSecond;
    }
    this.#concurrency = concurrencies.toSorted((a, b) => (speeds[b] ?? 0) - (speeds[a] ?? 0))[0] ?? 0;
    return speeds;
  }

  async limit(): Promise<Limit> {
    const objects = await this.#limitOfObjects(this.#count, this.#concurrency);
    return { objects, namespaces: await this.#limitOfNamespaces() };
  }

  async #limitOfObjects(count: number, concurrency: number): Promise<Run> {
    const { generator } = this.#cluster;
    const names = await this.#createNamespaces(count, undefined);
    return await this.#run(count, () => generator.call('createObjects', names, concurrency));
  }

  /** With the rights that the operator has now. */
  async runs(): Promise<Runs> {
    const asOperator = await this.#limitAsOperator();
    await this.#cluster.startWarmOperator();
    const rollout = await this.#rollout();
    const burst = await this.#burst();
    await this.#cluster.stopOperator();
    return { asOperator, rollout, burst };
  }

  /** Under the operator's credentials: what the API server's check against privilege escalation costs. */
  async #limitAsOperator(): Promise<Run> {
    const cluster = this.#cluster;
    await using generator = cluster.newGenerator(cluster.kubeconfig);
    await generator.call('use', await cluster.templates('template'));
    const warmUp = await this.#createNamespaces(calibrationNamespaces, undefined);
    await generator.call('createObjects', warmUp, this.#concurrency);
    const names = await this.#createNamespaces(this.#count, undefined);
    return await this.#run(this.#count, () => generator.call('createObjects', names, this.#concurrency));
  }

  async #limitOfNamespaces(): Promise<Run> {
    const { generator } = this.#cluster;
    const names = this.#names(this.#count);
    const run = await this.#run(this.#count, () =>
      generator.call('createNamespacesWithObjects', names, this.#concurrency),
    );
    await this.#cluster.settle();
    return run;
  }

  /** Namespaces are there, and a new baseline selects them all at once. */
  async #rollout(): Promise<Run> {
    const { observer } = this.#cluster;
    const baseline = rolloutOf(this.#rollouts);
    this.#rollouts += 1;
    const names = await this.#createNamespaces(this.#count, baseline);
    return await this.#run(this.#count, async () => {
      const startedAt = sharedNowMs();
      const [readyAt] = await Promise.all([
        observer.call('ready', names, timeoutMs),
        this.#cluster.applyBaseline(baseline),
      ]);
      return lastOf(readyAt) - startedAt;
    });
  }

  /** Namespaces are created at the limit's own concurrency. */
  async #burst(): Promise<Run> {
    const { generator, observer } = this.#cluster;
    const names = this.#names(this.#count);
    const run = await this.#run(this.#count, async () => {
      const startedAt = sharedNowMs();
      const [readyAt] = await Promise.all([
        observer.call('ready', names, timeoutMs),
        generator.call('createNamespaces', names, this.#concurrency, 'tenant'),
      ]);
      return lastOf(readyAt) - startedAt;
    });
    await this.#cluster.settle();
    return run;
  }

  async #createNamespaces(count: number, baseline: string | undefined): Promise<string[]> {
    const names = this.#names(count);
    await this.#cluster.generator.call('createNamespaces', names, 16, baseline);
    await this.#cluster.settle();
    return names;
  }

  async #run(count: number, work: () => Promise<number>): Promise<Run> {
    const account = this.#cluster.accountCpu();
    const ms = await work();
    return { namespacesPerSecond: (count * 1000) / ms, cpu: account() };
  }

  #names(count: number): string[] {
    this.#series += 1;
    return namesOf(`b${this.#series}`, count);
  }
}

function lastOf(times: readonly number[]): number {
  return times.reduce((last, time) => Math.max(last, time), 0);
}
