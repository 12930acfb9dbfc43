/** Two texts, line by line. */

/** A line that stays, goes or comes. */
export interface DiffLine {
  readonly mark: ' ' | '-' | '+';
  readonly text: string;
}

/** How many unchanged lines are shown around a change. */
const context = 2;

/**
 * The shortest way from one text to the other, with a little of what stays around each change. Texts are objects in a
 * cluster, of some hundred lines at most.
 */
export function diffLines(before: readonly string[], after: readonly string[]): readonly DiffLine[] {
  const all = wholeDiff(before, after);
  const isNear = (at: number): boolean =>
    all.slice(Math.max(0, at - context), at + context + 1).some(({ mark }) => mark !== ' ');
  return all.filter(({ mark }, at) => mark !== ' ' || isNear(at));
}

function wholeDiff(before: readonly string[], after: readonly string[]): DiffLine[] {
  // lengths[i][j]: the longest common subsequence of what follows i and j.
  const lengths = Array.from({ length: before.length + 1 }, () => new Uint32Array(after.length + 1));
  const at = (i: number, j: number): number => lengths[i]?.[j] ?? 0;
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      const row = lengths[i];
      if (row === undefined) continue;
      row[j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      lines.push({ mark: ' ', text: before[i] ?? '' });
      i += 1;
      j += 1;
    } else if (j >= after.length || (i < before.length && at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ mark: '-', text: before[i] ?? '' });
      i += 1;
    } else {
      lines.push({ mark: '+', text: after[j] ?? '' });
      j += 1;
    }
  }
  return lines;
}
