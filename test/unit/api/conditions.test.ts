import { expect, test } from 'vitest';
import { mergeConditions } from '../../../src/api/conditions.ts';

const before = '2026-01-01T00:00:00Z';
const now = '2026-02-02T00:00:00Z';
const ready = { type: 'Ready', status: 'True', reason: 'Reconciled', message: 'done' } as const;

test('a status that does not change keeps its transition time, whatever reason and message say', () => {
  const current = [{ ...ready, observedGeneration: 1, lastTransitionTime: before }];
  const [merged] = mergeConditions(current, [{ ...ready, reason: 'Other', message: 'else' }], 2, now);
  expect(merged).toEqual({
    type: 'Ready',
    status: 'True',
    reason: 'Other',
    message: 'else',
    observedGeneration: 2,
    lastTransitionTime: before,
  });
});

test('a status that changes, and one that is new, get the time', () => {
  const current = [{ ...ready, observedGeneration: 1, lastTransitionTime: before }];
  const merged = mergeConditions(
    current,
    [
      { ...ready, status: 'False' },
      { ...ready, type: 'Stalled' },
    ],
    1,
    now,
  );
  expect(merged.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual([now, now]);
});

test('a condition that is no longer stated goes', () => {
  const current = [{ ...ready, type: 'Stalled', lastTransitionTime: before }];
  expect(mergeConditions(current, [ready], 1, now).map(({ type }) => type)).toEqual(['Ready']);
});

test('the same facts again give the same conditions', () => {
  const once = mergeConditions([], [ready], 3, before);
  expect(mergeConditions(once, [ready], 3, now)).toEqual(once);
});
