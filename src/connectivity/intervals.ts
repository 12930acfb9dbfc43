/**
 * Sets of whole numbers as sorted, disjoint, non-adjacent half-open intervals. Half-open, because then no
 * operation needs "plus one", and the same code serves ports (number) and addresses (bigint).
 */

/** From `start` (in) to `end` (out). */
export type Interval<T extends number | bigint> = readonly [start: T, end: T];
export type Intervals<T extends number | bigint> = readonly Interval<T>[];

/** Any intervals, in any order, overlapping or empty, as a set. */
export function intervalSet<T extends number | bigint>(intervals: Iterable<Interval<T>>): Intervals<T> {
  const sorted = [...intervals]
    .filter(([start, end]) => start < end)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const result: [T, T][] = [];
  for (const [start, end] of sorted) {
    const last = result.at(-1);
    if (last === undefined || start > last[1]) result.push([start, end]);
    else if (end > last[1]) last[1] = end;
  }
  return result;
}

export function union<T extends number | bigint>(a: Intervals<T>, b: Intervals<T>): Intervals<T> {
  return intervalSet([...a, ...b]);
}

export function intersect<T extends number | bigint>(a: Intervals<T>, b: Intervals<T>): Intervals<T> {
  const result: Interval<T>[] = [];
  let i = 0;
  let j = 0;
  for (;;) {
    const left = a[i];
    const right = b[j];
    if (left === undefined || right === undefined) return result;
    const leftEndsFirst = left[1] < right[1];
    const [start] = left[0] < right[0] ? right : left;
    const [, end] = leftEndsFirst ? left : right;
    if (start < end) result.push([start, end]);
    if (leftEndsFirst) i++;
    else j++;
  }
}

export function subtract<T extends number | bigint>(a: Intervals<T>, b: Intervals<T>): Intervals<T> {
  const result: Interval<T>[] = [];
  let j = 0;
  for (const [start, end] of a) {
    let from = start;
    // The intervals of b that end before this one starts cannot touch a later one of a either.
    while (j < b.length && (b[j] as Interval<T>)[1] <= from) j++;
    for (let k = j; k < b.length; k++) {
      const [cutStart, cutEnd] = b[k] as Interval<T>;
      if (cutStart >= end) break;
      if (cutStart > from) result.push([from, cutStart]);
      if (cutEnd > from) from = cutEnd;
    }
    if (from < end) result.push([from, end]);
  }
  return result;
}

export function contains<T extends number | bigint>(set: Intervals<T>, value: T): boolean {
  return set.some(([start, end]) => start <= value && value < end);
}

export function equals<T extends number | bigint>(a: Intervals<T>, b: Intervals<T>): boolean {
  return a.length === b.length && a.every(([start, end], i) => start === b[i]?.[0] && end === b[i]?.[1]);
}
