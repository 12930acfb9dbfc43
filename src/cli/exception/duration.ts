import { InvalidArgumentError } from 'commander';

const unitsMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads `30m`, `24h`, `7d` or several of them together. Milliseconds.
 *
 * @throws InvalidArgumentError for anything else
 */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+)([mhd])/g)];
  const isWhole = parts.map(([part]) => part).join('') === text && parts.length > 0;
  const ms = parts.reduce((sum, [, number, unit = '']) => sum + Number(number) * (unitsMs[unit] ?? 0), 0);
  if (!isWhole || ms === 0) throw new InvalidArgumentError('Give a duration such as 30m, 24h or 7d.');
  return ms;
}

/** RFC 3339 in UTC, whole seconds. */
export function atSecond(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
