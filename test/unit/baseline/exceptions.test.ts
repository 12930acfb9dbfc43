import { describe, expect, test } from 'vitest';
import type { BaselineException } from '../../../src/api/types.generated.ts';
import { judge } from '../../../src/baseline/exceptions.ts';
import { baseline } from './fixtures.ts';

const created = '2026-01-01T00:00:00Z';
const now = Date.parse('2026-01-01T01:00:00Z');

/** Asks for more pods, for so many hours. */
function morePods(hours: number, status: BaselineException['status'] = {}): BaselineException {
  const expiresAt = new Date(Date.parse(created) + hours * 3_600_000).toISOString();
  return {
    apiVersion: 'securitybaseline.io/v1alpha1',
    kind: 'BaselineException',
    metadata: { name: 'more', uid: 'uid-of-more', generation: 1, creationTimestamp: created },
    spec: { reason: 'a migration needs it', expiresAt, quota: { hard: { pods: '30' } } },
    status,
  };
}

describe('exceptions (a row of the composition table)', () => {
  const allows = (name: string, maxDuration: string) =>
    baseline(name, { exceptions: { allow: ['Quota'], maxDuration } });

  test('what every selecting baseline allows: one that does not refuses for all, and is named', () => {
    const silent = baseline('silent');
    expect(judge(morePods(2), [allows('a', '720h')], now).state).toBe('AwaitingApproval');
    const verdict = judge(morePods(2), [allows('a', '720h'), silent], now);
    expect(verdict).toMatchObject({ state: 'NotAllowed', relaxes: [] });
    expect(verdict.message).toContain('silent');
    const other = baseline('other', { exceptions: { allow: ['Egress'] } });
    expect(judge(morePods(2), [other], now).state).toBe('NotAllowed');
  });

  test('the shortest maxDuration counts, from creation on, whichever baseline says it', () => {
    const short = allows('short', '10h');
    const long = allows('long', '720h');
    expect(judge(morePods(10), [long, short], now).state).toBe('AwaitingApproval');
    for (const order of [
      [long, short],
      [short, long],
    ]) {
      expect(judge(morePods(11), order, now)).toMatchObject({
        state: 'TooLong',
        message: expect.stringContaining('short'),
      });
    }
  });

  test('720 hours are the most where nothing is said', () => {
    const unsaid = baseline('a', { exceptions: { allow: ['Quota'] } });
    expect(judge(morePods(720), [unsaid], now).state).toBe('AwaitingApproval');
    expect(judge(morePods(721), [unsaid], now).state).toBe('TooLong');
  });

  test('nothing is relaxed where no baseline enforces, nor from the second on in which it expires', () => {
    expect(judge(morePods(2), [], now).state).toBe('NotCovered');
    const end = Date.parse(created) + 2 * 3_600_000;
    expect(judge(morePods(2), [allows('a', '720h')], end - 1).state).toBe('AwaitingApproval');
    expect(judge(morePods(2), [allows('a', '720h')], end).state).toBe('Expired');
  });
});

describe('a time that was stored though it is none', () => {
  const allows = [baseline('a', { exceptions: { allow: ['Quota'] } })];
  const approved = morePods(2, { approval: { by: 'security', uid: 'uid-of-more', generation: 1 } });

  test.each([
    '2026-01-01T10:00:00+99:99',
    '2026-01-01T10:00:00ZTfoo',
    '2026-01-01T10:00:00x5Z',
    '2026-01-01 10:00:00Z',
    '2026-01-01T10:00:00',
    '2026-13-01T10:00:00Z',
    'Thu, 01 Jan 2026 10:00:00 GMT',
    '2026',
    '',
  ])('counts as over where it is the end: %j', (expiresAt) => {
    const verdict = judge({ ...approved, spec: { ...approved.spec, expiresAt } }, allows, now);
    expect(verdict).toMatchObject({ state: 'Expired', relaxes: [], changesAt: undefined });
    expect(verdict.message).toContain('spec.expiresAt is no time such as 2027-01-31T18:00:00Z');
  });

  test.each([
    '2026-01-01T02:00:00+01:00',
    '2026-01-01T01:00:00.001Z',
    '2026-01-01T01:30:00-00:00',
    '2026-01-01t01:00:00z',
  ])('is none of these: %j', (expiresAt) => {
    const verdict = judge({ ...approved, spec: { ...approved.spec, expiresAt } }, allows, now - 1);
    expect(verdict).toMatchObject({ state: 'Active', changesAt: Date.parse(expiresAt.toUpperCase()) });
  });

  test.each([undefined, '', 'yesterday'])('makes it too long where it is the creation: %j', (created) => {
    const metadata = { ...approved.metadata, creationTimestamp: created } as BaselineException['metadata'];
    expect(judge({ ...approved, metadata }, allows, now).state).toBe('TooLong');
  });

  test.each(['', 'P30D', '8', '1e9h', '-8h'])('gives no time at all where it is the longest: %j', (most) => {
    const baselines = [baseline('a', { exceptions: { allow: ['Quota'], maxDuration: most } })];
    expect(judge(approved, baselines, now).state).toBe('TooLong');
  });
});
