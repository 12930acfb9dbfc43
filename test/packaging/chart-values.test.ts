/** The values of the Helm chart: that each does what it says, and that none is taken that would not do. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import {
  byName,
  chart,
  type Deployment,
  type Manifest,
  nameOf,
  only,
  refusal,
  template,
} from './rendering.ts';

/** Values as they are given, and what must come of each: a path into the rendered object, and what is there. */
const effects: readonly (readonly [values: string, object: string, path: string, expected: unknown])[] = [
  ['image.repository=r.example.com/sbo', 'Deployment', image(), 'r.example.com/sbo:0.1.0'],
  ['image.tag=1.2.3', 'Deployment', image(), 'security-baseline-operator:1.2.3'],
  [
    `image.digest=sha256:${'0'.repeat(64)}`,
    'Deployment',
    image(),
    `security-baseline-operator@sha256:${'0'.repeat(64)}`,
  ],
  ['image.pullPolicy=Always', 'Deployment', 'spec.template.spec.containers.0.imagePullPolicy', 'Always'],
  [
    'imagePullSecrets={registry}',
    'Deployment',
    'spec.template.spec.imagePullSecrets',
    [{ name: 'registry' }],
  ],
  ['replicas=3', 'Deployment', 'spec.replicas', 3],
  [
    'spread=Required',
    'Deployment',
    'spec.template.spec.topologySpreadConstraints.1.whenUnsatisfiable',
    'DoNotSchedule',
  ],
  ['priorityClassName=mine', 'Deployment', 'spec.template.spec.priorityClassName', 'mine'],
  [
    'resources.limits.memory=1Gi',
    'Deployment',
    'spec.template.spec.containers.0.resources.limits.memory',
    '1Gi',
  ],
  ['nodeSelector.pool=system', 'Deployment', 'spec.template.spec.nodeSelector', { pool: 'system' }],
  [
    'tolerations[0].operator=Exists',
    'Deployment',
    'spec.template.spec.tolerations',
    [{ operator: 'Exists' }],
  ],
  ['affinity.nodeAffinity.x=y', 'Deployment', 'spec.template.spec.affinity', { nodeAffinity: { x: 'y' } }],
  ['podLabels.team=platform', 'Deployment', 'spec.template.metadata.labels.team', 'platform'],
  ['podAnnotations.a=b', 'Deployment', 'spec.template.metadata.annotations.a', 'b'],
  [
    'protectedNamespaces={istio-system,mesh}',
    'Deployment',
    args(1),
    '--protected-namespaces=istio-system,mesh',
  ],
  [
    'protectedNamespaces={istio-system,mesh}',
    'ValidatingAdmissionPolicy membership.securitybaseline.io',
    'spec.matchConstraints.namespaceSelector.matchExpressions.0.values',
    ['kube-system', 'kube-public', 'kube-node-lease', 'security-baseline-system', 'istio-system', 'mesh'],
  ],
  ['clusterCidrs={10.0.0.0/8,fd00::/8}', 'Deployment', args(1), '--cluster-cidrs=10.0.0.0/8,fd00::/8'],
  ['logLevel=debug', 'Deployment', args(0), '--log-level=debug'],
  ['extraArgs={--workers=8}', 'Deployment', args(1), '--workers=8'],
  [
    'bindRoles={tenant.app}',
    'ClusterRole security-baseline-operator-bind-roles',
    'rules.0.resourceNames',
    ['tenant.app'],
  ],
  [
    'networkPolicy.apiServerPorts={8443}',
    'NetworkPolicy',
    'spec.egress.0.ports',
    [{ protocol: 'TCP', port: 8443 }],
  ],
  [
    'breakGlassGroup=acme:oncall',
    'ValidatingAdmissionPolicy guard-objects.securitybaseline.io',
    'spec.matchConditions',
    expect.arrayContaining([
      { name: 'not-break-glass', expression: "!('acme:oncall' in request.userInfo.groups)" },
    ]),
  ],
];

/** Values that take objects away, or bring them. */
const presence: readonly (readonly [values: string, object: string, isThere: boolean])[] = [
  ['features.guard=false', 'ValidatingAdmissionPolicyBinding guard-objects.securitybaseline.io', false],
  ['features.admission=false', 'ValidatingAdmissionPolicyBinding pods.securitybaseline.io', false],
  ['features.admission=true', 'ValidatingAdmissionPolicyBinding pods.securitybaseline.io', true],
  ['networkPolicy.enabled=false', 'NetworkPolicy security-baseline-system/security-baseline-operator', false],
  ['priorityClassName=mine', 'PriorityClass security-baseline-operator', false],
  ['features.monitoring=PodMonitor', 'PodMonitor security-baseline-system/security-baseline-operator', true],
  [
    'features.monitoring=ServiceMonitor',
    'ServiceMonitor security-baseline-system/security-baseline-operator',
    true,
  ],
];

describe('a value', () => {
  test.each(effects)('%s changes %s at %s', async (values, object, path, expected) => {
    const [kind = '', name] = object.split(' ');
    expect(at(only(await template('--set', values), kind, name), path)).toEqual(expected);
  });

  test.each(presence)('%s decides on %s', async (values, object, isThere) => {
    expect(byName(await template('--set', values)).has(object)).toBe(isThere);
  });

  test('is never one that no test above gives', async () => {
    const given = [...effects, ...presence].map(([values]) => values);
    const untested = leaves(await defaults()).filter(
      ([path]) => !given.some((values) => values.replace(/[[=].*/, '').startsWith(path)),
    );
    expect(untested.map(([path]) => path)).toEqual([]);
  });

  test('that names a namespace reaches every policy that looks at baselines, and no other place', async () => {
    const all = await template(
      '--set',
      'features.admission=true',
      '--set',
      'protectedNamespaces={istio-system}',
    );
    const naming = all.filter((object) => JSON.stringify(object).includes('istio-system'));
    const policies = all.filter(
      ({ kind, metadata }) =>
        kind === 'ValidatingAdmissionPolicy' &&
        metadata.labels?.['securitybaseline.io/parameters'] === 'baselines',
    );
    expect(policies.length).toBeGreaterThan(9);
    expect(naming.map(nameOf).sort()).toEqual(
      [...policies.map(nameOf), 'Deployment security-baseline-system/security-baseline-operator'].sort(),
    );
  });

  test('that names the break-glass group reaches every policy', async () => {
    const values = ['--set', 'features.admission=true', '--set', 'breakGlassGroup=acme:oncall'];
    const all = await template(...values);
    expect(JSON.stringify(all)).not.toContain('security-baseline:break-glass');
    const policies = all.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy');
    for (const policy of policies)
      expect(JSON.stringify(policy), nameOf(policy)).toContain("'acme:oncall' in");
  });

  test("of the release's namespace reaches everything that names the operator's own", async () => {
    const all = await template('--namespace', 'platform', '-f', join(chart, 'values/with-admission.yaml'));
    expect(JSON.stringify(all)).not.toContain('security-baseline-system');
  });
});

describe('values that would not do', () => {
  test.each([
    ['replicas=two', /replicas.*integer/s],
    ['replicas=0', /replicas.*1/s],
    ['replica=3', /replica/],
    ['features.webhook=true', /webhook/],
    ['image.digest=latest', /digest.*pattern/s],
    ['spread=Always', /spread.*(Preferred)/s],
    ["breakGlassGroup=a' || true || 'b", /breakGlassGroup.*pattern/s],
    ['protectedNamespaces={Istio_System}', /protectedNamespaces.*pattern/s],
    ['clusterCidrs={10.0.0.1}', /clusterCidrs.*pattern/s],
    ['bindRoles={*}', /bindRoles.*pattern/s],
    ['logLevel=trace', /logLevel/],
    ['extraArgs={workers=8}', /extraArgs.*pattern/s],
    ['networkPolicy.apiServerPorts={70000}', /apiServerPorts.*65,535/s],
    ['features.monitoring=true', /monitoring/],
    ['features.guard=false,features.admission=true', /features.admission needs features.guard/],
  ])('%s is refused, by name', async (values, message) => {
    expect(await refusal('--set', values)).toMatch(message);
  });
});

test('every value has a default, and says what it is', async () => {
  const schema = JSON.parse(await readFile(join(chart, 'values.schema.json'), 'utf8')) as Schema;
  const described = leavesOfSchema(schema);
  expect(described.filter(({ description }) => description === undefined)).toEqual([]);
  const paths = described.map(({ path }) => path).filter((path) => path !== 'global');
  expect(
    leaves(await defaults())
      .map(([path]) => path)
      .sort(),
  ).toEqual(paths.sort());
});

test('the guide has them all in its table, as the schema says them', async () => {
  const schema = JSON.parse(await readFile(join(chart, 'values.schema.json'), 'utf8')) as Schema;
  const values = new Map(leaves(await defaults()));
  const rows = leavesOfSchema(schema)
    .filter(({ path }) => path !== 'global')
    .map(({ path, description }) => `| \`${path}\` | ${shown(values.get(path))} | ${description} |`);
  const guide = await readFile(join(chart, '../../docs/guides/install.md'), 'utf8');
  expect(guide.split('\n').filter((line) => /^\| `[a-zA-Z.]+` \|/.test(line))).toEqual(rows);
});

interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
}

function leavesOfSchema(schema: Schema, path = ''): { path: string; description: string | undefined }[] {
  if (schema.properties === undefined) return [{ path, description: schema.description }];
  return Object.entries(schema.properties).flatMap(([key, child]) =>
    leavesOfSchema(child, path === '' ? key : `${path}.${key}`),
  );
}

async function defaults(): Promise<object> {
  return parse(await readFile(join(chart, 'values.yaml'), 'utf8')) as object;
}

/** Values that are no groups of values: what is under `resources` is Kubernetes' own. */
function leaves(values: object, prefix = ''): [path: string, value: unknown][] {
  return Object.entries(values).flatMap(([key, value]): [string, unknown][] => {
    const path = `${prefix}${key}`;
    return ['image', 'features', 'networkPolicy'].includes(path)
      ? leaves(value as object, `${path}.`)
      : [[path, value]];
  });
}

/** A default, as the guide shows it. */
function shown(value: unknown): string {
  const isEmpty = value === '' || (typeof value === 'object' && Object.keys(value ?? {}).length === 0);
  return isEmpty ? '' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

function at(object: Manifest | Deployment, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, key) => (value as Readonly<Record<string, unknown>> | undefined)?.[key], object);
}

function image(): string {
  return 'spec.template.spec.containers.0.image';
}

function args(index: number): string {
  return `spec.template.spec.containers.0.args.${index}`;
}
