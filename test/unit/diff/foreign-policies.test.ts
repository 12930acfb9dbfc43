import { describe, expect, test } from 'vitest';
import { compose } from '../../../src/baseline/desired.ts';
import { foreignPolicies } from '../../../src/diff/foreign-policies.ts';
import type { ObservedObject } from '../../../src/diff/observed.ts';
import { baseline, cluster, objectIn } from '../baseline/fixtures.ts';
import { inPlace, observed, ours, rival, seen } from './fixtures.ts';

const tenant = baseline('tenant', {
  networkPolicy: { defaultDeny: ['Egress'], allow: { dns: {} } },
});
const other = baseline('other', { networkPolicy: { allow: { nodes: { justification: 'for the test' } } } });
const desired = compose([tenant], cluster);
const inDoubt = compose([tenant], { ...cluster, dns: undefined });
const allowDns = objectIn(desired, 'NetworkPolicy', 'tenant.allow-dns');
const allowNodes = objectIn(compose([tenant, other], cluster), 'NetworkPolicy', 'other.allow-nodes');
const open = { spec: { podSelector: {}, egress: [{}] } };

function foreign(state: typeof desired, ...objects: ObservedObject[]): string[] {
  return foreignPolicies(state, seen(objects)).map(({ name }) => name);
}

describe('a NetworkPolicy is not foreign', () => {
  test('that is desired, or will be made so', () => {
    expect(foreign(desired, inPlace(allowDns), inPlace(allowDns, open, { managedFields: [rival] }))).toEqual(
      [],
    );
  });

  test('that we wrote for what cannot be told at the moment', () => {
    expect(foreign(inDoubt, inPlace(allowDns))).toEqual([]);
  });

  test('that we wrote for a baseline which desires nothing here now: in Audit mode, or held in its removal', () => {
    const auditing = compose([tenant, { ...other, spec: { ...other.spec, mode: 'Audit' } }], cluster);
    expect(auditing.auditing).toHaveLength(1);
    expect(foreign(auditing, inPlace(allowNodes))).toEqual([]);
    expect(foreign(desired, inPlace(allowNodes))).toEqual([]);
  });

  test('on which somebody has only noted something down', () => {
    const noted = { ...rival, fieldsV1: { 'f:metadata': {} } };
    expect(foreign(desired, inPlace(allowNodes, {}, { managedFields: [ours, noted] }))).toEqual([]);
  });
});

describe('a NetworkPolicy is foreign', () => {
  test("that is a tenant's", () => {
    expect(foreign(desired, observed('NetworkPolicy', { metadata: { name: 'theirs' }, ...open }))).toEqual([
      'theirs',
    ]);
  });

  test.each<[string, ObservedObject]>([
    ['carries our labels under another name', inPlace(allowNodes, open, { name: 'in-disguise' })],
    ['carries our labels, but not us as manager', inPlace(allowNodes, open, { managedFields: [rival] })],
    ['carries our labels, and no manager', inPlace(allowNodes, open, { managedFields: [] })],
    ['we wrote, and somebody else changed', inPlace(allowNodes, open, { managedFields: [ours, rival] })],
    ['we wrote, without our labels', inPlace(allowNodes, open, { labels: {} })],
    [
      'we wrote, and somebody keeps from going',
      inPlace(allowNodes, {}, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    ],
  ])('that %s', (_what, object) => {
    expect(foreign(desired, object)).toEqual([object.name]);
  });

  test('that stands in place of ours where what ours should be cannot be told', () => {
    const impostor = inPlace(allowDns, open, { managedFields: [rival] });
    expect(foreign(inDoubt, impostor)).toEqual(['tenant.allow-dns']);
  });
});
