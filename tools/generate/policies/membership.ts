/** Namespaces that come into a baseline, or leave it, by their labels. */
import type { BaselinePolicy, Rule } from './policy.ts';
import { selects } from './selection.ts';

function mayUse(verb: 'join' | 'leave'): string {
  return `authorizer.group('securitybaseline.io').resource('securitybaselines').name(params.metadata.name).check('${verb}').allowed()`;
}

function rule(parts: { when: string; verb: 'join' | 'leave'; found: string }): Rule {
  const { when, verb, found } = parts;
  return {
    name: verb === 'join' ? 'joining' : 'leaving',
    holds: `!(${when}) || ${mayUse(verb)}`,
    found: `'${found} namespace ' + object.metadata.name + ' ${verb === 'join' ? 'into' : 'out of'} it'`,
    fix: `ask the platform team to do it, or for the verb ${verb} on this securitybaseline`,
  };
}

/** Selection is by labels, so that labels are the way out; and the way in, to what a baseline grants. */
export const membership: BaselinePolicy = {
  name: 'membership',
  about:
    'Namespaces: a change of labels that moves one into or out of a baseline takes the verb join or leave on it; so does creating one ' +
    'into a baseline with joining: Guarded. Label changes through subresources are refused outright by guard-namespaces.',
  exemptOperator: true,
  concernsAll: true,
  concerns:
    "(oldObject == null ? params.spec.joining == 'Guarded' : object.metadata.?labels != oldObject.metadata.?labels)",
  asksAuthorizer: true,
  rules: [{ apiGroups: [''], operations: ['CREATE', 'UPDATE'], resources: ['namespaces'] }],
  selection: {
    variables: [
      { name: 'labels', expression: 'object.metadata.?labels.orValue({})' },
      { name: 'oldLabels', expression: 'oldObject == null ? {} : oldObject.metadata.?labels.orValue({})' },
      { name: 'selected', expression: selects('variables.labels', 'object.metadata.name') },
      { name: 'selectedBefore', expression: selects('variables.oldLabels', 'object.metadata.name') },
    ],
    applies: 'variables.selected || variables.selectedBefore',
  },
  variables: [],
  validations: [
    rule({
      when: 'oldObject == null && variables.selected',
      verb: 'join',
      found: 'creating',
    }),
    rule({
      when: 'oldObject != null && variables.selected && !variables.selectedBefore',
      verb: 'join',
      found: 'relabelling',
    }),
    rule({
      when: 'oldObject != null && !variables.selected && variables.selectedBefore',
      verb: 'leave',
      found: 'relabelling',
    }),
  ],
};
