/** Which baselines select a namespace, as CEL: the same decision as src/baseline/selection.ts. */

/** A variable of a policy. */
export interface Variable {
  readonly name: string;
  readonly expression: string;
}

/** CEL, true where the baseline in `params` selects a namespace of these labels and this name. */
export function selects(labels: string, name: string): string {
  return `!has(params.metadata.deletionTimestamp) &&
params.spec.namespaceSelector.?matchLabels.orValue({}).all(key,
  key in ${labels} && ${labels}[key] == params.spec.namespaceSelector.matchLabels[key]) &&
params.spec.namespaceSelector.?matchExpressions.orValue([]).all(term,
  term.operator == 'In' ? term.key in ${labels} && ${labels}[term.key] in term.values :
  term.operator == 'NotIn' ? !(term.key in ${labels} && ${labels}[term.key] in term.values) :
  term.operator == 'Exists' ? term.key in ${labels} :
  !(term.key in ${labels})) &&
!params.spec.?excludeNamespaces.orValue([]).exists(glob, glob == ${name} ||
  glob.contains('*') && ${name}.matches('^' + glob.replace('*', '.*') + '$'))`;
}

/** How a policy finds out whether the baseline in `params` has a say in a request. */
export interface Selection {
  readonly variables: readonly Variable[];
  /** CEL over those variables. */
  readonly applies: string;
}

/** By the namespace in which the request changes something. */
export const byRequestNamespace: Selection = {
  variables: [
    { name: 'labels', expression: 'namespaceObject.metadata.?labels.orValue({})' },
    { name: 'selected', expression: selects('variables.labels', 'request.namespace') },
  ],
  applies: 'variables.selected',
};

/** CEL of an annotation of the request's namespace; empty where it is not there. */
export function namespaceAnnotation(key: string): string {
  return `namespaceObject.metadata.?annotations['${key}'].orValue('')`;
}
