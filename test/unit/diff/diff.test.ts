import { describe, expect, test } from 'vitest';
import { compose } from '../../../src/baseline/desired.ts';
import { type DesiredState, nothingDesired } from '../../../src/baseline/desired-state.ts';
import { describeChange, isInPlace } from '../../../src/diff/change-set.ts';
import { Differ } from '../../../src/diff/diff.ts';
import type { ObservedObject } from '../../../src/diff/observed.ts';
import type { ObservedNamespace } from '../../../src/diff/observed-namespace.ts';
import { baseline, cluster, objectIn } from '../baseline/fixtures.ts';
import { fingerprinter, inPlace, observed, ours, rival, seen } from './fixtures.ts';

const readPods = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
const tenant = baseline('tenant', {
  networkPolicy: { defaultDeny: ['Ingress', 'Egress'], allow: { dns: {} } },
  resourceQuotas: [{ name: 'compute', spec: { hard: { pods: '10' } } }],
  serviceAccounts: [{ name: 'app', imagePullSecrets: ['registry'], rules: [readPods] }],
});
const desired = compose([tenant], { ...cluster, grantable: [readPods] });
const everything = desired.objects.map((object) => inPlace(object));
const deny = objectIn(desired, 'NetworkPolicy', 'tenant.default-deny');
const binding = objectIn(desired, 'RoleBinding', 'tenant.app');
const account = objectIn(desired, 'ServiceAccount', 'app');

function diff(state: DesiredState, objects: readonly ObservedObject[], ns?: ObservedNamespace) {
  return new Differ(fingerprinter).diff(state, seen(objects, ns));
}

/** What is to be done, in words, with the reason. */
function actions(state: DesiredState, objects: readonly ObservedObject[], ns?: ObservedNamespace): string[] {
  return diff(state, objects, ns).changes.map((change) =>
    'why' in change ? `${describeChange(change)}: ${change.why}` : describeChange(change),
  );
}

/** Everything in place but for this object, which is replaced by another record, or gone. */
function withChanged(
  changed: { kind: string; name: string },
  ...instead: ObservedObject[]
): ObservedObject[] {
  return [
    ...everything.filter(({ kind, name }) => kind !== changed.kind || name !== changed.name),
    ...instead,
  ];
}

describe('what is as it should be', () => {
  test('is left alone', () => {
    const changeSet = diff(desired, everything);
    expect(changeSet.changes).toEqual([]);
    expect(isInPlace(changeSet)).toBe(true);
    expect(changeSet.unchanged).toBe(desired.objects.length);
  });

  test('is left alone though others wrote labels, or a quota has a status', () => {
    const labelled = inPlace(deny, {}, { labels: { ...deny.manifest.metadata.labels, team: 'a' } });
    expect(actions(desired, withChanged(deny, labelled))).toEqual([]);
  });
});

describe('an object of ours', () => {
  test('that is not there is created', () => {
    expect(actions(desired, withChanged(deny))).toEqual(['create NetworkPolicy tenant.default-deny']);
  });

  test.each<[string, string, ObservedObject]>([
    [
      'opened through a field that we leave empty',
      'edited',
      inPlace(
        deny,
        { spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: [{}] } },
        { managedFields: [ours, rival] },
      ),
    ],
    [
      'written before its baseline changed',
      'outdated',
      inPlace(deny, { spec: { podSelector: {}, policyTypes: ['Ingress'] } }),
    ],
    [
      'of a baseline that was deleted and created again',
      'outdated',
      inPlace(
        deny,
        {},
        {
          labels: { ...deny.manifest.metadata.labels, 'securitybaseline.io/baseline-uid': 'former' },
          managedFields: [ours, rival],
        },
      ),
    ],
    ['emptied of its labels', 'edited', inPlace(deny, {}, { labels: {} })],
    [
      'robbed of its managed-by label alone',
      'edited',
      inPlace(deny, {}, { labels: { 'securitybaseline.io/baseline-uid': 'uid-of-tenant' } }),
    ],
    [
      'that is an impostor: of our name, and never written by us',
      'impostor',
      inPlace(deny, { spec: { podSelector: {}, ingress: [{}] } }, { labels: {}, managedFields: [rival] }),
    ],
    ['given an owner', 'outdated', inPlace(deny, {}, { ownerReferences: [{ uid: 'x' }] } as object)],
  ])('%s is replaced (%s)', (_name, why, record) => {
    expect(actions(desired, withChanged(deny, record))).toEqual([
      `replace NetworkPolicy tenant.default-deny: ${why}`,
    ]);
  });

  test('a binding to another role is made anew, since that cannot be changed', () => {
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' };
    expect(actions(desired, withChanged(binding, inPlace(binding, { roleRef })))).toEqual([
      'recreate RoleBinding tenant.app: outdated',
    ]);
  });

  test('a binding with other subjects is replaced', () => {
    const subjects = [{ kind: 'Group', name: 'system:authenticated' }];
    expect(actions(desired, withChanged(binding, inPlace(binding, { subjects })))).toEqual([
      'replace RoleBinding tenant.app: outdated',
    ]);
  });
});

describe('what is no longer wanted', () => {
  test('is deleted, where it is ours', () => {
    expect(actions(nothingDesired, everything).sort()).toEqual(
      desired.objects.map(({ kind, name }) => `delete ${kind} ${name}`).sort(),
    );
  });

  test.each<[string, ObservedObject]>([
    ["somebody else's", observed('NetworkPolicy', { metadata: { name: 'theirs' } })],
    [
      "somebody else's of a name like ours",
      observed('NetworkPolicy', { metadata: { name: 'tenant.theirs' } }),
    ],
    ['an object of another name, labelled as if it were ours', inPlace(deny, {}, { name: 'theirs' })],
    ['one that is on its way out', inPlace(deny, {}, { deletionTimestamp: '2026-01-01T00:00:00Z' })],
    [
      'one labelled by another manager',
      inPlace(
        deny,
        {},
        { labels: { ...deny.manifest.metadata.labels, 'app.kubernetes.io/managed-by': 'helm' } },
      ),
    ],
    [
      'a ServiceAccount with our labels that we never wrote',
      inPlace(account, {}, { managedFields: [rival] }),
    ],
  ])('is not touched: %s', (_name, record) => {
    expect(actions(nothingDesired, [record])).toEqual([]);
  });

  test('is left to a baseline in Audit mode that wrote it when it enforced', () => {
    const auditing = [{ name: 'tenant', uid: 'uid-of-tenant' }];
    expect(actions({ ...nothingDesired, auditing }, everything)).toEqual([]);
  });
});

describe('what should be kept, since what it should be is not known', () => {
  const unknown = compose([tenant], { ...cluster, dns: undefined, grantable: [readPods] });
  const allowDns = objectIn(desired, 'NetworkPolicy', 'tenant.allow-dns');

  test('is neither deleted nor written', () => {
    expect(actions(unknown, everything)).toEqual([]);
    expect(actions(unknown, withChanged(allowDns))).toEqual([]);
  });

  const open = { spec: { podSelector: {}, egress: [{}] } };

  test.each<[string, string, ObservedObject]>([
    ['somebody else has rewritten it', 'edited', inPlace(allowDns, open, { managedFields: [ours, rival] })],
    ['somebody has taken our labels off it', 'edited', inPlace(allowDns, {}, { labels: {} })],
    [
      'somebody else made it, also with all our labels on it',
      'impostor',
      inPlace(allowDns, open, { managedFields: [rival] }),
    ],
    [
      'somebody else made it, and has the API server forget who',
      'impostor',
      inPlace(allowDns, open, { managedFields: [] }),
    ],
    [
      'somebody else made it',
      'impostor',
      inPlace(allowDns, open, { labels: {}, annotations: {}, managedFields: [rival] }),
    ],
    [
      'somebody else made it and would have it left behind',
      'impostor',
      inPlace(allowDns, open, {
        managedFields: [rival],
        annotations: { 'securitybaseline.io/deletion-policy': 'Orphan' },
      }),
    ],
  ])('goes where %s (%s)', (_how, why, record) => {
    expect(actions(unknown, withChanged(allowDns, record))).toEqual([
      `delete NetworkPolicy tenant.allow-dns: ${why}`,
    ]);
  });

  test('is followed again when it is known again', () => {
    const stale = inPlace(allowDns, { spec: { podSelector: {}, policyTypes: ['Egress'] } });
    expect(actions(unknown, withChanged(allowDns, stale))).toEqual([]);
    expect(actions(desired, withChanged(allowDns, stale))).toEqual([
      'replace NetworkPolicy tenant.allow-dns: outdated',
    ]);
  });

  test('is nothing else: another leftover goes', () => {
    const other = inPlace(deny, {}, { name: 'tenant.allow-nodes' });
    expect(actions(unknown, [...everything, other])).toEqual(['delete NetworkPolicy tenant.allow-nodes']);
  });
});

describe('ServiceAccounts, whose names are the users', () => {
  test('one that is not ours is a clash, is not taken over, and gets no rights', () => {
    const theirs = observed('ServiceAccount', { metadata: { name: 'app' } });
    const changeSet = diff(desired, withChanged(account, theirs));
    expect(actions(desired, withChanged(account, theirs))).toEqual(['delete RoleBinding tenant.app']);
    expect(changeSet.clashes).toMatchObject([{ kind: 'ServiceAccount', name: 'app' }]);
    expect(isInPlace(changeSet)).toBe(false);
  });

  test.each<[string, ObservedObject, string[]]>([
    ['that mounts its token again', inPlace(account, { automountServiceAccountToken: true }), ['registry']],
    ['without our pull secret', inPlace(account, { imagePullSecrets: [] }), ['registry']],
    [
      'with a pull secret of theirs beside',
      inPlace(account, { automountServiceAccountToken: true, imagePullSecrets: [{ name: 'theirs' }] }),
      ['theirs', 'registry'],
    ],
    [
      'with a pull secret that was ours',
      inPlace(
        account,
        { imagePullSecrets: [{ name: 'former' }, { name: 'theirs' }, { name: 'registry' }] },
        { annotations: { 'securitybaseline.io/image-pull-secrets': 'former,registry' } },
      ),
      ['theirs', 'registry'],
    ],
    ['emptied of its labels', inPlace(account, {}, { labels: {} }), ['registry']],
  ])('%s is patched, and keeps what is theirs', (_name, record, pullSecrets) => {
    const { changes } = diff(desired, withChanged(account, record));
    expect(changes).toMatchObject([{ action: 'patch', desired: { name: 'app' }, pullSecrets }]);
  });

  const adder = {
    ...rival,
    manager: 'image-puller',
    fieldsV1: { 'f:imagePullSecrets': {}, 'f:secrets': {} },
  };
  const added = { imagePullSecrets: [{ name: 'theirs' }, { name: 'registry' }] };

  test.each<[string, ObservedObject]>([
    ['outdated', inPlace(account, added, { managedFields: [ours, adder] })],
    ['edited', inPlace(account, { imagePullSecrets: [] }, { managedFields: [ours, adder] })],
    [
      'edited',
      inPlace(account, added, {
        managedFields: [ours, { ...adder, fieldsV1: { 'f:automountServiceAccountToken': {} } }],
      }),
    ],
  ])('who adds to them is no rival; who takes from them or mounts tokens is: %s', (why, record) => {
    const next = baseline('tenant', {
      serviceAccounts: [{ name: 'app', imagePullSecrets: ['another'], rules: [readPods] }],
    });
    const state = compose([next], { ...cluster, grantable: [readPods] });
    const { changes } = diff(state, [record]);
    expect(changes.find(({ action }) => action === 'patch')).toMatchObject({ why });
  });

  test('a pull secret of theirs alone is no drift', () => {
    const record = inPlace(account, { imagePullSecrets: [{ name: 'theirs' }, { name: 'registry' }] });
    expect(actions(desired, withChanged(account, record))).toEqual([]);
  });
});

describe('the default ServiceAccount', () => {
  const denying = compose(
    [baseline('tenant', { defaultServiceAccount: { automountToken: false } })],
    cluster,
  );
  const applied = {
    manager: 'security-baseline-operator',
    operation: 'Apply' as const,
    fieldsV1: { 'f:automountServiceAccountToken': {} },
  };
  const standard = observed('ServiceAccount', { metadata: { name: 'default' } });
  const denied = observed('ServiceAccount', {
    metadata: { name: 'default', managedFields: [applied] },
    automountServiceAccountToken: false,
  });

  test('has its token denied, once', () => {
    expect(diff(denying, [standard]).changes).toEqual([
      { action: 'set-default-token', automount: false, account: standard },
    ]);
    expect(diff(denying, [denied]).changes).toEqual([]);
  });

  test('is given back what was ours, and nothing else', () => {
    expect(diff(nothingDesired, [denied]).changes).toEqual([
      { action: 'set-default-token', automount: undefined, account: denied },
    ]);
    const theirs = observed('ServiceAccount', {
      metadata: { name: 'default' },
      automountServiceAccountToken: false,
    });
    expect(diff(nothingDesired, [theirs]).changes).toEqual([]);
  });
});
