import { describe, expect, test } from 'vitest';
import type { KubernetesObject } from '../../../src/api/objects.ts';
import type { SecurityBaseline } from '../../../src/api/types.generated.ts';
import type { ClusterFacts } from '../../../src/baseline/cluster-facts.ts';
import { compose, selectingBaselines } from '../../../src/baseline/desired.ts';
import { expectedIn, missingIn, ourObjectsIn, podSecurityLabels } from '../../../tools/demo/expected.ts';
import { Observer } from '../../../tools/demo/observer.ts';
import { readManifests } from '../../../tools/operator/manifests.ts';
import { hardened } from './hardened.ts';

const [baseline] = readManifests('config/samples/tenant.yaml') as unknown as readonly [SecurityBaseline];
const [grantable] = readManifests('config/samples/grantable.yaml') as unknown as readonly [{ rules: [] }];
/** Only what this baseline asks of a cluster. */
const cluster = {
  dns: { namespace: 'kube-system', podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } }, ports: [] },
  grantable: grantable.rules,
} as unknown as ClusterFacts;

describe('what the demo expects', () => {
  test('is what the sample baseline declares, no more and no less', () => {
    const desired = compose([baseline], cluster);
    expect(desired.problems).toEqual([]);
    const declared = desired.objects.map(({ kind, name }) => `${kind} ${name}`);
    const shared = ['ServiceAccount default', 'Namespace shop'];
    const expected = expectedIn('shop').map(({ kind, name }) => `${kind} ${name}`);
    expect(expected.toSorted()).toEqual([...declared, ...shared].toSorted());
    expect(desired.denyDefaultToken).toBe(true);
    expect(desired.podSecurity.enforce).toMatchObject({ level: 'restricted', version: 'latest' });
  });

  test.each([
    ['shop', { environment: 'prod' }, 1],
    ['playground', { environment: 'dev' }, 0],
    ['sandbox-ana', { environment: 'prod' }, 0],
  ])('counts on the sample for %s', (name, labels, baselines) => {
    expect(selectingBaselines([baseline], { name, labels })).toHaveLength(baselines);
  });

  test('is met by a hardened namespace, and by no other', () => {
    const observer = new Observer(new AbortController().signal);
    expect(missingIn(observer, 'shop')).toHaveLength(expectedIn('shop').length);
    for (const object of hardened('shop')) observer.observe('ADDED', object);
    expect(missingIn(observer, 'shop')).toEqual([]);
    expect(ourObjectsIn(observer, 'shop')).toHaveLength(expectedIn('shop').length - 2);
  });

  test.each<[string, string, (object: KubernetesObject) => KubernetesObject]>([
    [
      'a rule more in the deny policy',
      'NetworkPolicy tenant.default-deny',
      (policy) => ({ ...policy, spec: { ...(policy.spec as object), ingress: [{}] } }),
    ],
    [
      'a higher quota',
      'ResourceQuota tenant.compute',
      (quota) => ({ ...quota, spec: { hard: { ...(quota.spec as { hard: object }).hard, pods: '101' } } }),
    ],
    [
      'a weaker Pod Security label',
      'Namespace shop',
      (namespace) => ({
        ...namespace,
        metadata: {
          name: 'shop',
          labels: { ...podSecurityLabels, 'pod-security.kubernetes.io/enforce': 'privileged' },
        },
      }),
    ],
    [
      'an object without our labels',
      'Role tenant.app',
      (role) => ({ ...role, metadata: { ...role.metadata, labels: {} } }),
    ],
  ])('is not met with %s', (_, changed, change) => {
    const observer = new Observer(new AbortController().signal);
    for (const object of hardened('shop')) {
      const isIt = `${object.kind} ${object.metadata.name}` === changed;
      observer.observe('ADDED', isIt ? change(object) : object);
    }
    expect(missingIn(observer, 'shop')).toEqual([`${changed} differs`]);
  });
});
