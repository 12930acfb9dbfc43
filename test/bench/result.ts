/** What the benchmark found, as data and as a table. */

/** One figure. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The same thing done by the plain load generator, in the same run. */
  readonly limit?: number;
  /** Where each run has a limit of its own, the median of their ratios. Default: that of value and limit. */
  readonly ratio?: number;
  /** What was asked for: of the ratio where there is a limit, else of the value itself. */
  readonly target?: Target;
}

/** A bound; both ends are met by equality. */
export type Target = { readonly atLeast: number } | { readonly atMost: number };

/** The figures of one scenario, and everything they were made of. */
export interface ScenarioResult {
  readonly scenario: string;
  /** The machine's load average at its beginning and end. */
  readonly load: readonly [number, number];
  readonly figures: readonly Figure[];
  readonly details: Readonly<Record<string, unknown>>;
}

/** What is compared with the target. */
export function comparedValue({ value, limit, ratio }: Figure): number {
  return ratio ?? (limit === undefined ? value : value / limit);
}

/** Undefined where nothing was asked for. */
export function isMet(figure: Figure): boolean | undefined {
  const { target } = figure;
  if (target === undefined) return undefined;
  const value = comparedValue(figure);
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
}

/** At most 80 columns. */
export function table(results: readonly ScenarioResult[]): string {
  const lines = [line('', 'measured', 'limit', 'ratio', 'asked for')];
  for (const { scenario, load, figures } of results) {
    lines.push('', `${scenario} (load ${load.map((value) => value.toFixed(1)).join(' to ')})`);
    for (const figure of figures) lines.push(figureLine(figure));
  }
  return lines.join('\n');
}

function figureLine(figure: Figure): string {
  const { name, value, unit, limit } = figure;
  return line(
    `  ${name}`,
    `${short(value)} ${unit}`.trim(),
    limit === undefined ? '' : short(limit),
    limit === undefined ? '' : comparedValue(figure).toFixed(2),
    verdict(figure),
  );
}

function verdict(figure: Figure): string {
  const { target } = figure;
  if (target === undefined) return '';
  const asked = 'atLeast' in target ? `>= ${short(target.atLeast)}` : `<= ${short(target.atMost)}`;
  return `${asked} ${isMet(figure) ? 'yes' : 'NO'}`;
}

function line(name: string, value: string, limit: string, ratio: string, asked: string): string {
  return `${name.padEnd(36)}${value.padStart(14)}${limit.padStart(9)}${ratio.padStart(7)}${asked.padStart(14)}`.trimEnd();
}

function short(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString('en-US');
  return value.toLocaleString('en-US', { maximumSignificantDigits: value < 100 ? 3 : 4 });
}
