/** `plan` on a real control plane: what it says, that it writes nothing, and that the operator then does just that. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { expectGolden } from '../../unit/cli/golden.ts';
import { fixtures, ShopCluster } from './shop-cluster.ts';

const tenant = `${fixtures}/tenant.yaml`;
const plan = `plan -f ${tenant}`;

let cluster: ShopCluster;

beforeAll(async () => {
  cluster = await ShopCluster.start();
});

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

/** The baseline with some of its text replaced, to be given on standard input. */
async function tenantWith(...replacements: readonly (readonly [string | RegExp, string])[]): Promise<string> {
  return replacements.reduce(
    (text, [from, to]) => {
      const changed = text.replace(from, to);
      expect(changed).not.toBe(text);
      return changed;
    },
    await readFile(tenant, 'utf8'),
  );
}

describe('a new baseline', () => {
  test('says what it would create, cut and violate', async () => {
    const { code, out, err } = await cluster.run(plan);
    expectGolden('plan/new.txt', out);
    expect(err).toBe('');
    expect(code).toBe(2);
  });

  test('says what the README shows', async () => {
    const { out } = await cluster.run(plan);
    expect(await readFile('README.md', 'utf8')).toContain(`-f tenant.yaml --fail-on cut\n${out}\`\`\``);
  });

  test('says the same in Markdown and JSON', async () => {
    expectGolden('plan/new.md', (await cluster.run(`${plan} -o markdown`)).out);
    const { out } = await cluster.run(`${plan} -o json`);
    expectGolden('plan/new.json.txt', out);
    const report = JSON.parse(out);
    expect(report.summary).toEqual({ create: 5, change: 1, delete: 0, release: 0, namespaces: 1 });
    expect(report.partial).toBe(false);
  });

  test('shows everything with --verbose', async () => {
    expectGolden('plan/new-verbose.txt', (await cluster.run(`${plan} --verbose`)).out);
  });

  test('writes nothing', async () => {
    const before = await cluster.versions();
    await cluster.run(plan);
    expect(await cluster.versions()).toEqual(before);
  });

  test('fails a pipeline that asks it to', async () => {
    expect((await cluster.run(`${plan} --fail-on cut`)).code).toBe(1);
    expect((await cluster.run(`${plan} --fail-on violations`)).code).toBe(1);
    const kind = await tenantWith(
      [/ {2}networkPolicy:[\s\S]*?(?= {2}resourceQuotas)/, ''],
      [/ {2}resourceQuotas:[\s\S]*$/, '  defaultServiceAccount: { automountToken: false }\n'],
    );
    const { code, out } = await cluster.run('plan -f - --fail-on cut,violations', { input: kind });
    expect(out).toContain('0 connections cut, 0 opened; 0 violations');
    expect(code).toBe(2);
  });

  test('cuts no connection of the gateway once the baseline names it', async () => {
    const input = await tenantWith([
      'allow:',
      'allow:\n      gateway: { namespace: gateway, justification: serves the shop }',
    ]);
    const { out } = await cluster.run('plan -f -', { input });
    expectGolden('plan/gateway-named.txt', out);
  });

  test('holds pods, Services and Ingresses against the rules of admission', async () => {
    const input = await tenantWith([
      'podSecurity:',
      'admission:\n    images: { registries: ["registry.example.com/"] }\n    workloads: { requireRequestsAndLimits: true }\n    exposure: { forbid: [NodePort] }\n  podSecurity:',
    ]);
    await cluster.harness.admin.create(
      { kind: 'Service', namespace: 'shop', name: 'web' },
      { spec: { type: 'NodePort', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] } },
    );
    const { out } = await cluster.run('plan -f -', { input });
    expect(out).toContain('Service web: the Service is of type NodePort (baseline tenant) [admission]');
    expect(out).toContain(
      'StatefulSet db: docker.io/library/postgres:17 is not from registry.example.com/ (baseline tenant)',
    );
    expect(out).not.toContain('Deployment web: registry.example.com');
    await cluster.harness.admin.delete({ kind: 'Service', namespace: 'shop', name: 'web' });
  });

  test('tells of a ServiceAccount that is in the way, and of a tenant policy that undoes the default deny', async () => {
    const { admin } = cluster.harness;
    await admin.create({ kind: 'ServiceAccount', namespace: 'shop', name: 'app' });
    await admin.create(
      { kind: 'NetworkPolicy', namespace: 'shop', name: 'open' },
      { spec: { podSelector: {}, ingress: [{}] } },
    );
    const input = await tenantWith(['podSecurity:', 'serviceAccounts: [{ name: app }]\n  podSecurity:']);
    const { out } = await cluster.run('plan -f -', { input });
    expect(out).toMatch(/shop: ServiceAccount app: is there already and not ours.*\[clash\]/);
    expect(out).toMatch(/shop: Namespace: NetworkPolicy open allows ingress from anywhere.*\[weakened\]/);
    expect(out).toContain('No connections are cut.');
    await admin.delete({ kind: 'ServiceAccount', namespace: 'shop', name: 'app' });
    await admin.delete({ kind: 'NetworkPolicy', namespace: 'shop', name: 'open' });
  });
});

describe('bad input', () => {
  test.each([
    [
      'a baseline that the API server refuses',
      ['selects', 'namespaceSelector:', 'namespaceSelectors:'],
      /would be refused: .*namespaceSelector/,
    ],
    [
      'another version of the API',
      ['version', 'v1alpha1', 'v9'],
      /v9; this program knows securitybaseline.io\/v1alpha1/,
    ],
    [
      'no baseline at all',
      ['kind', 'kind: SecurityBaseline', 'kind: Widget'],
      /no SecurityBaseline or BaselineException/,
    ],
  ])('refuses %s, and says why', async (_name, [, from = '', to = ''], message) => {
    const { code, out, err } = await cluster.run('plan -f -', { input: await tenantWith([from, to]) });
    expect(err).toMatch(message);
    expect(out).toBe('');
    expect(code).toBe(1);
  });

  test('refuses YAML aliases that lead back to themselves', async () => {
    const { code, err } = await cluster.run('plan -f -', { input: 'apiVersion: v1\nkind: &a [*a]\n' });
    expect(err).toMatch(/^error: -:/);
    expect(code).toBe(1);
  });

  test('refuses a file that is half valid, since half a plan would mislead', async () => {
    const input = `${await readFile(tenant, 'utf8')}---\nkind: [\n`;
    const { code, err } = await cluster.run('plan -f -', { input });
    expect(err).toMatch(/^error: -:\d+/);
    expect(code).toBe(1);
  });
});

describe('who may not see everything', () => {
  test('gets a partial answer that says what is missing', async () => {
    const { admin, controlPlane } = cluster.harness;
    const rules = [
      {
        apiGroups: ['', 'apps', 'networking.k8s.io'],
        resources: ['namespaces', 'pods', 'networkpolicies'],
        verbs: ['get', 'list'],
      },
    ];
    await admin.create({ kind: 'ClusterRole', name: 'some-reader' }, { rules });
    await admin.create(
      { kind: 'ClusterRoleBinding', name: 'some-reader' },
      {
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'some-reader' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'some-reader' }],
      },
    );
    const kubeconfig = await controlPlane.kubeconfigForUser('some-reader');
    const { code, out, err } = await cluster.run(plan, { kubeconfig });
    expectGolden('plan/partial.txt', out);
    expect(err).toBe('');
    expect(code).toBe(2);
  });

  test('is told plainly where nothing may be seen', async () => {
    const kubeconfig = await cluster.controlPlane.kubeconfigForUser('nobody-in-particular');
    const { code, out } = await cluster.run(plan, { kubeconfig });
    expect(out).toContain('PARTIAL: this is not everything.');
    expect(out).toContain(
      'you may not list namespaces in all namespaces: only your own namespace is looked at',
    );
    expect(out).toContain('Connections: not known, see below.');
    expect(code).toBe(2);
  });
});

describe('what is not the effect of the plan', () => {
  test('is counted and not shown: work that is overdue, and what was wrong before', async () => {
    const { admin } = cluster.harness;
    await cluster.apply(tenant);
    const policy = { kind: 'NetworkPolicy', namespace: 'shop', name: 'open' } as const;
    await admin.create(policy, { spec: { podSelector: {}, ingress: [{}] } });
    const same = await cluster.run(plan);
    expect(same.out).toContain(
      'note: 6 changes in these namespaces are under way or overdue without this plan',
    );
    expect(same.out).toMatch(/No changes\.\n$/);
    expect(same.code).toBe(0);
    const { out } = await cluster.run('plan -f -', { input: await tenantWith(['pods: "50"', 'pods: "60"']) });
    expect(out).toContain('Plan: 1 to create, 0 to change, 0 to delete in 1 namespace; 0 connections cut');
    expect(out).not.toContain('[weakened]');
    await admin.delete(policy);
    await admin.delete({ kind: 'SecurityBaseline', name: 'tenant' });
  });
});

describe('a baseline that is in place', () => {
  beforeAll(async () => {
    await cluster.harness.startOperator();
  }, 60_000);

  test('the operator does what the plan said, and the plan is empty then', async () => {
    const planned = JSON.parse((await cluster.run(`${plan} -o json`)).out);
    const [group] = planned.objects;
    const created = group.changes
      .filter(({ action }: { action: string }) => action === 'create')
      .map(({ kind, name }: { kind: string; name: string }) => `${kind} ${name}`);
    await cluster.apply(tenant);
    await eventually(async () => (await cluster.harness.managedObjects('shop')).length === created.length, {
      what: 'the operator has made the planned objects',
      timeoutMs: 30_000,
    });
    expect(await cluster.harness.managedObjects('shop')).toEqual(created.toSorted());
    const labelled = async () => {
      const { metadata } = await cluster.harness.admin.get({ kind: 'Namespace', name: 'shop' });
      return metadata.labels?.['pod-security.kubernetes.io/enforce'] === 'restricted';
    };
    await eventually(labelled, { what: 'the namespace is labelled', timeoutMs: 30_000 });
    const again = await cluster.run(plan);
    expectGolden('plan/in-place.txt', again.out);
    expect(again.code).toBe(0);
  });

  test('a change shows its differences, and what it cuts', async () => {
    const input = await tenantWith(
      ['defaultDeny: [Ingress]', 'defaultDeny: [Ingress, Egress]'],
      ['pods: "50"', 'pods: "2"'],
      [/ {6}monitoring:.*\n/, ''],
      ['requests.cpu: 800m', 'requests.cpu: "0.8"'],
    );
    const { code, out } = await cluster.run('plan -f -', { input });
    expectGolden('plan/change.txt', out);
    expect(code).toBe(2);
  });

  test('a selector that no longer matches shows what is lost and opened', async () => {
    const input = await tenantWith(['environment: prod', 'environment: production']);
    const { code, out } = await cluster.run('plan -f -', { input });
    expectGolden('plan/lost.txt', out);
    expect(code).toBe(2);
  });

  test('a deletion shows the same', async () => {
    const { code, out } = await cluster.run(`${plan} --delete`);
    expect(out).toContain('SecurityBaseline tenant: deleted');
    expect(out).toContain('- NetworkPolicy tenant.default-deny');
    expect(code).toBe(2);
  });

  test('an exception shows what it would open once approved', async () => {
    const allowed = await tenantWith([
      'podSecurity:',
      'exceptions: { allow: [Ingress, Quota] }\n  podSecurity:',
    ]);
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, '');
    const exception = [
      'apiVersion: securitybaseline.io/v1alpha1',
      'kind: BaselineException',
      'metadata: { name: gateway, namespace: shop }',
      'spec:',
      '  reason: the gateway serves the shop',
      `  expiresAt: ${JSON.stringify(expiresAt)}`,
      '  podSelector: { matchLabels: { app: web } }',
      '  ingress: [{ from: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: gateway } } }], ports: [{ port: 8080 }] }]',
      '  quota: { hard: { requests.cpu: "4" } }',
    ].join('\n');
    const { code, out } = await cluster.run('plan -f -', { input: `${allowed}---\n${exception}\n` });
    expectGolden('plan/exception.txt', out);
    expect(code).toBe(2);
    const refused = await cluster.run('plan -f - -n shop', { input: exception });
    expect(refused.out).toContain('cannot be had: NotAllowed: baseline tenant allows no exception for');
  });
});
