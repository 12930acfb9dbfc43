import type { LabelSelector } from './model.ts';

/** Whether the selector asks for nothing, and so matches everything. */
export function isEmptySelector(selector: LabelSelector): boolean {
  return (
    Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions ?? []).length === 0
  );
}

/** One text for all spellings of a selector that differ only in the order of their parts. */
export function selectorKey(selector: LabelSelector): string {
  const pairs = Object.entries(selector.matchLabels ?? {}).map((pair) => JSON.stringify(pair));
  const requirements = (selector.matchExpressions ?? []).map(({ key, operator, values = [] }) =>
    JSON.stringify([key, operator, [...values].sort()]),
  );
  return [...pairs, ...requirements].sort().join('&');
}

/** The label keys that the selector looks at. */
export function selectorKeys(selector: LabelSelector): string[] {
  return [
    ...Object.keys(selector.matchLabels ?? {}),
    ...(selector.matchExpressions ?? []).map(({ key }) => key),
  ];
}
