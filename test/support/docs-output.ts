/** Whether a command printed what its page shows, whatever differs from one run to the next. */

/** In a page: any number of lines. */
const anything = '...';

/**
 * What differs between what the page shows and what was printed, to be read; undefined where nothing does. Ages, times, UIDs, the random
 * part of pods' names and the widths of columns may differ, and a line `...` stands for any number of lines.
 */
export function differenceOf(shown: string, printed: string): string | undefined {
  const expected = linesOf(shown);
  const actual = linesOf(printed);
  if (matches(expected, actual)) return undefined;
  return ['the page shows:', ...expected, '', 'printed was:', ...actual].join('\n');
}

function matches(expected: readonly string[], actual: readonly string[]): boolean {
  const [first, ...rest] = expected;
  if (first === undefined) return actual.length === 0;
  if (first.trim() === anything) {
    return Array.from({ length: actual.length + 1 }, (_, skipped) => skipped).some((skipped) =>
      matches(rest, actual.slice(skipped)),
    );
  }
  return actual[0] === first && matches(rest, actual.slice(1));
}

function linesOf(text: string): readonly string[] {
  const lines = text.trimEnd().split('\n').map(stable);
  return lines.length === 1 && lines[0] === '' ? [] : lines;
}

const age = String.raw`\d+[smhd](?:\d+[smhd])?`;

function stable(line: string): string {
  return line
    .trimEnd()
    .replaceAll(/\t| {2,}(?=\S)/g, (space, at: number) => (at === 0 ? space : '  '))
    .replaceAll(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '<uid>')
    .replaceAll(/\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:\.\d+)?Z/g, '<time>')
    .replaceAll(/-[0-9a-z]{8,10}-[0-9a-z]{5}\b/g, '-<hash>')
    .replace(new RegExp(`^${age}(?= )`), '<age>')
    .replace(new RegExp(`(?<= {2})${age}$`), '<age>');
}
