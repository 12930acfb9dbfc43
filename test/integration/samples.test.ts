import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyManifests, readManifests } from '../../tools/operator/manifests.ts';
import { loadKubeconfig } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorHarness } from '../support/operator-harness.ts';

let harness: OperatorHarness;

beforeAll(async () => {
  harness = await OperatorHarness.start();
});
afterAll(async () => {
  await harness[Symbol.asyncDispose]();
});

/** Applies a file of samples, creates a namespace for each set of labels, and runs the check; then takes all away. */
async function withSample(
  file: string,
  labels: readonly Readonly<Record<string, string>>[],
  check: (namespaces: readonly string[]) => Promise<void>,
): Promise<void> {
  const objects = readManifests(`config/samples/${file}.yaml`);
  const baselines = objects.map(
    ({ metadata }) => ({ kind: 'SecurityBaseline', name: metadata?.name ?? '' }) as const,
  );
  const prefix = `${file}-${randomBytes(3).toString('hex')}`;
  const namespaces = labels.map((_, index) => `${prefix}-${index}`);
  try {
    await applyManifests(loadKubeconfig(harness.controlPlane.adminKubeconfig), objects);
    for (const [index, name] of namespaces.entries()) {
      await harness.admin.create({ kind: 'Namespace', name }, { metadata: { labels: labels[index] } });
    }
    await check(namespaces);
  } finally {
    for (const name of namespaces) await harness.admin.delete({ kind: 'Namespace', name });
    for (const target of baselines) {
      const found = await harness.admin.find(target);
      const annotations = { 'securitybaseline.io/allow-deletion': String(found?.metadata.generation) };
      if (found !== undefined) await harness.admin.mergePatch(target, { metadata: { annotations } });
      await harness.admin.delete(target);
    }
  }
}

async function eventuallyHas(namespace: string, objects: readonly string[]): Promise<void> {
  await eventually(async () => expect(await harness.managedObjects(namespace)).toEqual([...objects].sort()), {
    what: `${namespace} has what its baselines declare`,
    timeoutMs: 30_000,
  });
}

async function enforcedLevel(namespace: string): Promise<string | undefined> {
  const { metadata } = await harness.admin.get({ kind: 'Namespace', name: namespace });
  return metadata.labels?.['pod-security.kubernetes.io/enforce'];
}

describe('the sample for', () => {
  test('one team hardens every namespace', async () => {
    await withSample('one-team', [{}], async ([namespace = '']) => {
      await eventuallyHas(namespace, [
        'LimitRange floor.defaults',
        'NetworkPolicy floor.allow-gateway',
        'NetworkPolicy floor.allow-monitoring',
        'NetworkPolicy floor.allow-same-namespace',
        'NetworkPolicy floor.default-deny',
      ]);
      expect(await enforcedLevel(namespace)).toBe('baseline');
    });
  });

  test('many tenants leaves no label as the way out, and adds up with a second baseline', async () => {
    const everybody = [
      'LimitRange tenants.defaults',
      'NetworkPolicy tenants.allow-dns',
      'NetworkPolicy tenants.allow-gateway',
      'NetworkPolicy tenants.allow-same-namespace',
      'NetworkPolicy tenants.default-deny',
      'ResourceQuota tenants.compute',
      'ResourceQuota tenants.exposure',
      'ServiceAccount app',
    ];
    await withSample(
      'many-tenants',
      [{ team: 'a' }, { handles: 'payments' }],
      async ([plain = '', payments = '']) => {
        await eventuallyHas(plain, everybody);
        await eventuallyHas(payments, [...everybody, 'NetworkPolicy payments.to-payment-provider']);
        await harness.admin.mergePatch(
          { kind: 'Namespace', name: plain },
          { metadata: { labels: { team: null } } },
        );
        await eventuallyHas(plain, everybody);
      },
    );
  });

  test('dev and prod gives production more, and tells what egress control would change for developers', async () => {
    await withSample(
      'dev-and-prod',
      [{ environment: 'dev' }, { environment: 'prod' }],
      async ([dev = '', prod = '']) => {
        await eventuallyHas(dev, [
          'NetworkPolicy common.allow-same-namespace',
          'NetworkPolicy common.default-deny',
        ]);
        await eventuallyHas(prod, [
          'LimitRange prod.defaults',
          'NetworkPolicy common.allow-same-namespace',
          'NetworkPolicy common.default-deny',
          'NetworkPolicy prod.allow-dns',
          'NetworkPolicy prod.allow-kubernetes-api',
          'NetworkPolicy prod.default-deny',
          'ResourceQuota prod.compute',
        ]);
        expect(await enforcedLevel(dev)).toBe('baseline');
        expect(await enforcedLevel(prod)).toBe('restricted');
        await eventually(
          async () => {
            const { status } = await harness.admin.get({ kind: 'SecurityBaseline', name: 'dev-egress' });
            expect(status).toMatchObject({ audit: { namespaces: 1, first: [{ namespace: dev }] } });
          },
          { what: 'the audited baseline says what it would change' },
        );
      },
    );
  });
});
