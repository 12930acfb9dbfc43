import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { type OperatorProcess, operatorNamespace } from '../../../tools/operator/operator-process.ts';
import { eventually } from '../../support/eventually.ts';
import type { ChaosCluster } from '../chaos-cluster.ts';
import { credentialOf, requestsWith, type TrailEvent } from '../credential-trail.ts';
import { chance, form } from '../form.ts';
import { expectOrder, isList } from '../invariants.ts';
import { metric } from '../metrics.ts';

const leaseDurationMs = 15_000;
/** On top of the lease: the follower's own pace, and a machine that is busy. */
const graceMs = 5_000;

/** The leader stops without knowing, and goes on when another leads. */
export function splitBrain(cluster: () => ChaosCluster): void {
  test('a leader that was stopped past its lease writes nothing after another has taken over', async () => {
    const random = chance.fork('split brain');
    const [kubeconfigA, kubeconfigB] = [await cluster().kubeconfig(), await cluster().kubeconfig()];
    await using fleet = await cluster().fleet('split');
    await using a = await cluster().operator({ kubeconfig: kubeconfigA });
    await a.ready();
    await leads(a);
    await using b = await cluster().operator({ kubeconfig: kubeconfigB });
    await b.ready();
    await fleet.grow(2);
    await fleet.plantForeignObjects(2);
    await expectOrder(cluster(), fleet);
    const lists = await metric(b, 'watch_relists_total');
    const mark = await cluster().audit.mark();

    // What it wakes up to is work for a leader: new namespaces, and an edit of the baseline.
    a.signal('SIGSTOP');
    const { renewTime } = await leaseSpec(cluster());
    await fleet.grow(form.burst / 4);
    await fleet.allowPods('30');
    await leads(b);
    const { acquireTime } = await leaseSpec(cluster());
    expect(Date.parse(String(acquireTime)) - Date.parse(String(renewTime))).toBeLessThan(
      leaseDurationMs + graceMs,
    );
    a.signal('SIGCONT');
    await leadsNoMore(a);
    await expectOrder(cluster(), fleet);
    const trail = await requestsWith(cluster().audit, mark);
    const ofB = trail.get(credentialOf(tokenIn(kubeconfigB))) ?? [];
    expect(writesAfterTakeover(trail, kubeconfigA, kubeconfigB)).toEqual([]);
    // Warm: it lists nothing, neither when it takes over nor after.
    expect(ofB.filter(({ verb, requestURI }) => isList(verb, requestURI))).toEqual([]);
    expect(await metric(b, 'watch_relists_total')).toBe(lists);
    if (!form.isFull) return;

    // And back again, in the midst of a burst. What was handed to the kernel before the stop is on its way, and arrives: by the
    // rules of the API it may then create what is not there, or apply; it deletes and replaces only what it has seen.
    const secondMark = await cluster().audit.mark();
    const growing = fleet.grow(form.burst / 2);
    const stopsAfter = (await metric(b, 'writes_total')) + random.below(form.burst * 2);
    await eventually(async () => (await metric(b, 'writes_total')) >= stopsAfter, {
      what: `the leader has done ${stopsAfter} writes`,
      timeoutMs: form.patienceMs,
    });
    b.signal('SIGSTOP');
    await growing;
    await fleet.allowPods('20');
    await leads(a);
    b.signal('SIGCONT');
    await leadsNoMore(b);
    await expectOrder(cluster(), fleet);
    const late = writesAfterTakeover(
      await requestsWith(cluster().audit, secondMark),
      kubeconfigB,
      kubeconfigA,
    );
    expect(late.filter((write) => /^(update|delete)/.test(write))).toEqual([]);
    expect(late.length).toBeLessThanOrEqual(8);
  });
}

/** Told by the log rather than by metrics: it costs the operator nothing to be asked every moment. */
function isLeading({ log }: OperatorProcess): boolean {
  const last = (message: string): number => log.findLastIndex((line) => line.message === message);
  return last('leading') > last('no longer leading');
}

async function leads(operator: OperatorProcess): Promise<void> {
  await eventually(() => isLeading(operator), {
    what: 'the other one leads',
    timeoutMs: leaseDurationMs + graceMs,
  });
}

async function leadsNoMore(operator: OperatorProcess): Promise<void> {
  await eventually(() => !isLeading(operator), {
    what: 'the one that was stopped knows that it leads no more',
  });
}

/** What the former leader wrote, the Lease included, after the new one had it. */
function writesAfterTakeover(
  trail: ReadonlyMap<string, readonly TrailEvent[]>,
  former: string,
  next: string,
): readonly string[] {
  const taken = trail
    .get(credentialOf(tokenIn(next)))
    ?.find((event) => event.objectRef?.resource === 'leases' && isWrite(event) && succeeded(event));
  expect(taken, 'the Lease has been taken').toBeDefined();
  const since = taken?.stageTimestamp ?? '';
  return (trail.get(credentialOf(tokenIn(former))) ?? [])
    .filter((event) => event.stageTimestamp > since && isWrite(event) && succeeded(event))
    .map(({ verb, requestURI }) => `${verb} ${requestURI}`);
}

async function leaseSpec({ admin }: ChaosCluster): Promise<Readonly<Record<string, unknown>>> {
  const { spec } = await admin.get({
    kind: 'Lease',
    namespace: operatorNamespace,
    name: 'security-baseline-operator',
  });
  return spec as Record<string, unknown>;
}

function isWrite({ verb }: TrailEvent): boolean {
  return !['get', 'list', 'watch'].includes(verb);
}

function succeeded({ responseStatus }: TrailEvent): boolean {
  return (responseStatus?.code ?? 0) < 300;
}

function tokenIn(kubeconfigPath: string): string {
  return parse(readFileSync(kubeconfigPath, 'utf8')).users[0].user.token;
}
