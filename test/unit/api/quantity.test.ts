import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalQuantity, parseQuantity } from '../../../src/api/quantity.ts';

const one = 1_000_000_000n;

test.each([
  ['0', 0n],
  ['1', one],
  [1, one],
  [0.5, one / 2n],
  [1e21, one * 10n ** 21n],
  ['+1', one],
  ['-1', -one],
  ['.5', one / 2n],
  ['5.', 5n * one],
  ['0.5', one / 2n],
  ['500m', one / 2n],
  ['0500m', one / 2n],
  ['1e3', 1000n * one],
  ['1E3', 1000n * one],
  ['1e+3', 1000n * one],
  ['12e-1', (12n * one) / 10n],
  ['1k', 1000n * one],
  ['1Ki', 1024n * one],
  ['1E', 10n ** 18n * one],
  ['1Ei', 2n ** 60n * one],
  ['0.1Ki', (1024n * one) / 10n],
  ['1.5Gi', ((3n * 2n ** 30n) / 2n) * one],
  ['1n', 1n],
  ['0.1n', 1n],
  ['-0.1n', -1n],
  ['1.0000000001', one + 1n],
])('%s is %s billionths', (text, billionths) => {
  expect(parseQuantity(text)).toBe(billionths);
});

test.each([
  '',
  '.',
  '+',
  'Ki',
  'one',
  '1 Gi',
  '1gi',
  '1K',
  '1KI',
  '1e',
  '0x10',
  '1,5',
  '--1',
  '1.2.3',
  '1m5',
  ' 1',
])('%j is no quantity', (text) => {
  expect(parseQuantity(text)).toBeUndefined();
  expect(canonicalQuantity(text)).toBe(text);
});

describe('equal quantities have one canonical spelling, and unequal ones do not share it', () => {
  test.each([
    ['1', '1000m'],
    ['0.1', '100m'],
    ['1Gi', '1024Mi'],
    ['1Gi', '1073741824'],
    ['1e3', '1k'],
    ['2', '+2.000'],
  ])('%s is %s', (a, b) => {
    expect(canonicalQuantity(a)).toBe(canonicalQuantity(b));
  });

  test.each([
    ['1G', '1Gi'],
    ['1m', '1M'],
    ['1', '-1'],
    ['1', '1.000000001'],
  ])('%s is not %s', (a, b) => {
    expect(canonicalQuantity(a)).not.toBe(canonicalQuantity(b));
  });
});

/** Each suffix as a fraction of whole numbers, which needs no rounding. */
const suffixes: readonly (readonly [string, bigint, bigint])[] = [
  ['', 1n, 1n],
  ['n', 1n, 10n ** 9n],
  ['u', 1n, 10n ** 6n],
  ['m', 1n, 10n ** 3n],
  ...['k', 'M', 'G', 'T', 'P', 'E'].map((suffix, i) => [suffix, 1000n ** BigInt(i + 1), 1n] as const),
  ...['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].map((suffix, i) => [suffix, 1024n ** BigInt(i + 1), 1n] as const),
  ...Array.from({ length: 10 }, (_, i) => [`e${i}`, 10n ** BigInt(i), 1n] as const),
  ...Array.from({ length: 10 }, (_, i) => [`E-${i}`, 1n, 10n ** BigInt(i)] as const),
];

test('a quantity is its number times its suffix, rounded up to billionths', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 10n ** 15n }),
      fc.integer({ min: 0, max: 12 }),
      fc.constantFrom(...suffixes),
      fc.constantFrom('', '+', '-'),
      (digits, places, [suffix, numerator, denominator], sign) => {
        const text = digits.toString().padStart(places + 1, '0');
        const number = places === 0 ? text : `${text.slice(0, -places)}.${text.slice(-places)}`;
        const dividend = digits * numerator * one;
        const divisor = denominator * 10n ** BigInt(places);
        const magnitude = dividend / divisor + (dividend % divisor > 0n ? 1n : 0n);
        expect(parseQuantity(`${sign}${number}${suffix}`)).toBe(sign === '-' ? -magnitude : magnitude);
      },
    ),
  );
});
