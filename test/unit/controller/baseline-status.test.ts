import { describe, expect, test } from 'vitest';
import type { SecurityBaseline } from '../../../src/api/types.generated.ts';
import { emptySummary, statusOf, summarize } from '../../../src/controller/baseline-status.ts';
import type { NamespaceState } from '../../../src/controller/namespace-states.ts';
import { baseline } from '../baseline/fixtures.ts';
import { desiredBy, failure, problem, state } from './fixtures.ts';

const now = '2026-02-02T00:00:00Z';

function statusFrom(
  states: readonly NamespaceState[],
  of: SecurityBaseline = baseline('tenant'),
  held?: string,
) {
  const { byBaseline, uncovered } = summarize(states);
  return statusOf(of, byBaseline.get(of.metadata.uid ?? '') ?? emptySummary, uncovered, { held }, now);
}

/** `Type=Status (Reason)` of each condition. */
function conditionsFrom(states: readonly NamespaceState[], of?: SecurityBaseline): string[] {
  return (statusFrom(states, of).conditions ?? []).map(
    ({ type, status, reason }) => `${type}=${status} (${reason})`,
  );
}

const selected = desiredBy(['tenant']);

describe('the counts', () => {
  test('say of each baseline how many namespaces are selected, hardened and failing, and of all how many none enforces', () => {
    const states = [
      state('a', selected),
      state('b', selected, { phase: 'failing', failures: [failure('tenant')] }),
      state('c', selected, { phase: 'pending', pending: 'new' }),
      state('d', desiredBy(['tenant', 'other'])),
      state('e', desiredBy([])),
      state('f', desiredBy([], { auditing: ['other'] })),
    ];
    expect(statusFrom(states).namespaces).toEqual({ selected: 4, hardened: 2, failing: 1, uncovered: 2 });
    expect(statusFrom(states, baseline('other')).namespaces).toMatchObject({ selected: 2, hardened: 2 });
  });

  test('of a baseline that selects nothing are zero, and it is ready', () => {
    expect(statusFrom([]).namespaces).toEqual({ selected: 0, hardened: 0, failing: 0, uncovered: 0 });
    expect(conditionsFrom([])).toEqual(['Ready=True (Reconciled)', 'AllHardened=True (Hardened)']);
  });
});

describe('the conditions', () => {
  test.each<[string, NamespaceState[], string[]]>([
    [
      'everything hardened',
      [state('a', selected)],
      ['Ready=True (Reconciled)', 'AllHardened=True (Hardened)'],
    ],
    [
      'a namespace just created, which does not flip Ready',
      [state('a', selected), state('b', selected, { phase: 'pending', pending: 'new' })],
      ['Ready=True (Reconciled)', 'AllHardened=False (NamespacesPending)'],
    ],
    [
      'a rollout',
      [state('a', selected, { phase: 'pending', pending: 'rollout' })],
      ['Ready=False (RollingOut)', 'Reconciling=True (RollingOut)', 'AllHardened=False (NamespacesPending)'],
    ],
    [
      "a tenant's own mistake, which cannot turn Ready red",
      [state('a', selected, { phase: 'failing', failures: [failure('tenant')] })],
      ['Ready=True (Reconciled)', 'AllHardened=False (NamespacesFailing)'],
    ],
    [
      "the platform's",
      [state('a', selected, { phase: 'failing', failures: [failure('tenant'), failure('platform')] })],
      ['Ready=False (Forbidden)', 'Stalled=True (Forbidden)', 'AllHardened=False (NamespacesFailing)'],
    ],
    [
      'what will pass',
      [state('a', selected, { phase: 'failing', failures: [failure('passing')] })],
      [
        'Ready=False (Unavailable)',
        'Reconciling=True (Unavailable)',
        'AllHardened=False (NamespacesFailing)',
      ],
    ],
    [
      'something missing, though every namespace has all the rest',
      [state('a', desiredBy(['tenant'], { problems: [problem('tenant', true)] }))],
      ['Ready=False (DnsNotFound)', 'Stalled=True (DnsNotFound)', 'AllHardened=False (DnsNotFound)'],
    ],
    [
      'something that another baseline gives',
      [state('a', desiredBy(['tenant'], { problems: [problem('tenant', false)] }))],
      [
        'Ready=True (Reconciled)',
        'AllHardened=True (Hardened)',
        'Overridden=True (ServiceAccountOverridden)',
      ],
    ],
    [
      "another baseline's problem",
      [state('a', desiredBy(['tenant', 'other'], { problems: [problem('other', true)] }))],
      ['Ready=True (Reconciled)', 'AllHardened=True (Hardened)'],
    ],
  ])('on %s', (_name, states, conditions) => {
    expect(conditionsFrom(states)).toEqual(conditions);
  });

  test('tell one problem once, however many namespaces have it', () => {
    const states = ['a', 'b', 'c'].map((name) =>
      state(name, desiredBy(['tenant'], { problems: [problem('tenant', true)] })),
    );
    const message = statusFrom(states).conditions?.find(({ type }) => type === 'AllHardened')?.message;
    expect(message).toBe('3 of 3 selected namespaces are hardened; tenant lacks something');
  });

  test('tell what is held', () => {
    const conditions = statusFrom([], baseline('tenant'), '12 namespaces').conditions;
    expect(conditions).toContainEqual(
      expect.objectContaining({ type: 'RemovalHeld', status: 'True', message: '12 namespaces' }),
    );
  });

  test('keep their transition times, so that the same again is the same', () => {
    const states = [state('a', selected)];
    const given = baseline('tenant');
    const earlier = { ...given, status: statusOf(given, emptySummary, 0, {}, '2026-01-01T00:00:00Z') };
    for (const { lastTransitionTime } of statusFrom(states, earlier).conditions ?? []) {
      expect(lastTransitionTime).toBe('2026-01-01T00:00:00Z');
    }
  });

  test('say of which generation they are', () => {
    const given = baseline('tenant');
    const status = statusFrom([], { ...given, metadata: { ...given.metadata, generation: 7 } });
    expect(status.observedGeneration).toBe(7);
    expect(status.conditions?.every(({ observedGeneration }) => observedGeneration === 7)).toBe(true);
  });
});

describe('the status is bounded', () => {
  const failing = Array.from({ length: 25 }, (_, i) =>
    state(`team-${String(25 - i).padStart(2, '0')}`, selected, {
      phase: 'failing',
      failures: [failure('tenant', 'x'.repeat(900)), failure('tenant', 'y'.repeat(900))],
    }),
  );

  test('the first failing namespaces are named, by name; the count says how many there are', () => {
    const status = statusFrom(failing);
    expect(status.failing?.map(({ namespace }) => namespace)).toEqual(
      Array.from({ length: 10 }, (_, i) => `team-${String(i + 1).padStart(2, '0')}`),
    );
    expect(status.namespaces?.failing).toBe(25);
  });

  test('no message is longer than the schema allows', () => {
    const problems = Array.from({ length: 40 }, (_, i) => problem('tenant', true, `${i} ${'z'.repeat(300)}`));
    const status = statusFrom([...failing, state('a', desiredBy(['tenant'], { problems }))]);
    for (const { message } of status.failing ?? []) expect(message.length).toBeLessThanOrEqual(1024);
    for (const { message } of status.conditions ?? []) expect(message.length).toBeLessThanOrEqual(4096);
  });
});

describe('in Audit mode', () => {
  const auditing = baseline('tenant', { mode: 'Audit' });
  const audited = desiredBy(['other'], { auditing: ['tenant'] });
  const finding = (change: string, name = 'tenant') => ({ baselineUid: `uid-of-${name}`, change });

  test('the status says what would change, and where, in the first namespaces by name', () => {
    const states = [
      state('b', audited, { audit: [finding('create NetworkPolicy x'), finding('create ResourceQuota y')] }),
      state('a', audited, { audit: [finding('create NetworkPolicy x'), finding('not ours', 'another')] }),
      state('c', audited),
    ];
    const status = statusFrom(states, auditing);
    expect(status.audit).toEqual({
      changes: 3,
      namespaces: 2,
      first: [
        { namespace: 'a', changes: ['create NetworkPolicy x'] },
        { namespace: 'b', changes: ['create NetworkPolicy x', 'create ResourceQuota y'] },
      ],
    });
    expect(status.namespaces).toMatchObject({ selected: 3, hardened: 1 });
  });

  test('nothing is said of audits where the baseline enforces', () => {
    expect(statusFrom([state('a', selected)])).not.toHaveProperty('audit');
  });
});
