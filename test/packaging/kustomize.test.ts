/** What is installed with kustomize. */
import { globSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { installation, readManifests } from '../../tools/operator/manifests.ts';
import { readPages, stepsOf } from '../support/docs-pages.ts';
import { type Deployment, kustomize, type Manifest, nameOf, only, root } from './rendering.ts';

const folders = ['config/default', ...globSync('config/overlays/*', { cwd: root }).sort()];

interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

describe.each(folders)('%s', (folder) => {
  test('names each object once, and says of each that it is ours', async () => {
    const objects = await kustomize(folder);
    expect(new Set(objects.map(nameOf)).size).toBe(objects.length);
    const unlabelled = objects.filter(
      ({ kind, metadata }) =>
        kind !== 'CustomResourceDefinition' &&
        metadata.labels?.['app.kubernetes.io/part-of'] !== 'security-baseline-operator',
    );
    expect(unlabelled.map(nameOf)).toEqual([]);
  });

  test("puts nothing outside of the operator's namespace but what cannot be in it", async () => {
    const elsewhere = (await kustomize(folder)).filter(
      ({ metadata: { namespace } }) => namespace !== undefined && namespace !== 'security-baseline-system',
    );
    // Where the API server listens is told in the namespace default.
    expect(elsewhere.map(nameOf)).toEqual([
      'Role default/security-baseline-operator',
      'RoleBinding default/security-baseline-operator',
    ]);
  });

  test('keeps to the least that Kubernetes lets roles be', async () => {
    const roles = [...(await kustomize(folder)), ...(await kustomize('config/components/bind-roles'))].filter(
      ({ kind }) => kind === 'Role' || kind === 'ClusterRole',
    );
    expect(roles.length).toBeGreaterThan(8);
    for (const role of roles) {
      for (const rule of (role.rules ?? []) as readonly Rule[]) {
        const all = [...rule.verbs, ...(rule.apiGroups ?? []), ...(rule.resources ?? [])];
        expect(all, nameOf(role)).not.toContain('*');
        expect(all, nameOf(role)).not.toContain('escalate');
        expect(all, nameOf(role)).not.toContain('impersonate');
        expect(all, nameOf(role)).not.toContain('secrets');
        expect(rule.nonResourceURLs, nameOf(role)).toBeUndefined();
        if (rule.verbs.includes('bind')) expect(rule.resourceNames, nameOf(role)).not.toHaveLength(0);
        if (rule.verbs.includes('bind')) expect(rule.resourceNames, nameOf(role)).toBeDefined();
      }
    }
  });
});

test('the integration tests run under the permissions that are installed', async () => {
  const installed = (await kustomize('config/default')).filter(isPermission);
  const tested = installation.flatMap(manifests).filter(isPermission);
  // Those for people are nothing to the operator.
  const forPeople = manifests('config/people/[!k]*.yaml');
  expect([...tested, ...forPeople].map(nameOf).sort()).toEqual(installed.map(nameOf).sort());
  for (const object of tested)
    expect(object).toEqual(only(installed, object.kind, object.metadata.name, object.metadata.namespace));
});

test('the default installs the guard, and with-admission all of config/policies', async () => {
  const policies = (objects: readonly Manifest[]): readonly string[] =>
    objects
      .filter(({ kind }) => kind.startsWith('ValidatingAdmissionPolicy'))
      .map(nameOf)
      .sort();
  expect(policies(await kustomize('config/default'))).toEqual(
    policies(await kustomize('config/policies/guard')),
  );
  expect(policies(await kustomize('config/overlays/with-admission'))).toEqual(
    policies(await kustomize('config/policies')),
  );
});

test('components can be combined', async () => {
  const { metadata, spec } = only<Deployment>(await kustomize('test/packaging/fixtures/all'), 'Deployment');
  expect(metadata.name).toBe('security-baseline-operator');
  expect(spec.replicas).toBe(3);
  expect(spec.template.spec.containers[0].image).toBe('registry.example.com/sbo@sha256:abc');
});

test("settings of one's own, as the guide has them, reach every policy and the operator", async () => {
  const guide = readPages().find(({ path }) => path === 'docs/guides/install.md');
  const files = guide === undefined ? [] : stepsOf(guide).filter((step) => step.kind === 'file');
  await mkdir(join(root, '.tmp'), { recursive: true });
  const folder = await mkdtemp(join(root, '.tmp', 'guide-'));
  try {
    for (const { name, content } of files) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      // It is one folder deeper here, and one more.
      await writeFile(join(folder, name), content.replaceAll('../config/', '../../../config/'));
    }
    const objects = await kustomize(join(folder, 'my-cluster'));
    const text = (object: Manifest): string => JSON.stringify(object);
    const policies = objects.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy');
    expect(policies.length).toBeGreaterThan(12);
    for (const policy of policies)
      expect(text(policy), nameOf(policy)).toContain("'acme:on-call' in request");
    const ofBaselines = ({ metadata }: Manifest): boolean =>
      metadata.labels?.['securitybaseline.io/parameters'] === 'baselines';
    for (const policy of policies.filter(ofBaselines)) {
      expect(text(policy), nameOf(policy)).toContain('"security-baseline-system","istio-system"]');
    }
    const { containers } = only<Deployment>(objects, 'Deployment').spec.template.spec;
    expect(containers[0].args).toContain('--protected-namespaces=istio-system');
    expect(containers[0].image).toBe('registry.example.com/security-baseline-operator:0.1.0');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('every kustomization renders', async () => {
  const kustomizations = globSync('{config,crds}/**/kustomization.yaml', { cwd: root });
  const rendered = kustomizations.map((file) => relative(root, join(root, file, '..')));
  for (const folder of rendered.filter((path) => !/components|replacements/.test(path)))
    await expect(kustomize(folder), folder).resolves.toBeInstanceOf(Array);
});

function manifests(pattern: string): readonly Manifest[] {
  return readManifests(pattern) as unknown as readonly Manifest[];
}

function isPermission({ kind }: Manifest): boolean {
  return ['Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding', 'ServiceAccount'].includes(kind);
}
