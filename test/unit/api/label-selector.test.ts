import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matchesSelector } from '../../../src/api/label-selector.ts';
import type { LabelSelector } from '../../../src/api/types.generated.ts';

const labels = { team: 'a', tier: 'web', empty: '' };

describe('a label selector', () => {
  test.each<[string, LabelSelector, boolean]>([
    ['empty matches everything', {}, true],
    ['with empty lists matches everything', { matchLabels: {}, matchExpressions: [] }, true],
    ['takes every label', { matchLabels: { team: 'a', tier: 'web' } }, true],
    ['fails by one label', { matchLabels: { team: 'a', tier: 'db' } }, false],
    ['tells an empty value from none', { matchLabels: { empty: '' } }, true],
    ['tells none from an empty value', { matchLabels: { none: '' } }, false],
    [
      'In takes any of the values',
      { matchExpressions: [{ key: 'team', operator: 'In', values: ['b', 'a'] }] },
      true,
    ],
    ['In needs the label', { matchExpressions: [{ key: 'none', operator: 'In', values: ['a'] }] }, false],
    [
      'NotIn refuses the values',
      { matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['a'] }] },
      false,
    ],
    [
      'NotIn takes objects without the label',
      { matchExpressions: [{ key: 'none', operator: 'NotIn', values: ['a'] }] },
      true,
    ],
    ['Exists', { matchExpressions: [{ key: 'empty', operator: 'Exists' }] }, true],
    ['Exists needs the label', { matchExpressions: [{ key: 'none', operator: 'Exists' }] }, false],
    ['DoesNotExist', { matchExpressions: [{ key: 'none', operator: 'DoesNotExist' }] }, true],
    [
      'DoesNotExist refuses the label',
      { matchExpressions: [{ key: 'empty', operator: 'DoesNotExist' }] },
      false,
    ],
    ['finds no inherited label', { matchExpressions: [{ key: 'constructor', operator: 'Exists' }] }, false],
    [
      'needs labels and expressions both',
      { matchLabels: { team: 'a' }, matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] },
      false,
    ],
  ])('%s', (_name, selector, matches) => {
    expect(matchesSelector(selector, labels)).toBe(matches);
  });

  const key = fc.constantFrom('a', 'b', 'constructor', '__proto__');
  const value = fc.constantFrom('', '1', '2');
  const someLabels = fc
    .array(fc.tuple(key, value), { maxLength: 4 })
    .map((pairs) => Object.fromEntries(pairs) as Record<string, string>);

  test('NotIn is the opposite of In, DoesNotExist of Exists, and a label the same as In with its value', () => {
    fc.assert(
      fc.property(someLabels, key, fc.uniqueArray(value, { minLength: 1 }), (given, name, values) => {
        const holds = (requirement: Omit<NonNullable<LabelSelector['matchExpressions']>[number], 'key'>) =>
          matchesSelector({ matchExpressions: [{ key: name, ...requirement }] }, given);
        expect(holds({ operator: 'NotIn', values })).toBe(!holds({ operator: 'In', values }));
        expect(holds({ operator: 'DoesNotExist' })).toBe(!holds({ operator: 'Exists' }));
        const [first = ''] = values;
        const asLabel = Object.fromEntries([[name, first]]);
        expect(matchesSelector({ matchLabels: asLabel }, given)).toBe(
          holds({ operator: 'In', values: [first] }),
        );
      }),
    );
  });
});
