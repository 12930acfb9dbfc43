import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { baselineSpecShape, type Shape } from '../../../../src/cli/check/baseline-shape.ts';
import { baselinesIn } from '../../../../src/cli/check/baselines.ts';
import { baseline, brokenRules, checkText, deployment, objectsIn, pod } from './check-text.ts';

interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema;
  readonly 'x-kubernetes-int-or-string'?: boolean;
}

/** The CRD's schema in the form of {@link baselineSpecShape}. */
function shapeOf(schema: Schema): Shape {
  if (schema['x-kubernetes-int-or-string'] === true) return 'scalar';
  if (schema.enum !== undefined) return schema.enum;
  if (schema.type === 'string') return 'text';
  if (schema.type === 'boolean') return 'flag';
  if (schema.type === 'integer') return 'number';
  if (schema.items !== undefined) return { '[]': shapeOf(schema.items) };
  if (schema.additionalProperties !== undefined) return { '*': shapeOf(schema.additionalProperties) };
  return Object.fromEntries(
    Object.entries(schema.properties ?? {}).map(([key, value]) => [
      schema.required?.includes(key) ? `${key}!` : key,
      shapeOf(value),
    ]),
  );
}

async function complaints(spec: string): Promise<readonly string[]> {
  const { problems } = baselinesIn(await objectsIn(baseline(spec)));
  return problems.map(({ line = 0, message }) => `${line}: ${message}`);
}

describe('baselines in files', () => {
  it('are held against the schema of the CRD (where this fails, bring src/cli/check/baseline-shape.ts up to date)', () => {
    const file = readFileSync(new URL('../../../../crds/securitybaselines.yaml', import.meta.url), 'utf8');
    const crd = parse(file, { merge: true, maxAliasCount: -1 });
    expect(baselineSpecShape).toEqual(shapeOf(crd.spec.versions[0].schema.openAPIV3Schema.properties.spec));
  });

  it.each([
    ['podSecurty: { enforce: restricted }', 'spec.podSecurty is no field of a SecurityBaseline'],
    ['podSecurity: { enforce: strict }', 'spec.podSecurity.enforce must be one of baseline, restricted'],
    ['podSecurity: [x]', 'spec.podSecurity must be a map'],
    ['limitRanges: x', 'spec.limitRanges must be a list'],
    ['limitRanges: [{ name: a }]', 'spec.limitRanges[0].spec is missing'],
    ['priority: high', 'spec.priority must be a number'],
    [
      'resourceQuotas: [{ name: a, spec: { hard: { pods: [1] } } }]',
      'spec.resourceQuotas[0].spec.hard.pods must be a text or a number',
    ],
    [
      'admission: { images: { requireDigest: "yes" } }',
      'spec.admission.images.requireDigest must be true or false',
    ],
    ['constructor: {}', 'spec.constructor is no field of a SecurityBaseline'],
  ])('are refused as the API server would: %s', async (spec, message) => {
    expect(await complaints(spec)).toEqual([`6: SecurityBaseline tenant: ${message}`]);
  });

  it('may have fields that are null, which the API server drops', async () => {
    expect(await complaints('networkPolicy: null, podSecurity: { enforce: null, warn: baseline }')).toEqual(
      [],
    );
    const text = baseline('networkPolicy: null, podSecurity: { enforce: null, warn: baseline }');
    expect(brokenRules(await checkText(text + pod('hostPID: true')))).toEqual(['SB101']);
  });

  it('may be given twice where they are the same, and not where they differ', async () => {
    const one = baseline('podSecurity: { enforce: baseline }');
    expect(baselinesIn(await objectsIn(one + one)).baselines).toHaveLength(1);
    const { problems } = baselinesIn(await objectsIn(one + baseline('podSecurity: { enforce: restricted }')));
    expect(problems.map(({ message }) => message)).toEqual([
      'SecurityBaseline tenant comes twice, and differs; give one of them',
    ]);
  });
});

describe('which baseline applies', () => {
  const prod = `
---
apiVersion: securitybaseline.io/v1alpha1
kind: SecurityBaseline
metadata: { name: prod }
spec: { namespaceSelector: { matchLabels: { environment: prod } }, podSecurity: { enforce: baseline } }
`;
  const namespace = (labels: string) => `
---
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { ${labels} } }
`;
  const bad = pod('hostPID: true');

  it('is told by the labels of the Namespace among the manifests', async () => {
    expect(brokenRules(await checkText(prod + namespace('environment: prod') + bad))).toEqual(['SB101']);
    expect(brokenRules(await checkText(prod + namespace('environment: test') + bad))).toEqual(['SB901']);
  });

  it('is told by the labels given, for namespaces that no manifest declares', async () => {
    const labels = { environment: 'prod' };
    expect(brokenRules(await checkText(prod + bad, { labels }))).toEqual(['SB101']);
    expect(brokenRules(await checkText(prod + namespace('environment: test') + bad, { labels }))).toEqual([
      'SB901',
    ]);
  });

  it('is told by the name of the namespace, also where none is written', async () => {
    const byName = prod.replace('environment: prod', 'kubernetes.io/metadata.name: team-a');
    const unnamed = bad.replace(', namespace: shop', '');
    expect(brokenRules(await checkText(byName + unnamed, { defaultNamespace: 'team-a' }))).toEqual(['SB101']);
    expect(brokenRules(await checkText(byName + unnamed))).toEqual(['SB901']);
  });

  it('is none in the namespaces of the cluster itself', async () => {
    const all = baseline('podSecurity: { enforce: baseline }');
    expect(brokenRules(await checkText(all + bad.replace('shop', 'kube-system')))).toEqual([]);
  });

  it('makes warnings of what only a baseline in Audit mode minds', async () => {
    const enforcing = baseline('podSecurity: { enforce: baseline }');
    const auditing = baseline(
      'mode: Audit, podSecurity: { enforce: restricted }, admission: { images: { requireDigest: true } }',
      'next',
    );
    const { findings } = await checkText(
      enforcing + auditing + pod('hostPID: true, containers: [{ name: a, image: x }]'),
    );
    const grades = new Map(
      findings.map(({ rule, severity, message }) => [`${rule.id} ${message}`, severity]),
    );
    expect(grades.get('SB101 hostPID is true (level baseline)')).toBe('error');
    expect(grades.get('SB202 docker.io/library/x:latest has no digest')).toBe('warning');
    expect(
      grades.get('SB113 container a does not say that it may not gain privileges (level restricted)'),
    ).toBe('warning');
  });

  it('takes the strictest Pod Security level, and every quota', async () => {
    const one = baseline(
      'podSecurity: { enforce: baseline }, resourceQuotas: [{ name: q, spec: { hard: { pods: 3 } } }]',
      'one',
    );
    const two = baseline(
      'podSecurity: { enforce: restricted }, resourceQuotas: [{ name: q, spec: { hard: { pods: 1 } } }]',
      'two',
    );
    const rules = brokenRules(await checkText(one + two + deployment(2, 'containers: [{ name: a }]')));
    expect(rules).toEqual(expect.arrayContaining(['SB113', 'SB501']));
  });
});
