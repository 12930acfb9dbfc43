/**
 * Label selectors.
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/label-selector/
 */
/** Labels as an object carries them. */
export type Labels = Readonly<Record<string, string>>;

/** A selector as any object of Kubernetes holds it, ours or a tenant's: the operator is whatever somebody wrote. */
export interface AnyLabelSelector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly LabelRequirement[];
}

interface LabelRequirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

/**
 * Whether the labels fulfil the selector. The empty selector matches everything; what an absent one means depends on the field,
 * so that is left to the caller. An operator that the API does not know matches nothing.
 */
export function matchesSelector(selector: AnyLabelSelector, labels: Labels): boolean {
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    if (labelValue(labels, key) !== value) return false;
  }
  return (selector.matchExpressions ?? []).every((requirement) => matchesRequirement(requirement, labels));
}

function matchesRequirement({ key, operator, values = [] }: LabelRequirement, labels: Labels): boolean {
  const value = labelValue(labels, key);
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

/** The value of a label; a key such as `constructor` is a label like any other, not something inherited. */
function labelValue(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
