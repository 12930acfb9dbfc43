import { describe, expect, test } from 'vitest';
import type { BaselineException } from '../../../src/api/types.generated.ts';
import { createWatchedResources, type ServedObject } from '../../../src/controller/watched-resources.ts';
import { type WiringParts, wire } from '../../../src/controller/wiring.ts';
import { Fingerprinter } from '../../../src/diff/fingerprint.ts';
import type { ApiClient, ApiRequest } from '../../../src/kube/api-client.ts';
import { WorkQueue } from '../../../src/runtime/work-queue.ts';
import { Metrics } from '../../../src/telemetry/metrics.ts';
import { baseline } from '../baseline/fixtures.ts';
import { FakeClock } from '../runtime/fake-clock.ts';

const nothing = (): void => undefined;
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => silent };

/** The real parts over a client that is the test's, and stores that the test fills. */
function wired(request: (asked: ApiRequest) => Promise<unknown>) {
  const clock = new FakeClock();
  const fingerprinter = new Fingerprinter();
  const resources = createWatchedResources(fingerprinter, {
    grantableRole: 'grantable',
    namespace: 'system',
  });
  const queue = new WorkQueue<string>({ clock });
  const wiring = wire({
    client: { request } as unknown as ApiClient,
    resources,
    fingerprinter,
    queue,
    clock,
    logger: silent,
    metrics: new Metrics('1'),
    settings: {
      namespace: 'system',
      protectedNamespaces: [],
      clusterCidrs: [],
      identity: 'test',
      removalThreshold: 10,
      removalWindowMs: 300_000,
      resyncIntervalMs: 600_000,
    },
  } satisfies WiringParts);
  const storeOf = (plural: string) => resources.all.find(({ type }) => type.plural === plural)?.store;
  /** A watch event of an object. */
  const seen = (plural: string, object: object): void =>
    storeOf(plural)?.apply('MODIFIED', object as ServedObject);
  return { queue, wiring, storeOf, seen };
}

function allowing(): object {
  const made = baseline('tenant', {
    networkPolicy: { defaultDeny: ['Egress'] },
    exceptions: { allow: ['Quota'] },
    mode: 'Enforce',
  });
  return { ...made, metadata: { ...made.metadata, resourceVersion: '2' } };
}

/** Asks for more pods for a while, as stored at a version. */
function morePods(resourceVersion: string, status: BaselineException['status'] = {}): object {
  return {
    apiVersion: 'securitybaseline.io/v1alpha1',
    kind: 'BaselineException',
    metadata: {
      name: 'more',
      namespace: 'team-a',
      uid: 'uid-of-more',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      resourceVersion,
    },
    spec: {
      reason: 'a migration needs it',
      expiresAt: '2026-01-01T08:00:00Z',
      quota: { hard: { pods: '30' } },
    },
    status,
  };
}

describe('an approval that changes just before the operator writes its part of the status', () => {
  const approval = { by: 'security', uid: 'uid-of-more', generation: 1 };
  test.each([
    ['given', {}, { approval }],
    ['taken back', { approval }, {}],
    ['given by another', { approval }, { approval: { ...approval, by: 'the auditors' } }],
  ])('is news where it was %s: its own event will be none', async (_what, before, after) => {
    const { wiring, queue, storeOf, seen } = wired(async ({ operation, body }) => {
      const { name, namespace } = operation;
      if (operation.resource === 'baselineexceptions/status') {
        // Version 6 is somebody else's; its event is still on its way.
        return morePods('7', { ...(body as BaselineException).status, ...after });
      }
      const written = body as ServedObject;
      const metadata = { ...written?.metadata, name, namespace, uid: `uid-of-${name}`, resourceVersion: '4' };
      return { ...written, metadata };
    });
    seen('securitybaselines', allowing());
    seen('namespaces', { metadata: { name: 'team-a', uid: 'uid-of-team-a', resourceVersion: '3' } });
    seen('baselineexceptions', morePods('5', before));
    const told: (string | undefined)[] = [];
    storeOf('baselineexceptions')?.onChange(({ current }) => told.push(current?.resourceVersion));
    wiring.requests.open();
    await queue.take();

    await wiring.reconcile('team-a', new AbortController().signal);
    seen('baselineexceptions', morePods('6', after));

    expect(told).toEqual(['7']);
  });
});
