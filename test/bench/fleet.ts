/** Ten thousand namespaces with seven objects each: memory, restart, a rollout, and doing nothing. */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { operatorNamespace, operatorServiceAccount } from '../../tools/operator/operator-process.ts';
import { AuditLog } from '../support/audit-log.ts';
import { type ListResult, listWays, unreadProtobuf } from './bare-list.ts';
import { BenchCluster, type BenchClusterOptions, namesOf } from './cluster.ts';
import { distribution, median } from './distribution.ts';
import { load, memory } from './machine.ts';
import { roleOf } from './objects.ts';
import { sharedNowMs } from './remote.ts';
import type { ScenarioResult } from './result.ts';

/** How large the scenario is. */
export interface FleetSize {
  readonly namespaces: number;
  /** Restarts, each between two bare lists. */
  readonly restarts: number;
  /** Namespaces created while a rollout is under way. */
  readonly duringRollout: number;
  readonly idleMs: number;
}

const timeoutMs = 3_600_000;
const memoryTargetMiB = 220;
/** Memory counts as grown from here on; what the garbage collector leaves lying about varies by less. MiB. */
const noiseMiB = 5;
/** How often memory is looked at while nothing happens. Milliseconds. */
const sampleMs = 5000;
/** Periodic looks at all namespaces while nothing happens: at least one in each quarter of the time. */
const idleLooks = 5;
const operatorUser = `system:serviceaccount:${operatorNamespace}:${operatorServiceAccount}`;
const run = promisify(execFile);

export async function fleet(size: FleetSize, options: BenchClusterOptions): Promise<ScenarioResult> {
  // The audit log tells who wrote and listed, and nobody else's requests are taken for the operator's.
  await using cluster = await BenchCluster.start({ ...options, auditLevel: 'Metadata' });
  const audit = new AuditLog(cluster.controlPlane.auditLogPath ?? '');
  const loadBefore = load();
  await cluster.startOperator();
  const names = namesOf('fleet', size.namespaces);
  const fillStartedAt = sharedNowMs();
  await cluster.harden(names, 'tenant');
  const fillSeconds = (sharedNowMs() - fillStartedAt) / 1000;
  await cluster.settle();
  const filled = memory(cluster.operator.pid);

  const restarts: Restart[] = [];
  const lists: ListTimes[] = [await bareLists(cluster)];
  for (let index = 0; index < size.restarts; index += 1) {
    restarts.push(await restart(cluster, audit));
    lists.push(await bareLists(cluster));
  }
  const restarted = memory(cluster.operator.pid);
  const rollout = await measureRollout(cluster, size, { series: 'plain', pods: '60' });
  await cluster.settle();
  await cluster.allowBinding([roleOf('tenant')]);
  const bound = await measureRollout(cluster, size, { series: 'bound', pods: '70' });
  await cluster.settle();
  const rolledOut = memory(cluster.operator.pid);
  const idle = await measureIdle(cluster, audit, size.idleMs);

  const restartMs = median(restarts.map(({ ms }) => ms));
  const bareMs = median(lists.map(({ best }) => best));
  const peaks = [filled, ...restarts.map((each) => each.memory), rolledOut, idle].map((each) => each.peak);
  const peak = Math.max(...peaks);
  const count = size.namespaces.toLocaleString('en-US');
  return {
    scenario: `${count} namespaces`,
    load: [loadBefore, load()],
    figures: [
      { name: 'memory after filling', value: filled.now, unit: 'MiB', target: { atMost: memoryTargetMiB } },
      {
        name: 'memory after a restart',
        value: restarted.now,
        unit: 'MiB',
        target: { atMost: memoryTargetMiB },
      },
      { name: 'memory at its peak', value: peak, unit: 'MiB', target: { atMost: memoryTargetMiB } },
      { name: 'restart to all verified', value: restartMs, unit: 'ms', limit: bareMs, target: { atMost: 2 } },
      {
        name: 'writes by restarts',
        value: restarts.reduce((sum, { writes }) => sum + writes, 0),
        unit: '',
        target: { atMost: 0 },
      },
      {
        name: 'new namespace in a rollout, max',
        value: rollout.reaction.max,
        unit: 'ms',
        target: { atMost: 1000 },
      },
      { name: 'same, bind by name', value: bound.reaction.max, unit: 'ms', target: { atMost: 1000 } },
      {
        name: `writes in ${size.idleMs / 60_000} idle minutes`,
        value: idle.writes,
        unit: '',
        target: { atMost: 0 },
      },
      { name: 'lists meanwhile', value: idle.lists, unit: '', target: { atMost: 0 } },
      { name: 'growth of memory meanwhile', value: idle.growth, unit: 'MiB', target: { atMost: noiseMiB } },
    ],
    details: { fillSeconds, filled, restarts, restarted, lists, rollout, bound, rolledOut, idle },
  };
}

interface Restart {
  /** From the process' start until it has looked at every namespace. */
  readonly ms: number;
  readonly writes: number;
  readonly memory: ReturnType<typeof memory>;
}

/** A clean stop, so that no lease has to run out first. */
async function restart(cluster: BenchCluster, audit: AuditLog): Promise<Restart> {
  await cluster.stopOperator();
  await cluster.settle();
  const mark = await audit.mark();
  const startedAt = sharedNowMs();
  const operator = await cluster.startOperator();
  const ms = sharedNowMs() - startedAt;
  await cluster.settle();
  const writes = await audit.writesBy(operatorUser, mark);
  if (writes.length > 0) console.error('writes after a restart:', writes.slice(0, 5));
  return { ms, writes: writes.length, memory: memory(operator.pid) };
}

/** Milliseconds by way, and the best of them that reads what it lists: the whole process, as with the operator's restart. */
type ListTimes = Readonly<Record<keyof typeof listWays | typeof unreadProtobuf | 'best', number>>;

async function bareLists({ controlPlane }: BenchCluster): Promise<ListTimes> {
  const module = new URL('bare-list.ts', import.meta.url).pathname;
  async function time(way: string): Promise<number> {
    const startedAt = sharedNowMs();
    const { stdout } = await run(process.execPath, [module, controlPlane.adminKubeconfig, way]);
    const ms = sharedNowMs() - startedAt;
    const { objects, bytes } = JSON.parse(stdout) as ListResult;
    if ((way === unreadProtobuf ? bytes : objects) === 0) throw new Error(`nothing listed by ${way}`);
    return ms;
  }
  const times: Record<string, number> = {};
  for (const way of Object.keys(listWays)) times[way] = await time(way);
  const best = Math.min(...Object.values(times));
  return { ...times, best, [unreadProtobuf]: await time(unreadProtobuf) } as ListTimes;
}

/** The baseline is edited so that one object changes in each namespace; meanwhile new namespaces come. `pods` is the edit. */
async function measureRollout(
  cluster: BenchCluster,
  { namespaces, duringRollout }: FleetSize,
  { series, pods }: { readonly series: string; readonly pods: string },
): Promise<{ readonly seconds: number; readonly reaction: ReturnType<typeof distribution> }> {
  const { generator, observer } = cluster;
  const resource = 'resourcequotas';
  const writtenBefore = await quotasUpdated(cluster);
  const written = async (): Promise<number> => (await quotasUpdated(cluster)) - writtenBefore;
  // The controller manager writes each quota's status once more, so the end is told by the operator's own figure.
  const before = (await observer.call('modifications'))[resource] ?? 0;
  const startedAt = sharedNowMs();
  await cluster.applyBaseline('tenant', pods);
  await observer.call('modified', resource, before + namespaces / 100, timeoutMs);
  const times: number[] = [];
  for (const name of namesOf(series, duringRollout)) {
    const ready = observer.call('ready', [name], timeoutMs);
    const createdAt = await generator.call('createNamespace', name, 'tenant');
    const [readyAt = Number.NaN] = await ready;
    times.push(readyAt - createdAt);
  }
  if ((await written()) >= namespaces)
    throw new Error('the rollout was over before the last new namespace was hardened');
  while ((await written()) < namespaces) await sleep(250);
  return { seconds: (sharedNowMs() - startedAt) / 1000, reaction: distribution(times) };
}

/** By the operator, since it started. */
async function quotasUpdated({ operator }: BenchCluster): Promise<number> {
  const series = 'security_baseline_writes_total{kind="ResourceQuota",action="updated"}';
  const line = (await operator.metrics()).split('\n').find((text) => text.startsWith(series));
  return line === undefined ? 0 : Number(line.slice(series.length));
}

/**
 * Nobody does anything, and the operator looks at all namespaces {@link idleLooks} times, so that what a look leaves behind adds up. Growth is the least of the last quarter less the least of the second: what stays, without what the
 * garbage collector has yet to fetch.
 */
async function measureIdle(
  cluster: BenchCluster,
  audit: AuditLog,
  idleMs: number,
): Promise<{
  readonly writes: number;
  readonly lists: number;
  readonly growth: number;
  /** Of the memory of this run of the operator. */
  readonly peak: number;
  readonly samples: readonly number[];
}> {
  await cluster.stopOperator();
  const operator = await cluster.startOperator([`--resync-interval=${idleMs / idleLooks}ms`]);
  await cluster.settle();
  const mark = await audit.mark();
  const begun = new Date().toISOString();
  const samples: number[] = [];
  for (let left = idleMs; left > 0; left -= sampleMs) {
    await sleep(Math.min(left, sampleMs));
    samples.push(memory(operator.pid).now);
  }
  const requests = await audit.since(mark);
  const quarter = Math.ceil(samples.length / 4);
  return {
    writes: (await audit.writesBy(operatorUser, mark)).length,
    lists: requests.filter(
      ({ verb, user, requestURI, requestReceivedTimestamp }) =>
        user.username === operatorUser &&
        requestReceivedTimestamp > begun &&
        (verb === 'list' || requestURI.includes('sendInitialEvents=true')),
    ).length,
    growth: Math.max(
      0,
      Math.min(...samples.slice(-quarter)) - Math.min(...samples.slice(quarter, 2 * quarter)),
    ),
    peak: memory(operator.pid).peak,
    samples,
  };
}
