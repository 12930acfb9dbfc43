import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { operatorNamespace } from '../../../tools/operator/operator-process.ts';
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
    const [credentialA, credentialB] = [kubeconfigA, kubeconfigB].map((path) => credentialOf(tokenIn(path)));
    await using fleet = await cluster().fleet('split');
    await using a = await cluster().operator({ kubeconfig: kubeconfigA });
    await a.ready();
    await eventually(async () => expect(await metric(a, 'leader')).toBe(1), { what: 'the first one leads' });
    await using b = await cluster().operator({ kubeconfig: kubeconfigB });
    await b.ready();
    await fleet.grow(2);
    await fleet.plantForeignObjects(2);
    const lists = await metric(b, 'watch_relists_total');
    const mark = await cluster().audit.mark();

    const growing = fleet.grow(form.burst / 2);
    const before = await metric(a, 'writes_total');
    const stopsAfter = before + random.below(form.burst * 2);
    await eventually(async () => (await metric(a, 'writes_total')) >= stopsAfter, {
      what: `the leader has done ${stopsAfter} writes`,
      timeoutMs: form.patienceMs,
    });
    a.signal('SIGSTOP');
    await growing;
    const lastRenewal = Date.parse(String((await leaseSpec(cluster())).renewTime));
    // What the stopped one was about to write is no longer what is wanted.
    await fleet.allowPods('30');
    await eventually(async () => expect(await metric(b, 'leader')).toBe(1), {
      what: 'the second one leads',
      timeoutMs: leaseDurationMs + graceMs,
    });
    const { acquireTime } = await leaseSpec(cluster());
    expect(Date.parse(String(acquireTime)) - lastRenewal).toBeLessThan(leaseDurationMs + graceMs);
    a.signal('SIGCONT');
    await eventually(() => expect(a.log.map(({ message }) => message)).toContain('no longer leading'), {
      what: 'the first one knows',
    });
    await expectOrder(cluster(), fleet);

    const trail = await requestsWith(cluster().audit, mark);
    const ofA = trail.get(credentialA ?? '') ?? [];
    const ofB = trail.get(credentialB ?? '') ?? [];
    const acquired = ofB.find((event) => isWrite(event) && isLease(event) && succeeded(event));
    expect(acquired).toBeDefined();
    const since = acquired?.stageTimestamp ?? '';
    expect(ofA.filter((event) => isWrite(event) && !isLease(event) && succeeded(event))).not.toEqual([]);
    expect(ofA.filter((event) => event.stageTimestamp > since && isWrite(event) && succeeded(event))).toEqual(
      [],
    );
    // Warm: it lists nothing, neither when it takes over nor ever.
    expect(ofB.filter(({ verb, requestURI }) => isList(verb, requestURI))).toEqual([]);
    expect(await metric(b, 'watch_relists_total')).toBe(lists);

    // And back again, the hard way.
    b.signal('SIGKILL');
    await fleet.grow(2);
    await eventually(async () => expect(await metric(a, 'leader')).toBe(1), {
      what: 'the first one leads again',
      timeoutMs: leaseDurationMs + graceMs,
    });
    await expectOrder(cluster(), fleet);
  });
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

function isLease({ objectRef }: TrailEvent): boolean {
  return objectRef?.resource === 'leases';
}

function succeeded({ responseStatus }: TrailEvent): boolean {
  return (responseStatus?.code ?? 0) < 300;
}

function tokenIn(kubeconfigPath: string): string {
  return parse(readFileSync(kubeconfigPath, 'utf8')).users[0].user.token;
}
