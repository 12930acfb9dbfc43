/** The Helm chart: that it is the same install as kustomize's. */
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { byName, chart, kustomize, lint, type Manifest, nameOf, template } from './rendering.ts';

/** Each overlay of kustomize, and the values that are its counterpart. */
const counterparts: Readonly<Record<string, readonly string[]>> = {
  'config/default': [],
  'config/overlays/with-admission': ['-f', join(chart, 'values/with-admission.yaml')],
  'config/overlays/ha': ['-f', join(chart, 'values/ha.yaml')],
  'config/overlays/monitoring': ['-f', join(chart, 'values/monitoring.yaml')],
};

describe.each(Object.entries(counterparts))('%s', (overlay, values) => {
  let byKustomize: ReadonlyMap<string, Manifest>;
  let byHelm: ReadonlyMap<string, Manifest>;
  beforeAll(async () => {
    byKustomize = byName(await kustomize(overlay));
    byHelm = byName(await template(...values));
  });

  test('holds the objects that the chart holds, and the namespace, which Helm is told', () => {
    const names = [...byKustomize.keys()].filter((name) => name !== 'Namespace security-baseline-system');
    expect([...byHelm.keys()].sort()).toEqual(names.sort());
  });

  test('says of each object what the chart says', () => {
    for (const [name, object] of byHelm) expect(withoutKeep(object), name).toEqual(byKustomize.get(name));
  });

  test('keeps CRDs from being taken away with a release, and nothing else', () => {
    const kept = [...byHelm.values()].filter(
      ({ metadata }) => metadata.annotations?.['helm.sh/resource-policy'] === 'keep',
    );
    expect(kept.map(nameOf).sort()).toEqual([
      'CustomResourceDefinition baselineexceptions.securitybaseline.io',
      'CustomResourceDefinition securitybaselines.securitybaseline.io',
    ]);
  });
});

test('Roles that may be bound by name are the same, by the component and by the value', async () => {
  const byComponent = byName(await kustomize('config/components/bind-roles'));
  const byHelm = byName(await template('--set', 'bindRoles={tenant.app}'));
  expect([...byComponent.keys()]).toEqual(['ClusterRole security-baseline-operator-bind-roles']);
  for (const [name, object] of byComponent) expect(byHelm.get(name)).toEqual(object);
});

test('Helm finds nothing to complain of', async () => {
  expect(await lint()).toContain('1 chart(s) linted, 0 chart(s) failed');
});

function withoutKeep(object: Manifest): Manifest {
  const { annotations, ...metadata } = object.metadata;
  if (annotations?.['helm.sh/resource-policy'] === undefined) return object;
  const { 'helm.sh/resource-policy': _, ...rest } = annotations;
  return {
    ...object,
    metadata: Object.keys(rest).length === 0 ? metadata : { ...metadata, annotations: rest },
  };
}
