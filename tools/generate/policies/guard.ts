/** Guards: they take no parameters, so that they hold, and let namespaces go, whatever becomes of baselines and CRD. */
import {
  admissionLabel,
  allowDeletionAnnotation,
  baselineLabel,
  baselineUidLabel,
  group,
  managedByLabel,
  operatorName,
  podSecurityAnnotation,
  podSecurityPrefix,
} from '../../../src/api/labels.ts';
import type { GuardPolicy } from './policy.ts';

/**
 * Without these, a namespace could not be deleted. The last is who the controllers are on clusters that do not give
 * them accounts of their own.
 */
const controllers = [
  'system:serviceaccount:kube-system:namespace-controller',
  'system:serviceaccount:kube-system:generic-garbage-collector',
  'system:kube-controller-manager',
];

/** Everything in a managed object that has an effect. What is left are managedFields and versions. */
const contentFields = [
  'spec',
  'rules',
  'roleRef',
  'subjects',
  'automountServiceAccountToken',
  'imagePullSecrets',
  'secrets',
];
const metadataFields = ['labels', 'annotations', 'ownerReferences', 'finalizers'];

function sameFields(fields: readonly string[], path = ''): string {
  const names = fields.map((field) => `'${field}'`).join(', ');
  return `[${names}].all(f, dyn(object)${path}[?f] == dyn(oldObject)${path}[?f])`;
}

/** Managed objects, known by the labels that they have or had. */
export const guardObjects: GuardPolicy = {
  name: 'guard-objects',
  about:
    'Managed objects: only the operator creates, changes and deletes what carries its labels. The object selector looks at the object before ' +
    'and after the change, so that taking the labels off is a change too. Quota status and requests that change nothing pass.',
  objectSelector: {
    matchLabels: { [managedByLabel]: operatorName },
    matchExpressions: [{ key: baselineUidLabel, operator: 'Exists' }],
  },
  exemptUsers: controllers,
  rules: [
    {
      apiGroups: [''],
      operations: ['CREATE', 'UPDATE', 'DELETE'],
      resources: ['resourcequotas', 'resourcequotas/status', 'limitranges', 'serviceaccounts'],
    },
    {
      apiGroups: ['networking.k8s.io'],
      operations: ['CREATE', 'UPDATE', 'DELETE'],
      resources: ['networkpolicies'],
    },
    {
      apiGroups: ['rbac.authorization.k8s.io'],
      operations: ['CREATE', 'UPDATE', 'DELETE'],
      resources: ['roles', 'rolebindings'],
    },
  ],
  variables: [
    { name: 'subject', expression: 'oldObject == null ? dyn(object) : dyn(oldObject)' },
    {
      name: 'baseline',
      expression: `[dyn(oldObject), dyn(object)].filter(o, o != null)
.map(o, o.metadata.?labels['${baselineLabel}'].orValue('')).filter(name, name != '')`,
    },
  ],
  validations: [
    {
      name: 'guard',
      holds: `request.operation == 'UPDATE' &&\n${sameFields(contentFields)} &&\n${sameFields(metadataFields, '.metadata')}`,
      found: `request.kind.kind + ' ' + request.namespace + '/' + variables.subject.metadata.name +
' belongs to baseline ' + (variables.baseline + ['?'])[0]`,
      fix: 'only the operator may change it: change the SecurityBaseline, or act as a member of the break-glass group',
    },
  ],
};

const ours = `!key.startsWith('${group}/')`;

/** Namespaces: what the operator tells admission about them, and the Pod Security labels that are ours. */
export const guardNamespaces: GuardPolicy = {
  name: 'guard-namespaces',
  about:
    'Namespaces: only the operator writes annotations under securitybaseline.io/ (the marks that admission reads) and the Pod Security labels that ' +
    'such a mark names; labels are changed through the namespace itself, where membership looks, not through its subresources.',
  exemptUsers: controllers,
  rules: [
    {
      apiGroups: [''],
      operations: ['CREATE', 'UPDATE'],
      resources: ['namespaces', 'namespaces/status', 'namespaces/finalize'],
    },
  ],
  variables: [
    { name: 'labels', expression: 'object.metadata.?labels.orValue({})' },
    { name: 'oldLabels', expression: 'oldObject == null ? {} : oldObject.metadata.?labels.orValue({})' },
    { name: 'marks', expression: 'object.metadata.?annotations.orValue({})' },
    { name: 'oldMarks', expression: 'oldObject == null ? {} : oldObject.metadata.?annotations.orValue({})' },
    {
      name: 'changedMarks',
      expression: `variables.marks.filter(key, !(${ours}) && !(key in variables.oldMarks && variables.oldMarks[key] == variables.marks[key])) +
variables.oldMarks.filter(key, !(${ours}) && !(key in variables.marks))`,
    },
    {
      name: 'changedLevels',
      expression: `!('${podSecurityAnnotation}' in variables.oldMarks) ? [] :
variables.oldMarks['${podSecurityAnnotation}'].split(',')
.map(mode, '${podSecurityPrefix}' + mode)
.filter(key, [key, key + '-version'].exists(k, variables.labels[?k] != variables.oldLabels[?k]))`,
    },
  ],
  validations: [
    {
      name: 'guard',
      holds: 'variables.changedMarks.size() == 0',
      found: `'namespace ' + object.metadata.name + ' with a change of ' + variables.changedMarks.join(', ')`,
      fix: 'only the operator may set or remove these annotations: leave them out, or as they are',
    },
    {
      name: 'guard',
      holds: 'variables.changedLevels.size() == 0',
      found: `'namespace ' + object.metadata.name + ' with a change of ' + variables.changedLevels.join(', ')`,
      fix: 'the Pod Security level comes from a SecurityBaseline: change that, or ask for a BaselineException of kind PodSecurity',
    },
    {
      name: 'guard',
      holds: `!(request.?subResource.orValue('') in ['status', 'finalize']) || variables.labels == variables.oldLabels`,
      found: `'a change of labels of namespace ' + object.metadata.name + ' through its subresource ' + request.subResource`,
      fix: 'change labels through the namespace itself',
    },
  ],
};

/** A slip of the hand must not take the protection of a fleet away. */
export const baselineDeletion: GuardPolicy = {
  name: 'baseline-deletion',
  about:
    'Baselines: one that covers more than 10 namespaces is deleted only when the annotation securitybaseline.io/allow-deletion names its generation.',
  rules: [{ apiGroups: [group], operations: ['DELETE'], resources: ['securitybaselines'] }],
  variables: [
    { name: 'covered', expression: 'dyn(oldObject).?status.?namespaces.?selected.orValue(0)' },
    { name: 'generation', expression: 'string(oldObject.metadata.generation)' },
  ],
  validations: [
    {
      name: 'guard',
      holds: `variables.covered <= 10 ||
oldObject.metadata.?annotations['${allowDeletionAnnotation}'].orValue('') == variables.generation`,
      found: `'baseline ' + oldObject.metadata.name + ' covers ' + string(variables.covered) + ' namespaces, which would lose its protection, and is at generation ' + variables.generation`,
      fix: `if that is meant, set its annotation ${allowDeletionAnnotation} to that generation, then delete it`,
    },
  ],
};

/** The label is there for speed; protection may not hang on who keeps it right. */
export const guardBaselines: GuardPolicy = {
  name: 'guard-baselines',
  about:
    'Baselines: the label securitybaseline.io/admission, by which admission passes them over, must say what the spec says.',
  rules: [{ apiGroups: [group], operations: ['CREATE', 'UPDATE'], resources: ['securitybaselines'] }],
  variables: [
    { name: 'label', expression: `object.metadata.?labels['${admissionLabel}'].orValue('')` },
    { name: 'mode', expression: `dyn(object).spec.mode == 'Audit' ? 'audit' : 'enforce'` },
    {
      name: 'asksNothing',
      expression: `!has(dyn(object).spec.admission) && dyn(object).spec.?networkPolicy.?tenantPolicies.orValue('Allow') == 'Allow'`,
    },
  ],
  validations: [
    {
      name: 'guard',
      holds: `variables.label == '' || variables.label == variables.mode || (variables.label == 'none' && variables.asksNothing)`,
      found: `'baseline ' + object.metadata.name + ' with the label ${admissionLabel}: ' + variables.label + ', which is not what its spec says'`,
      fix: 'remove the label, or set it to the mode (enforce or audit), or to none where neither spec.admission nor tenantPolicies asks for anything',
    },
  ],
};
