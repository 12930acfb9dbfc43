import { beforeAll, describe, expect, it } from 'vitest';
import { hardenedAnnotation } from '../../../src/api/labels.ts';
import { eventually } from '../../support/eventually.ts';
import { admin, dryRun, mergePatch, operator, tenant } from './cluster.ts';
import { paths, pod, templates } from './pods.ts';
import { type ClusterOf, tryEach } from './table.ts';

const held = /baseline hold, admission\.holdPodsUntilHardened: namespace \S+ is not hardened yet/;

/** Pods are held until the operator has marked their namespace. */
export function holdTests(cluster: ClusterOf): void {
  describe('holding pods until their namespace is hardened', () => {
    let uid: string;

    beforeAll(async () => {
      const baseline = await cluster().baseline('hold', {
        namespaceSelector: { matchLabels: { hold: 'yes' } },
        excludeNamespaces: ['hold-sandbox-*'],
        admission: { holdPodsUntilHardened: true },
      });
      uid = (baseline.metadata as { uid: string }).uid;
      const labels = { hold: 'yes' };
      await Promise.all([
        cluster().namespace('hold-new', labels),
        cluster().namespace('hold-marked', labels, { [hardenedAnnotation]: uid }),
        cluster().namespace('hold-marked-among-others', labels, { [hardenedAnnotation]: `0-0,${uid},z-z` }),
        cluster().namespace('hold-marked-for-another', labels, { [hardenedAnnotation]: '0-0' }),
        cluster().namespace('hold-prefix', labels, { [hardenedAnnotation]: 'prefix' }),
        cluster().namespace('hold-sandbox-1', labels),
        cluster().namespace('hold-unselected'),
      ]);
      await cluster().untilDenied(tenant, dryRun(pod('hold-new')), held);
    });

    tryEach(cluster, [
      ['a pod in a namespace without mark', pod('hold-new'), held],
      ['a pod with a generated name', pod('hold-new', {}, { generateName: 'pod-' }), held],
      ['a pod of an administrator', pod('hold-new'), held, admin],
      ['a pod of the operator itself', pod('hold-new'), held, operator],
      ['a pod in a marked namespace', pod('hold-marked'), 'allowed'],
      ['a pod in a namespace marked for several baselines', pod('hold-marked-among-others'), 'allowed'],
      ['a pod in a namespace marked for another baseline', pod('hold-marked-for-another'), held],
      ['a pod in an excluded namespace', pod('hold-sandbox-1'), 'allowed'],
      ['a pod in a namespace that is not selected', pod('hold-unselected'), 'allowed'],
      ['a Deployment, which may wait', deployment('hold-new'), 'allowed'],
    ]);

    it('starts a Deployment by itself once the namespace is marked', async () => {
      await cluster().do(tenant, deployment('hold-new'));
      await eventually(
        async () => expect(JSON.stringify(await replicaSets(cluster))).toContain('is not hardened yet'),
        { what: 'the ReplicaSet reports that its pod is held' },
      );
      const mark = { metadata: { annotations: { [hardenedAnnotation]: uid } } };
      await cluster().do(operator, mergePatch('/api/v1/namespaces/hold-new', mark));
      await eventually(async () => expect(await podCount(cluster)).toBe(1), {
        what: 'the ReplicaSet has created its pod',
        timeoutMs: 60_000,
      });
    });
  });
}

function deployment(namespace: string) {
  const call = templates(namespace, {})[0]?.[1];
  if (call === undefined) throw new Error('no Deployment in the table');
  return call;
}

async function replicaSets(cluster: ClusterOf): Promise<unknown> {
  return await cluster().do(admin, { method: 'GET', path: paths.apps('hold-new', 'replicasets') });
}

async function podCount(cluster: ClusterOf): Promise<number> {
  const list = await cluster().do(admin, { method: 'GET', path: paths.pods('hold-new') });
  return (list.items as unknown[]).length;
}
