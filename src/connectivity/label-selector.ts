import type { LabelSelector, LabelSelectorRequirement, Labels } from './model.ts';

/**
 * Whether the labels satisfy the selector: every matchLabels pair and every requirement. An empty selector
 * matches everything. What an absent selector means depends on the field it is absent from, so that is left
 * to the caller.
 *
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
 */
export function matchesSelector(selector: LabelSelector, labels: Labels): boolean {
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    if (valueFor(labels, key) !== value) return false;
  }
  return (selector.matchExpressions ?? []).every((requirement) => satisfies(requirement, labels));
}

function satisfies({ key, operator, values = [] }: LabelSelectorRequirement, labels: Labels): boolean {
  const value = valueFor(labels, key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      // An object without the key satisfies NotIn: the trap that makes `NotIn` select almost everything.
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}

/** Own properties only, so that a label key such as `constructor` is not found on every object. */
function valueFor(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

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
