import { describe, expect, test } from 'vitest';
import { ClusterView } from '../../../src/controller/cluster-view.ts';
import { createWatchedResources } from '../../../src/controller/watched-resources.ts';
import { Fingerprinter } from '../../../src/diff/fingerprint.ts';

/** What is seen of a namespace created at `namespaceAt` that the watches say holds a policy created at `policyAt`. */
function seen(namespaceAt: string, policyAt: string | undefined): string[] {
  const resources = createWatchedResources(new Fingerprinter(), {
    grantableRole: 'g',
    namespace: 'operator',
  });
  const view = new ClusterView(resources, []);
  const list = (plural: string, apiVersion: string, kind: string, metadata: object): void => {
    const identity = { uid: `uid-of-${kind}`, resourceVersion: '7' };
    resources.all
      .find(({ type }) => type.plural === plural)
      ?.store.swap([{ apiVersion, kind, metadata: { name: 'x', ...identity, ...metadata } }], '7');
  };
  list('namespaces', 'v1', 'Namespace', { name: 'team-a', creationTimestamp: namespaceAt });
  list('networkpolicies', 'networking.k8s.io/v1', 'NetworkPolicy', {
    namespace: 'team-a',
    name: 'tenant.default-deny',
    creationTimestamp: policyAt,
  });
  const namespace = view.namespace('team-a');
  if (namespace === undefined) throw new Error('the namespace is not seen');
  const observed = view.observed(namespace);
  const all = Array.from(observed.objects('NetworkPolicy'), ({ name }) => name);
  expect(observed.object('NetworkPolicy', 'tenant.default-deny')?.name).toBe(all[0]);
  return all;
}

describe('in a namespace', () => {
  test('what is older than it is not seen: it was in one that had the name before, and is gone', () => {
    expect(seen('2026-01-01T00:01:00Z', '2026-01-01T00:00:54Z')).toEqual([]);
    expect(seen('2026-01-01T00:01:00Z', '2025-06-01T00:00:00Z')).toEqual([]);
  });

  test.each([
    ['was created with it', '2026-01-01T00:01:00Z'],
    ['was created after it', '2026-01-01T00:01:01Z'],
    ['looks older by no more than the clocks of API servers differ', '2026-01-01T00:00:55Z'],
    ['has no time of creation', undefined],
  ])('what %s is seen', (_what, policyAt) => {
    expect(seen('2026-01-01T00:01:00Z', policyAt)).toEqual(['tenant.default-deny']);
  });
});
