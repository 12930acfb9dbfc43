import { describe, expect, test } from 'vitest';
import { compose } from '../../../src/baseline/desired.ts';
import { type Change, describeChange, inStages, inTracks } from '../../../src/diff/change-set.ts';
import { baseline, cluster } from '../baseline/fixtures.ts';
import { inPlace } from './fixtures.ts';

const readPods = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
const { objects } = compose(
  [
    baseline('tenant', {
      networkPolicy: { defaultDeny: ['Ingress'], allow: { sameNamespace: {} } },
      resourceQuotas: [{ name: 'compute', spec: { hard: { pods: '10' } } }],
      serviceAccounts: [{ name: 'app', rules: [readPods] }],
    }),
  ],
  { ...cluster, grantable: [readPods] },
);
const creations = objects.map((desired): Change => ({ action: 'create', desired }));
const removals = objects.map((object): Change => ({ action: 'delete', observed: inPlace(object) }));
const label: Change = { action: 'label', labels: {}, annotations: {}, loses: false };
const token: Change = { action: 'set-default-token', automount: false, account: undefined };

/** For each change, in which stage it is made. */
function stages(changes: readonly Change[], isNew: boolean): Record<string, number> {
  return Object.fromEntries(
    inStages(changes, isNew).flatMap((stage, index) =>
      stage.map((change) => [describeChange(change), index]),
    ),
  );
}

describe('the order of changes', () => {
  test('in a new namespace: the deny first, with Roles; their bindings after them', () => {
    const order = stages([...creations, label, token], true);
    expect(order['create NetworkPolicy tenant.default-deny']).toBe(0);
    expect(order['create Role tenant.app']).toBe(0);
    expect(order['create RoleBinding tenant.app']).toBe(1);
    expect(order['create NetworkPolicy tenant.allow-same-namespace']).toBe(1);
    expect(order[describeChange(label)]).toBe(1);
  });

  test('in a live namespace: what allows before what denies', () => {
    const order = stages([...creations, label, token], false);
    const denied = order['create NetworkPolicy tenant.default-deny'] ?? -1;
    for (const [name, stage] of Object.entries(order)) {
      if (!name.endsWith('default-deny')) expect(stage).toBeLessThan(denied);
    }
    expect(order['create Role tenant.app']).toBeLessThan(order['create RoleBinding tenant.app'] ?? -1);
  });

  test('when protection goes: the deny before what allows', () => {
    const order = stages(removals, false);
    expect(order['delete NetworkPolicy tenant.default-deny']).toBe(0);
    expect(order['delete NetworkPolicy tenant.allow-same-namespace']).toBe(1);
  });

  test('what comes is made before what goes', () => {
    const order = stages([...removals, ...creations], false);
    const last = Math.max(...creations.map((change) => order[describeChange(change)] ?? -1));
    for (const change of removals) expect(order[describeChange(change)]).toBeGreaterThan(last);
  });

  test.each([true, false])('loses no change and makes none twice (new: %s)', (isNew) => {
    const changes = [...removals, label, ...creations, token];
    const made = inStages(changes, isNew).flat();
    expect(made).toHaveLength(changes.length);
    expect(new Set(made)).toEqual(new Set(changes));
  });

  test.each([true, false])(
    'Roles and bindings hold up nothing, and nothing holds them up (new: %s)',
    (isNew) => {
      const [rest = [], access = []] = inTracks([...removals, label, ...creations, token], isNew);
      const kindsOf = (track: readonly (readonly Change[])[]): Set<string> =>
        new Set(track.flat().map((change) => describeChange(change).split(' ')[1] ?? ''));
      expect(kindsOf(access)).toEqual(new Set(['Role', 'RoleBinding']));
      expect(kindsOf(rest)).not.toContain('Role');
      expect(rest.flat().length + access.flat().length).toBe(removals.length + creations.length + 2);
      expect(access[0]?.map(describeChange)).toEqual(['create Role tenant.app']);
    },
  );

  test('has no empty stages', () => {
    expect(inStages([label], true)).toEqual([[label]]);
    expect(inStages([], false)).toEqual([]);
  });
});
