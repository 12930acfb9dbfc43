/** Why a baseline selects a namespace, or does not. */
import { matchesSelector } from '../../api/label-selector.ts';
import type { LabelSelector, LabelSelectorRequirement, SecurityBaseline } from '../../api/types.generated.ts';
import { matchesGlob, type NamespaceIdentity } from '../../baseline/selection.ts';

/** The selector in words, such as `environment=prod, tier notin (lab)`. */
export function selectorText({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const terms = [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(requirementText),
  ];
  return terms.length === 0 ? 'every namespace' : terms.join(', ');
}

/** What keeps the baseline from selecting the namespace; undefined where it selects it. */
export function whyNotSelected(baseline: SecurityBaseline, namespace: NamespaceIdentity): string | undefined {
  const { metadata, spec } = baseline;
  if (metadata.deletionTimestamp !== undefined) return 'it is being deleted';
  const { matchLabels = {}, matchExpressions = [] } = spec.namespaceSelector;
  const unmet = [
    ...Object.entries(matchLabels).map(([key, value]): [string, LabelSelector] => [
      key,
      { matchLabels: { [key]: value } },
    ]),
    ...matchExpressions.map((requirement): [string, LabelSelector] => [
      requirement.key,
      { matchExpressions: [requirement] },
    ]),
  ].filter(([, term]) => !matchesSelector(term, namespace.labels));
  if (unmet.length > 0) {
    return unmet
      .map(([key, term]) => {
        const has = Object.hasOwn(namespace.labels, key)
          ? `${key}=${namespace.labels[key]}`
          : `no label ${key}`;
        return `it asks for ${selectorText(term)}, and the namespace has ${has}`;
      })
      .join('; ');
  }
  const glob = (spec.excludeNamespaces ?? []).find((each) => matchesGlob(each, namespace.name));
  return glob === undefined ? undefined : `its excludeNamespaces has "${glob}"`;
}

function requirementText({ key, operator, values = [] }: LabelSelectorRequirement): string {
  switch (operator) {
    case 'In':
      return `${key} in (${values.join(', ')})`;
    case 'NotIn':
      return `${key} notin (${values.join(', ')})`;
    case 'Exists':
      return `${key} is there`;
    case 'DoesNotExist':
      return `${key} is not there`;
  }
}
