import { InvalidArgumentError } from 'commander';
import { describe, expect, test } from 'vitest';
import { parseDuration } from '../../../src/cli/exception/duration.ts';

describe('the duration that an exception is asked for', () => {
  test.each([
    ['30m', 30 * 60_000],
    ['24h', 24 * 3_600_000],
    ['7d', 7 * 86_400_000],
    ['1d12h30m', 131_400_000],
    ['99999h', 99_999 * 3_600_000],
  ])('%s is read', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each([
    '',
    '0m',
    'h',
    '8',
    '-8h',
    '1.5h',
    '8h ',
    '1y',
    '99999h1m',
    '99999999999d',
    `${'9'.repeat(30)}h`,
  ])('%j is none: what comes of it would be no time', (text) => {
    expect(() => parseDuration(text)).toThrow(InvalidArgumentError);
  });
});
