import { describe, expect, it } from 'vitest';
import { hardenedAnnotation, podSecurityAnnotation } from '../../../src/api/labels.ts';
import { eventually } from '../../support/eventually.ts';
import {
  type Answer,
  admin,
  baselines,
  breakGlass,
  create,
  dryRun,
  get,
  operator,
  remove,
  tenant,
} from './cluster.ts';
import { pod } from './pods.ts';
import type { ClusterOf } from './table.ts';

const admissionRoot = '/apis/admissionregistration.k8s.io/v1';
const crd = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/securitybaselines.securitybaseline.io';
const ours = 'labelSelector=app.kubernetes.io/part-of%3Dsecurity-baseline-operator';

/** Namespaces can always be deleted, and what was installed can be taken away. Runs last: nothing is left after it. */
export function removalTests(cluster: ClusterOf): void {
  /** A namespace as the operator leaves it: marked, selected by several baselines, and with managed objects. */
  async function hardened(name: string): Promise<void> {
    const labels = { hold: 'yes', member: 'yes', images: 'yes', policies: 'restrict' };
    await cluster().namespace(name, labels, {
      [hardenedAnnotation]: 'a-uid',
      [podSecurityAnnotation]: 'enforce',
    });
    const metadata = {
      name: 'tenant.default-deny',
      labels: {
        'app.kubernetes.io/managed-by': 'security-baseline-operator',
        'securitybaseline.io/baseline': 'tenant',
        'securitybaseline.io/baseline-uid': 'a-uid',
      },
    };
    const inNamespace = (root: string, plural: string): string => `${root}/namespaces/${name}/${plural}`;
    await cluster().do(
      operator,
      create(inNamespace('/apis/networking.k8s.io/v1', 'networkpolicies'), {
        metadata,
        spec: { podSelector: {} },
      }),
    );
    await cluster().do(
      operator,
      create(inNamespace('/api/v1', 'resourcequotas'), { metadata, spec: { hard: { pods: '1' } } }),
    );
    await cluster().do(
      operator,
      create(inNamespace('/apis/rbac.authorization.k8s.io/v1', 'roles'), { metadata, rules: [] }),
    );
  }

  async function deleteNamespace(name: string): Promise<void> {
    await cluster().do(tenant, remove(`/api/v1/namespaces/${name}`));
    await cluster().untilGone(name);
  }

  async function names(path: string): Promise<readonly string[]> {
    const { items } = (await cluster().do(admin, get(path))) as Answer['body'] & {
      items: readonly { metadata: { name: string } }[];
    };
    return items.map(({ metadata }) => metadata.name);
  }

  async function deleteCrd(): Promise<void> {
    await cluster().do(admin, remove(crd));
    await eventually(async () => (await cluster().send(admin, get(crd))).status === 404, {
      what: 'the CRD is gone',
    });
  }

  async function deleteBaselines(): Promise<void> {
    for (const name of await names(baselines)) await cluster().do(breakGlass, remove(`${baselines}/${name}`));
  }

  async function deletePolicies(): Promise<void> {
    for (const plural of ['validatingadmissionpolicybindings', 'validatingadmissionpolicies']) {
      await cluster().do(admin, remove(`${admissionRoot}/${plural}?${ours}`));
      expect(await names(`${admissionRoot}/${plural}?${ours}`)).toEqual([]);
    }
  }

  async function untilPodsPass(): Promise<void> {
    const passes = async (): Promise<boolean> =>
      (await cluster().outcome(tenant, dryRun(pod('default')))) === 'allowed';
    await eventually(passes, { what: 'pods are admitted', timeoutMs: 30_000 });
  }

  describe('deleting namespaces', () => {
    it('completes with all policies and baselines', async () => {
      await hardened('gone-1');
      await deleteNamespace('gone-1');
    });

    it('completes with all policies and without a baseline', async () => {
      await hardened('gone-2');
      await deleteBaselines();
      await deleteNamespace('gone-2');
    });

    it('completes after an uninstallation in the documented order: bindings, policies, baselines, CRD', async () => {
      await cluster().baseline('last', { namespaceSelector: {}, admission: { holdPodsUntilHardened: true } });
      await hardened('gone-3');
      await deletePolicies();
      await deleteBaselines();
      await deleteCrd();
      await untilPodsPass();
      await deleteNamespace('gone-3');
    });

    it('completes when the CRD is lost while policies are there, also in an API server that starts anew', async () => {
      await cluster().installCrd();
      await cluster().installPolicies();
      await cluster().untilDenied(tenant, dryRun(create('/api/v1/namespaces', marked)), /guard: namespace/);
      await hardened('gone-4');
      await hardened('gone-5');
      await deleteCrd();
      await deleteNamespace('gone-4');
      await cluster().controlPlane.restart('kube-apiserver');
      await cluster().untilDenied(tenant, dryRun(pod('default')), /failed to configure/);
      await deleteNamespace('gone-5');
    });
  });

  describe('policies that an API server has loaded without the CRD', () => {
    it('deny pods, also to break-glass: the order of removal matters', async () => {
      expect(await cluster().outcome(breakGlass, dryRun(pod('default')))).toMatch(/failed to configure/);
    });

    it('leave the namespaces of the cluster itself alone', async () => {
      expect(await cluster().outcome(admin, dryRun(pod('kube-system')))).toBe('allowed');
    });

    it('are out of the way once their bindings are deleted', async () => {
      await deletePolicies();
      await untilPodsPass();
    });
  });
}

const marked = { metadata: { name: 'marked-anew', annotations: { [hardenedAnnotation]: 'forged' } } };
