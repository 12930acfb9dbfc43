/** The commands that answer questions, on a real control plane with the operator at work. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { expectGolden } from '../../unit/cli/golden.ts';
import { cli } from './cli.ts';
import { fixtures, ShopCluster } from './shop-cluster.ts';

let cluster: ShopCluster;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubectl-baseline-'));
  cluster = await ShopCluster.start();
  await cluster.apply(`${fixtures}/guarded.yaml`);
  await cluster.harness.startOperator();
  await eventually(
    async () => {
      const { code, out } = await cluster.run('explain shop');
      return code === 0 || out;
    },
    { what: 'the shop is hardened', timeoutMs: 30_000 },
  );
});

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

describe('status', () => {
  test('shows every baseline, and what none covers', async () => {
    await eventually(async () => (await cluster.run('status')).code === 0, {
      what: 'the status is reported',
      timeoutMs: 30_000,
    });
    const { out } = await cluster.run('status');
    expectGolden('status.txt', out);
    expect(JSON.parse((await cluster.run('status -o json')).out).uncovered).toEqual([
      'default',
      'gateway',
      'monitoring',
    ]);
  });

  test('says what is wrong, and exits with 2', async () => {
    const { admin } = cluster.harness;
    const policy = { kind: 'NetworkPolicy', namespace: 'shop', name: 'open' } as const;
    await admin.create(policy, { spec: { podSelector: {}, ingress: [{}] } });
    await eventually(
      async () => {
        const { code, out } = await cluster.run('status');
        return code === 2 && out.includes('NetworkPolicy open allows ingress from anywhere');
      },
      { what: 'the status tells of the policy', timeoutMs: 30_000 },
    );
    const { code, out } = await cluster.run('explain shop');
    expect(out).toContain('! NetworkPolicy open allows ingress from anywhere');
    expect(code).toBe(2);
    await admin.delete(policy);
    await eventually(async () => (await cluster.run('status')).code === 0, {
      what: 'all is well again',
      timeoutMs: 30_000,
    });
  });
});

describe('explain', () => {
  test('says which baseline gives what', async () => {
    const { code, out } = await cluster.run('explain shop');
    expectGolden('explain/hardened.txt', out);
    expect(code).toBe(0);
  });

  test('says why a namespace is not covered, or never touched', async () => {
    const uncovered = await cluster.run('explain gateway');
    expectGolden('explain/uncovered.txt', uncovered.out);
    expect(uncovered.code).toBe(2);
    const system = await cluster.run('explain kube-system');
    expect(system.out).toBe('Namespace kube-system: protected: the operator never touches it\n');
    expect(system.code).toBe(0);
  });

  test('says what to do about a namespace that is not there', async () => {
    const { code, err } = await cluster.run('explain nowhere');
    expect(err).toBe(
      'error: there is no namespace "nowhere", or it is being deleted\nWhat there is: kubectl get namespaces\n',
    );
    expect(code).toBe(1);
  });

  test('answers a tenant who may see one namespace only', async () => {
    const { admin, controlPlane } = cluster.harness;
    await admin.create(
      { kind: 'Role', namespace: 'shop', name: 'tenant' },
      {
        rules: [
          {
            apiGroups: ['*'],
            resources: ['namespaces', 'networkpolicies', 'resourcequotas'],
            verbs: ['get', 'list'],
          },
        ],
      },
    );
    await admin.create(
      { kind: 'RoleBinding', namespace: 'shop', name: 'tenant' },
      {
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'tenant' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'tenant' }],
      },
    );
    const kubeconfig = await controlPlane.kubeconfigForUser('tenant');
    const { out, err } = await cluster.run('explain shop', { kubeconfig });
    expect(out).toContain('Namespace shop');
    expect(err).toContain('you may not list securitybaselines.securitybaseline.io in all namespaces');
    expect(err).toContain('you may not list roles.rbac.authorization.k8s.io in namespace shop');
    expect(err).not.toContain('networkpolicies');
  });
});

describe('can-connect and connections', () => {
  test.each([
    ['shop/web shop/api:9000', 0, 'within'],
    ['gateway/ingress shop/web:http', 2, 'denied'],
    ['monitoring/prometheus shop/db:5432', 0, 'named'],
    ['203.0.113.9 shop/web:8080', 2, 'outside'],
  ])('can-connect %s', async (ends, code, name) => {
    const result = await cluster.run(`can-connect ${ends}`);
    expectGolden(`can-connect/${name}.txt`, result.out);
    expect(result.code).toBe(code);
  });

  test('can-connect answers in JSON, and in the namespace given', async () => {
    const { out } = await cluster.run('can-connect web api:9000 -n shop -o json');
    expect(JSON.parse(out)).toMatchObject({ allowed: true, connections: 'TCP 9000', partial: false });
  });

  test('can-connect says what to do about a pod that is not there', async () => {
    const { code, err } = await cluster.run('can-connect shop/web shop/nothing');
    expect(err).toContain('error: there is no pod or workload "nothing" in namespace "shop"');
    expect(code).toBe(1);
  });

  test.each(['list', 'matrix', 'mermaid', 'dot', 'json'])('connections as %s', async (format) => {
    const { code, out } = await cluster.run(`connections shop -o ${format}`);
    expectGolden(`connections/${format}.txt`, out);
    expect(code).toBe(0);
  });

  test('connections -A has every namespace', async () => {
    const { out } = await cluster.run('connections -A');
    expect(out).toContain(
      'gateway/ingress[Deployment] => monitoring/prometheus[Deployment] : All Connections',
    );
  });
});

describe('why-denied', () => {
  test('a workload in the cluster, by the rules and by the API server', async () => {
    const { code, out } = await cluster.run('why-denied pod db -n shop');
    expectGolden('why-denied/pod.txt', out);
    expect(code).toBe(2);
  });

  test('a manifest', async () => {
    const { code, out } = await cluster.run([
      'why-denied',
      'pod',
      '-f',
      `${fixtures}/shop.yaml`,
      '-n',
      'shop',
    ]);
    expect(out).toContain('Deployment shop/web: not denied');
    expect(out).toContain('StatefulSet shop/db: denied');
    expect(code).toBe(2);
  });

  test('an image', async () => {
    const run = async (image: string) => await cluster.run(['why-denied', 'image', image, '-n', 'shop']);
    const denied = await run('nginx');
    expectGolden('why-denied/image.txt', denied.out);
    expect(denied.code).toBe(2);
    expect((await run('registry.example.com/shop/web:4.2')).code).toBe(0);
  });

  test('a connection', async () => {
    const { code, out } = await cluster.run(['why-denied', 'connection', 'gateway/ingress', 'shop/web:8080']);
    expectGolden('why-denied/connection.txt', out);
    expect(code).toBe(2);
  });
});

describe('exception', () => {
  const run = async (...args: readonly string[]) => await cluster.run(args);

  test('is requested, listed, approved and takes effect', async () => {
    const asked = await run(
      'exception',
      'request',
      'gateway',
      '-n',
      'shop',
      '--from',
      'namespace/gateway:8080',
      '--for',
      '2h',
      '--reason',
      'the gateway serves the shop',
    );
    expect(asked.err).toBe('');
    expect(asked.code).toBe(0);
    const listed = await run('exception', 'list', '-n', 'shop');
    expect(listed.out).toMatch(
      /^NAMESPACE +NAME +STATE +UNTIL +RELAXES +REASON\nshop +gateway +AwaitingApproval +\S+Z +Ingress +the gateway serves the shop\n$/,
    );
    expect((await cluster.run('can-connect gateway/ingress shop/web:8080')).code).toBe(2);

    const approved = await run('exception', 'approve', 'gateway', '-n', 'shop', '--note', 'for the launch');
    expect(approved.out).toMatch(/^shop\/gateway approved, until /);
    await eventually(
      async () => (await cluster.run('can-connect gateway/ingress shop/web:8080')).code === 0,
      {
        what: 'the exception has taken effect',
        timeoutMs: 30_000,
      },
    );
    const active = JSON.parse((await run('exception', 'list', '-A', '-o', 'json')).out);
    expect(active.exceptions[0]).toMatchObject({
      namespace: 'shop',
      name: 'gateway',
      state: 'Active',
      message: expect.stringContaining('approved by admin'),
    });
    expect((await run('exception', 'approve', 'gateway', '-n', 'shop')).out).toMatch(/approved already/);
    expect((await cluster.run('explain shop')).out).toContain('gateway: Active: approved by admin');
  });

  test('for images makes them not denied', async () => {
    expect((await run('why-denied', 'image', 'redis:7', '-n', 'shop')).code).toBe(2);
    const flags = [
      '--image',
      'docker.io/library/redis',
      '--for',
      '1h',
      '--reason',
      'a cache until ours is there',
    ];
    await run('exception', 'request', 'cache', '-n', 'shop', ...flags);
    await run('exception', 'approve', 'cache', '-n', 'shop');
    const { code, out } = await run('why-denied', 'image', 'redis:7', '-n', 'shop');
    expect(out).toBe('Image redis:7 in shop: not denied\n');
    expect(code).toBe(0);
  });

  test('is printed and not written with --dry-run', async () => {
    const { out } = await run(
      'exception',
      'request',
      'more',
      '-n',
      'shop',
      '--quota',
      'pods=9',
      '--to',
      '203.0.113.0/24:443',
      '--image',
      'docker.io/library/redis',
      '--pod-security',
      'baseline',
      '--ticket',
      'SEC-1',
      '--for',
      '1d',
      '--reason',
      'a test of all flags',
      '--dry-run',
    );
    expectGolden('exception/request.yaml', out.replace(/expiresAt: .*/, 'expiresAt: THEN'));
    expect((await run('exception', 'list', '-n', 'shop')).out).not.toContain('more');
  });

  test('that no baseline allows is not approved', async () => {
    await run(
      'exception',
      'request',
      'privileged',
      '-n',
      'shop',
      '--pod-security',
      'privileged',
      '--for',
      '1h',
      '--reason',
      'wants everything',
    );
    const { code, err } = await run('exception', 'approve', 'privileged', '-n', 'shop');
    expect(err).toContain(
      'error: an approval would have no effect: baseline guarded allows no exception for PodSecurity',
    );
    expect(code).toBe(1);
  });

  test('asks for something, and for what is well-formed', async () => {
    const nothing = await run(
      'exception',
      'request',
      'x',
      '-n',
      'shop',
      '--for',
      '1h',
      '--reason',
      'nothing at all',
    );
    expect(nothing.err).toContain('error: this asks for nothing');
    const peer = await run(
      'exception',
      'request',
      'x',
      '-n',
      'shop',
      '--for',
      '1h',
      '--reason',
      'bad peer',
      '--to',
      'somewhere',
    );
    expect(peer.err).toContain('Give CIDR or namespace/NAME');
    expect([nothing.code, peer.code]).toEqual([1, 1]);
  });
});

describe('init', () => {
  test('writes a baseline that the API server accepts as it is', async () => {
    const file = join(folder, 'baseline.yaml');
    const { code, err } = await cluster.run(['init', '--yes', '--write', file]);
    expect(code).toBe(0);
    expect(err).toContain('DNS: Service kube-system/kube-dns');
    expectGolden('init/defaults.yaml', await readFile(file, 'utf8'));
    const planned = await cluster.run(['plan', '-f', file, '--as-enforced']);
    expect(planned.out).toContain('SecurityBaseline tenant: new, selects 4 namespaces');
    expect(planned.err).toBe('');
    const again = await cluster.run(['init', '--yes', '--write', file]);
    expect(again.err).toContain('is there already\nGive another file, or --force.');
    expect(again.code).toBe(1);
  });

  test('asks a person at a terminal, and takes what flags say', async () => {
    const answers = [
      'strict',
      'environment=prod',
      'Enforce',
      'both',
      '',
      '-',
      'calls the payment provider',
      'restricted',
      'no',
    ];
    const { code, out, err } = await cluster.run(['init', '--exclude', 'sandbox-*'], {
      isTerminal: true,
      input: answers.join('\n'),
    });
    expect(err).toContain('Namespace of the gateway that serves the pods, - for none [gateway]: ');
    expectGolden('init/asked.yaml', out);
    expect(code).toBe(0);
    const file = join(folder, 'asked.yaml');
    await writeFile(file, out);
    expect((await cluster.run(['plan', '-f', file])).err).toBe('');
  });
});

describe('completion', () => {
  test('looks up namespaces with the credentials given', async () => {
    const words = ['explain', '--kubeconfig', cluster.controlPlane.adminKubeconfig, 'mon'];
    const { out } = await cli(['__complete', ...words]);
    expect(out).toBe('monitoring\t\n');
  });
});

describe('questions', () => {
  test('write nothing', async () => {
    const before = await cluster.versions();
    const questions = [
      'status',
      'explain shop',
      'can-connect shop/web shop/api',
      'connections -A',
      'init --yes',
    ];
    for (const question of questions) await cluster.run(question);
    await cluster.run(['why-denied', 'pod', 'db', '-n', 'shop']);
    expect(await cluster.versions()).toEqual(before);
  });
});
