/**
 * What a cluster goes through with the operator, by kustomize and by Helm: installed, at work under exactly what was installed, upgraded,
 * uninstalled as docs/guides/install.md says, and left as if it had never been there.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { dnsService, managedKinds } from '../support/operator-harness.ts';
import type { Body } from '../support/rest-client.ts';
import { InstallCluster, namespace, operatorUser } from './install-cluster.ts';
import { root } from './rendering.ts';

interface Way {
  readonly name: string;
  install(cluster: InstallCluster): Promise<unknown>;
  /** Once more, as if it were not there. */
  again(cluster: InstallCluster): Promise<void>;
  /** To three replicas, with the rules that baselines ask for. */
  upgrade(cluster: InstallCluster): Promise<unknown>;
  /** The heading in the guide under which the uninstall's last step stands. */
  readonly lastStep: string;
}

const ways: readonly Way[] = [
  {
    name: 'kustomize',
    install: async (cluster) => await cluster.kubectl('apply', '-k', 'config/default'),
    again: async (cluster) => {
      const installed = await cluster.inventory.take();
      await cluster.kubectl('apply', '-k', 'config/default');
      expect(await cluster.inventory.take()).toEqual(installed);
    },
    upgrade: async (cluster) => {
      await cluster.kubectl('apply', '-k', 'config/overlays/ha');
      await cluster.kubectl('apply', '-k', 'config/policies');
    },
    lastStep: 'installed with kustomize, by',
  },
  {
    name: 'Helm',
    install: async (cluster) => {
      const release = ['security-baseline', 'charts/security-baseline-operator', '--namespace', namespace];
      await cluster.helm('install', ...release, '--create-namespace');
      await cluster.kubectl('label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted');
    },
    again: async (cluster) => {
      const second = ['install', 'second', 'charts/security-baseline-operator', '--namespace', 'default'];
      await expect(cluster.helm(...second)).rejects.toThrow('cannot be imported into the current release');
    },
    upgrade: async (cluster) => {
      const release = ['security-baseline', 'charts/security-baseline-operator', '--namespace', namespace];
      const values = ['replicas=3', 'spread=Required', 'features.admission=true', 'logLevel=debug'];
      await cluster.helm('upgrade', ...release, '--reuse-values', '--set', values.join(','));
    },
    lastStep: 'installed with Helm:',
  },
];

/** More than may lose a baseline's protection at once without a word. */
const tenants = Array.from({ length: 12 }, (_, index) => `tenant-${index + 1}`);
const baseline = {
  apiVersion: 'securitybaseline.io/v1alpha1',
  kind: 'SecurityBaseline',
  metadata: { name: 'tenant' },
  spec: {
    namespaceSelector: { matchLabels: { environment: 'prod' } },
    networkPolicy: { defaultDeny: ['Ingress', 'Egress'], allow: { dns: {}, sameNamespace: {} } },
    resourceQuotas: [{ name: 'compute', spec: { hard: { pods: '10' } } }],
    limitRanges: [
      { name: 'defaults', spec: { limits: [{ type: 'Container', default: { memory: '64Mi' } }] } },
    ],
    serviceAccounts: [{ name: 'app', rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] }],
    defaultServiceAccount: { automountToken: false },
    podSecurity: { enforce: 'restricted' },
    admission: { holdPodsUntilHardened: true },
    exceptions: { allow: ['Quota'], maxDuration: '1h' },
  },
};

describe.each(ways)('with $name', (way) => {
  let cluster: InstallCluster;
  let before: Readonly<Record<string, unknown>>;

  beforeAll(async () => {
    cluster = await InstallCluster.start();
    await cluster.admin.create(
      { kind: 'Service', namespace: 'kube-system', name: 'kube-dns' },
      { spec: dnsService },
    );
    await cluster.kubectl('apply', '-f', 'config/samples/grantable.yaml');
    for (const name of tenants) {
      await cluster.admin.create(
        { kind: 'Namespace', name },
        { metadata: { labels: { environment: 'prod' } } },
      );
    }
    // With what Kubernetes itself puts into namespaces, a moment after they are there.
    before = await settled(cluster, (now) =>
      tenants.every(
        (name) => `serviceaccounts ${name}/default` in now && `configmaps ${name}/kube-root-ca.crt` in now,
      ),
    );
  });
  afterAll(async () => await cluster?.[Symbol.asyncDispose]());

  async function hardened(): Promise<void> {
    await eventually(
      async () => {
        const { status } = await cluster.admin.get({ kind: 'SecurityBaseline', name: 'tenant' });
        const { namespaces } = status as { namespaces: { selected: number; hardened: number } };
        expect(namespaces).toMatchObject({ selected: tenants.length, hardened: tenants.length });
      },
      { what: 'all namespaces are hardened', timeoutMs: 60_000 },
    );
  }

  test('it installs, and its pods are admitted where only restricted ones are', async () => {
    await way.install(cluster);
    const { metadata } = await cluster.admin.get({ kind: 'Namespace', name: namespace });
    expect(metadata.labels?.['pod-security.kubernetes.io/enforce']).toBe('restricted');
    await eventually(
      async () => expect(await cluster.admin.list({ kind: 'Pod', namespace })).toHaveLength(2),
      { what: 'both replicas are admitted' },
    );
  });

  test('it brings some thirty objects, which nothing before was', async () => {
    const now = await cluster.inventory.take();
    expect(Object.keys(now).filter((name) => !(name in before)).length).toBeGreaterThan(30);
    expect(now['clusterroles.rbac.authorization.k8s.io edit']).not.toEqual(
      before['clusterroles.rbac.authorization.k8s.io edit'],
    );
  });

  test('it installs once: a second time finds it, and changes nothing', async () => {
    await way.again(cluster);
  });

  test('a pod of it that asked for more would not be', async () => {
    const { metadata, spec } = (await cluster.deployment()).spec.template;
    const dryRun = async (change: Body) =>
      await cluster.admin.create(
        { kind: 'Pod', namespace, name: 'tried' },
        { metadata, spec: { ...spec, ...change } },
        { dryRun: 'All' },
      );
    await expect(dryRun({})).resolves.toMatchObject({ kind: 'Pod' });
    await expect(dryRun({ hostNetwork: true })).rejects.toThrow(/violates PodSecurity "restricted/);
    await expect(dryRun({ securityContext: {} })).rejects.toThrow(/violates PodSecurity "restricted/);
  });

  test('the operator hardens, under the permissions and with the flags that were installed', async () => {
    await cluster.runOperator();
    await cluster.apply([baseline]);
    await hardened();
    expect(await managed(cluster)).toHaveLength(tenants.length * 8);
  });

  test('the guard keeps tenants from undoing it', async () => {
    await cluster.kubectl(
      'create',
      'rolebinding',
      'tess',
      '-n',
      'tenant-1',
      '--clusterrole=admin',
      '--user=tess',
    );
    const undo = cluster.kubectl(
      'delete',
      'networkpolicy',
      'tenant.default-deny',
      '-n',
      'tenant-1',
      '--as=tess',
    );
    await expect(undo).rejects.toThrow('guard: ');
    await cluster.kubectl('delete', 'rolebinding', 'tess', '-n', 'tenant-1');
  });

  test('it upgrades: another operator takes over, and writes nothing where nothing differs', async () => {
    const objects = await managed(cluster);
    await way.upgrade(cluster);
    expect((await cluster.deployment()).spec.replicas).toBe(3);
    await cluster.stopOperator();
    const mark = await cluster.audit.mark();
    const operator = await cluster.runOperator();
    await hardened();
    await eventually(async () => expect(await operator.metrics()).toMatch(/queue_depth\S* 0/), {
      what: 'the first pass over the fleet is done',
    });
    const writes = await cluster.audit.writesBy(operatorUser, mark);
    expect(writes.filter((write) => /tenant-/.test(write))).toEqual([]);
    expect(await managed(cluster)).toEqual(objects);
  });

  test('what baselines ask of admission is decided after the upgrade that brings it', async () => {
    await eventually(
      async () => {
        const create = { kind: 'Namespace', name: 'tenant-13' } as const;
        await cluster.stopOperator();
        if ((await cluster.admin.find(create)) === undefined)
          await cluster.admin.create(create, { metadata: { labels: { environment: 'prod' } } });
        const pod = { spec: { containers: [{ name: 'a', image: 'a' }] } };
        await expect(
          cluster.admin.create({ kind: 'Pod', namespace: 'tenant-13', name: 'early' }, pod, {
            dryRun: 'All',
          }),
        ).rejects.toThrow('is not hardened yet');
      },
      { what: 'pods are held' },
    );
    await cluster.admin.delete({ kind: 'Namespace', name: 'tenant-13' });
    await cluster.runOperator();
  });

  test('uninstalled as the guide says, it leaves the cluster as it was before', async () => {
    const [prepare = '', remove = ''] = [uninstall('## Uninstall'), uninstall(way.lastStep)];
    await cluster.shell(prepare);
    expect(await managed(cluster)).toEqual([]);
    // As the kubelet does when the Deployment goes.
    await Promise.all([cluster.shell(remove), cluster.stopOperator()]);
    await settled(cluster, (now) => {
      expect(now).toEqual(before);
      return true;
    });
  });
});

/** The commands in the guide that follow a line with this text. */
function uninstall(after: string): string {
  const guide = readFileSync(join(root, 'docs/guides/install.md'), 'utf8');
  const start = guide.indexOf(after);
  expect(start, `the guide says "${after}"`).toBeGreaterThan(0);
  return /```sh\n([\s\S]*?)```/.exec(guide.slice(start))?.[1] ?? '';
}

/** Everything in the cluster, when the check passes: what Kubernetes itself makes and takes away comes a moment later. */
async function settled(
  cluster: InstallCluster,
  check: (now: Readonly<Record<string, unknown>>) => boolean,
): Promise<Readonly<Record<string, unknown>>> {
  let now: Readonly<Record<string, unknown>> = {};
  await eventually(
    async () => {
      now = await cluster.inventory.take();
      return check(now);
    },
    { what: 'the cluster is as it should be', timeoutMs: 90_000 },
  );
  return now;
}

/** The managed objects in the whole cluster, with their versions. */
async function managed(cluster: InstallCluster): Promise<readonly string[]> {
  const lists = await Promise.all(managedKinds.map(async (kind) => await cluster.admin.list({ kind })));
  return lists
    .flat()
    .filter(
      ({ metadata }) => metadata.labels?.['app.kubernetes.io/managed-by'] === 'security-baseline-operator',
    )
    .map(
      ({ metadata }) => `${metadata.namespace}/${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`,
    )
    .sort();
}
