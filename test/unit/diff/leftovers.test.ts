/** What becomes of an object of ours that is no longer wanted: deleted, left behind, or kept while its removal is held. */
import { describe, expect, test } from 'vitest';
import type { BaselineException } from '../../../src/api/types.generated.ts';
import { compose } from '../../../src/baseline/desired.ts';
import { type DesiredState, nothingDesired } from '../../../src/baseline/desired-state.ts';
import { describeChange } from '../../../src/diff/change-set.ts';
import { Differ } from '../../../src/diff/diff.ts';
import type { ObservedObject } from '../../../src/diff/observed.ts';
import { baseline, cluster, objectIn } from '../baseline/fixtures.ts';
import { fingerprinter, inPlace, observed, rival, seen } from './fixtures.ts';

const readPods = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
const facts = { ...cluster, grantable: [readPods] };
const spec = {
  deletionPolicy: 'Orphan' as const,
  networkPolicy: { defaultDeny: ['Egress' as const], allow: { dns: {} } },
  resourceQuotas: [{ name: 'exception-less', spec: { hard: { pods: '10' } } }],
  serviceAccounts: [{ name: 'app', rules: [readPods] }],
  exceptions: { allow: ['Egress' as const] },
};
const tenant = baseline('tenant', spec);
const narrowed = baseline('tenant', {
  ...spec,
  networkPolicy: { defaultDeny: ['Egress'] },
  serviceAccounts: [{ name: 'app' }],
});
const other = baseline('other', { networkPolicy: { defaultDeny: ['Egress'] } });
const egress: BaselineException = {
  apiVersion: 'securitybaseline.io/v1alpha1',
  kind: 'BaselineException',
  metadata: { name: 'e', namespace: 'team-a' },
  spec: { reason: 'for the test', expiresAt: '2030-01-01T00:00:00Z', egress: [{}] },
};
const whole = compose([tenant], facts);
const relaxed = compose([tenant], facts, [egress]);
const relaxation = inPlace(objectIn(relaxed, 'NetworkPolicy', 'tenant.exception-e'));

function actions(
  state: DesiredState,
  objects: readonly ObservedObject[],
  held?: ReadonlySet<string>,
): string[] {
  return new Differ(fingerprinter).diff(state, seen(objects), held).changes.map(describeChange).sort();
}

function all(state: DesiredState): ObservedObject[] {
  return state.objects.map((object) => inPlace(object));
}

describe('under deletionPolicy: Orphan', () => {
  test('all stays behind of a baseline that selects the namespace no more, or is gone', () => {
    expect(actions(nothingDesired, all(whole))).toEqual(
      whole.objects.map(({ kind, name }) => `release ${kind} ${name}`).sort(),
    );
    const beside = compose([other], facts);
    expect(actions(beside, [...all(beside), ...all(whole)])).toEqual(
      whole.objects.map(({ kind, name }) => `release ${kind} ${name}`).sort(),
    );
  });

  test('what a baseline drops while it goes on selecting is deleted: left behind, it would stay open, or granted, unseen', () => {
    expect(actions(compose([narrowed], facts), all(whole))).toEqual([
      'delete NetworkPolicy tenant.allow-dns',
      'delete Role tenant.app',
      'delete RoleBinding tenant.app',
    ]);
  });

  test('what a baseline no longer asks for that was deleted and created again is deleted, too', () => {
    const again = { ...narrowed, metadata: { ...narrowed.metadata, uid: 'another' } };
    const state = compose([again], facts);
    const gone = actions(state, all(whole)).filter((action) => !/^(replace|patch)/.test(action));
    expect(gone).toEqual([
      'delete NetworkPolicy tenant.allow-dns',
      'delete Role tenant.app',
      'delete RoleBinding tenant.app',
    ]);
  });

  test.each<[string, DesiredState]>([
    ['has ended', whole],
    ['is of a baseline that selects the namespace no more', nothingDesired],
    ['belongs to another baseline by now', compose([other, tenant], facts)],
  ])('what an exception opened is deleted when it %s', (_why, state) => {
    expect(actions(state, [...all(state), relaxation])).toEqual(['delete NetworkPolicy tenant.exception-e']);
  });

  test('an item of another kind may be named like an exception, and stays behind like the rest', () => {
    const quota = inPlace(objectIn(whole, 'ResourceQuota', 'tenant.exception-less'));
    expect(actions(nothingDesired, [quota])).toEqual(['release ResourceQuota tenant.exception-less']);
  });
});

describe('while a removal is held', () => {
  const held = new Set(['uid-of-tenant']);
  const applied = {
    manager: 'security-baseline-operator',
    operation: 'Apply' as const,
    fieldsV1: { 'f:automountServiceAccountToken': {} },
  };
  const denied = observed('ServiceAccount', {
    metadata: { name: 'default', managedFields: [applied] },
    automountServiceAccountToken: false,
  });

  test('what the baseline gave stays, and the default ServiceAccount gets no token', () => {
    expect(actions(nothingDesired, [...all(whole), denied], held)).toEqual([]);
  });

  test('what an exception opened goes where another denies, who opens it anew while it is in effect; else it stays', () => {
    expect(actions(nothingDesired, [relaxation], held)).toEqual([]);
    const beside = compose([other], facts);
    expect(actions(beside, [...all(beside), ...all(relaxed)], held)).toEqual([
      'delete NetworkPolicy tenant.exception-e',
    ]);
    const anew = compose([other], facts, [egress]);
    expect(actions(anew, [...all(beside), ...all(relaxed)], held)).toEqual([
      'create NetworkPolicy other.exception-e',
      'delete NetworkPolicy tenant.exception-e',
      'label and annotate Namespace',
    ]);
  });

  test('what an exception opened stays where another denies the other direction only, and opens nothing for it', () => {
    const ingress = baseline('other', { networkPolicy: { defaultDeny: ['Ingress'] } });
    const beside = compose([ingress], facts, [egress]);
    expect(actions(beside, [...all(beside), ...all(relaxed)], held)).toEqual([
      'label and annotate Namespace',
    ]);
  });

  test('what others gave goes', () => {
    const beside = all(compose([other], facts));
    expect(actions(nothingDesired, [...all(whole), ...beside], held)).toEqual([
      'delete NetworkPolicy other.default-deny',
    ]);
  });

  test("what somebody else put where a baseline's own should be goes at once, though it says that it is of the one that is held", () => {
    const beside = baseline('other', { networkPolicy: { defaultDeny: ['Egress'], allow: { dns: {} } } });
    const place = objectIn(compose([beside], facts), 'NetworkPolicy', 'other.allow-dns');
    const labels = { ...place.manifest.metadata.labels, 'securitybaseline.io/baseline-uid': 'uid-of-tenant' };
    const impostor = inPlace(
      place,
      { spec: { podSelector: {}, egress: [{}] } },
      { labels, managedFields: [rival] },
    );
    const state = compose([beside], { ...facts, dns: undefined });
    expect(actions(state, [...all(state), impostor], held)).toEqual(['delete NetworkPolicy other.allow-dns']);
  });

  test('once it is confirmed, all of it goes', () => {
    expect(actions(nothingDesired, [...all(whole), denied])).toHaveLength(whole.objects.length + 1);
  });
});

describe('a ResourceQuota whose scopes differ, which cannot be changed', () => {
  const scoped = compose(
    [
      baseline('tenant', {
        resourceQuotas: [
          { name: 'compute', spec: { hard: { pods: '10' }, scopes: ['Terminating', 'NotBestEffort'] } },
        ],
      }),
    ],
    cluster,
  );
  const quota = objectIn(scoped, 'ResourceQuota', 'tenant.compute');
  const withSpec = (content: object): ObservedObject => inPlace(quota, { spec: content });

  test.each<[string, object]>([
    ['others', { hard: { pods: '10' }, scopes: ['BestEffort'] }],
    ['fewer', { hard: { pods: '10' }, scopes: ['Terminating'] }],
    ['none', { hard: { pods: '9999' } }],
  ])('is made anew: %s', (_what, content) => {
    expect(actions(scoped, [withSpec(content)])).toEqual(['recreate ResourceQuota tenant.compute']);
  });

  test('is changed in place where only its limits differ, and left alone where the scopes are in another order', () => {
    const scopes = ['NotBestEffort', 'Terminating'];
    expect(actions(scoped, [withSpec({ hard: { pods: '11' }, scopes })])).toEqual([
      'replace ResourceQuota tenant.compute',
    ]);
    expect(actions(scoped, [withSpec({ hard: { pods: '10' }, scopes })])).toEqual([]);
  });
});

test('what an exception opened for a baseline that is in Audit mode now ends with it, where another denies', () => {
  const auditing = baseline('tenant', { ...spec, mode: 'Audit' });
  const beside = compose([other, auditing], facts);
  expect(actions(beside, [...all(beside), ...all(relaxed)])).toEqual([
    'delete NetworkPolicy tenant.exception-e',
  ]);
  expect(actions(compose([auditing], facts), all(relaxed))).toEqual([]);
});
