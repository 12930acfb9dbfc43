import { expect, test } from 'vitest';
import { WeakValues } from '../../../src/diff/weak-values.ts';
import { collectGarbage } from '../collect-garbage.ts';

test('a value stays while somebody holds it, and goes, with its key, when nobody does', async () => {
  const values = new WeakValues<string, object>();
  const held = { name: 'held' };
  values.set('held', held);
  values.set('loose', { name: 'loose' });
  await collectGarbage();
  expect(values.get('held')).toBe(held);
  expect(values.get('loose')).toBeUndefined();
  expect(values.size).toBe(1);
});

test('the end of a value does not take the one that came under its key since', async () => {
  const values = new WeakValues<string, object>();
  values.set('key', { name: 'former' });
  const current = { name: 'current' };
  values.set('key', current);
  await collectGarbage();
  expect(values.get('key')).toBe(current);
});
