import { InvalidArgumentError } from 'commander';

const unitsMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** As long as a baseline's `maxDuration` may be, in whole hours. Far beyond it there are no dates any more. */
const longestMs = 99_999 * 3_600_000;

/**
 * Reads `30m`, `24h`, `7d` or several of them together, up to 99999h. Milliseconds.
 *
 * @throws InvalidArgumentError for anything else
 */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+)([mhd])/g)];
  const isWhole = parts.map(([part]) => part).join('') === text && parts.length > 0;
  const ms = parts.reduce((sum, [, number, unit = '']) => sum + Number(number) * (unitsMs[unit] ?? 0), 0);
  if (!isWhole || ms === 0 || ms > longestMs)
    throw new InvalidArgumentError('Give a duration such as 30m, 24h or 7d, of at most 99999h.');
  return ms;
}

/** RFC 3339 in UTC, whole seconds. */
export function atSecond(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
