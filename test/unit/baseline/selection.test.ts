import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { selectingBaselines } from '../../../src/baseline/desired.ts';
import { compareVersions } from '../../../src/baseline/pod-security.ts';
import { byPrecedence, matchesGlob, selects } from '../../../src/baseline/selection.ts';
import { baseline } from './fixtures.ts';

describe('a glob', () => {
  test.each([
    ['sandbox-*', 'sandbox-1', true],
    ['sandbox-*', 'sandbox-', true],
    ['sandbox-*', 'my-sandbox-1', false],
    ['*', 'anything', true],
    ['*-dev', 'a-dev', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'acb', false],
    ['exact', 'exact', true],
    ['exact', 'exactly', false],
    ['a.c', 'abc', false],
  ])('%s on %s is %s', (glob, name, matches) => {
    expect(matchesGlob(glob, name)).toBe(matches);
  });

  test('matches what the regular expression made from it matches', () => {
    const text = (letters: string) => fc.string({ unit: fc.constantFrom(...letters), maxLength: 8 });
    fc.assert(
      fc.property(text('ab*'), text('ab'), (glob, name) => {
        const pattern = new RegExp(`^${glob.replaceAll('*', '.*')}$`);
        expect(matchesGlob(glob, name)).toBe(pattern.test(name));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('selecting', () => {
  const namespace = { name: 'team-a', labels: { team: 'a' } };

  test.each([
    ['by the selector', { namespaceSelector: { matchLabels: { team: 'a' } } }, true],
    ['by everything', { namespaceSelector: {} }, true],
    ['not by another label', { namespaceSelector: { matchLabels: { team: 'b' } } }, false],
    ['not where excluded by name', { excludeNamespaces: ['team-a'] }, false],
    ['not where excluded by glob', { excludeNamespaces: ['other', 'team-*'] }, false],
    ['where the exclusions are of others', { excludeNamespaces: ['team', 'team-b'] }, true],
    ['in Audit mode, too', { mode: 'Audit' as const }, true],
  ])('%s', (_name, spec, selected) => {
    expect(selects(baseline('a', spec), namespace)).toBe(selected);
  });

  test('not by a baseline on its way out', () => {
    const given = baseline('a');
    const leaving = { ...given, metadata: { ...given.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    expect(selects(leaving, namespace)).toBe(false);
  });

  test('goes by precedence: the highest priority, then the name that sorts first; 100 where none is given', () => {
    const given = [
      baseline('c'),
      baseline('b'),
      baseline('low', { priority: 99 }),
      baseline('high', { priority: 101 }),
    ];
    expect(selectingBaselines(given, namespace).map(({ metadata }) => metadata.name)).toEqual([
      'high',
      'b',
      'c',
      'low',
    ]);
    expect(byPrecedence(baseline('a'), baseline('a'))).toBe(0);
  });
});

test.each([
  ['latest', 'v1.99', 1],
  ['v1.30', 'v1.9', 1],
  ['v1.9', 'v1.30', -1],
  ['v1.36', 'v1.36', 0],
  ['latest', 'latest', 0],
])('Pod Security version %s compared with %s is %s', (a, b, sign) => {
  expect(Math.sign(compareVersions(a, b))).toBe(sign);
});
