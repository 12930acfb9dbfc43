/**
 * The resources that are read as protobuf, field by field. Numbers and names as in generated.proto and the json tags of k8s.io/api and
 * k8s.io/apimachinery, v0.36.3; the tests compare what is read with the JSON of the same objects.
 */
import {
  as,
  type FieldType,
  ignored,
  integer,
  list,
  type MessageType,
  map,
  message,
  optionalBoolean,
  optionalInteger,
  readOnce,
  shared,
  text,
} from './message.ts';

let lastTime: { readonly seconds: unknown; readonly text: string | undefined } = {
  seconds: undefined,
  text: undefined,
};

/** RFC 3339 in seconds, UTC; none where it is zero, or so far away that nobody can have meant it. */
const time = as(message('Time', { 1: ['seconds', integer], 2: ['nanos', integer] }), ({ seconds }) => {
  // An object's times are mostly the same second.
  if (lastTime.seconds !== seconds) lastTime = { seconds, text: timeText(seconds as number) };
  return lastTime.text;
});

function timeText(seconds: number): string | undefined {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString().replace('.000Z', 'Z');
}

const quantity = as(message('Quantity', { 1: ['string', text] }), (value) => value.string ?? '');

const intOrString = as(
  message('IntOrString', { 1: ['type', integer], 2: ['intVal', integer], 3: ['strVal', text] }),
  ({ type = 0, intVal = 0, strVal = '' }) => (type === 0 ? intVal : strVal),
);

/** JSON within the message. */
const json = readOnce({
  wire: 'delimited',
  read: (reader, end) => JSON.parse(text.read(reader, end) as string),
} satisfies FieldType);

const managedFieldsEntry = message('ManagedFieldsEntry', {
  1: ['manager', text],
  2: ['operation', text],
  3: ['apiVersion', ignored],
  4: ['time', time],
  6: ['fieldsType', ignored],
  7: ['fieldsV1', as(message('FieldsV1', { 1: ['Raw', json] }), ({ Raw }) => Raw)],
  8: ['subresource', text],
});

const ownerReference = message('OwnerReference', {
  1: ['kind', text],
  3: ['name', text],
  4: ['uid', text],
  5: ['apiVersion', text],
  6: ['controller', optionalBoolean],
  7: ['blockOwnerDeletion', optionalBoolean],
});

const metadata = message('ObjectMeta', {
  1: ['name', text],
  2: ['generateName', text],
  3: ['namespace', text],
  4: ['selfLink', text],
  5: ['uid', text],
  6: ['resourceVersion', text],
  7: ['generation', integer],
  8: ['creationTimestamp', time],
  9: ['deletionTimestamp', time],
  10: ['deletionGracePeriodSeconds', optionalInteger],
  11: ['labels', map(text)],
  12: ['annotations', map(text)],
  13: ['ownerReferences', list(ownerReference)],
  14: ['finalizers', list(text)],
  17: ['managedFields', list(managedFieldsEntry)],
});

const labelSelector = message('LabelSelector', {
  1: ['matchLabels', map(text)],
  2: [
    'matchExpressions',
    list(
      message('LabelSelectorRequirement', {
        1: ['key', text],
        2: ['operator', text],
        3: ['values', list(text)],
      }),
    ),
  ],
});

const networkPolicyPorts = list(
  message('NetworkPolicyPort', {
    1: ['protocol', text],
    2: ['port', intOrString],
    3: ['endPort', optionalInteger],
  }),
);

const networkPolicyPeers = list(
  message('NetworkPolicyPeer', {
    1: ['podSelector', labelSelector],
    2: ['namespaceSelector', labelSelector],
    3: ['ipBlock', message('IPBlock', { 1: ['cidr', text], 2: ['except', list(text)] })],
  }),
);

const networkPolicySpec = message('NetworkPolicySpec', {
  1: ['podSelector', labelSelector],
  2: [
    'ingress',
    list(
      message('NetworkPolicyIngressRule', {
        1: ['ports', networkPolicyPorts],
        2: ['from', networkPolicyPeers],
      }),
    ),
  ],
  3: [
    'egress',
    list(
      message('NetworkPolicyEgressRule', { 1: ['ports', networkPolicyPorts], 2: ['to', networkPolicyPeers] }),
    ),
  ],
  4: ['policyTypes', list(text)],
});

const resourceQuotaSpec = message('ResourceQuotaSpec', {
  1: ['hard', map(quantity)],
  2: ['scopes', list(text)],
  3: [
    'scopeSelector',
    message('ScopeSelector', {
      1: [
        'matchExpressions',
        list(
          message('ScopedResourceSelectorRequirement', {
            1: ['scopeName', text],
            2: ['operator', text],
            3: ['values', list(text)],
          }),
        ),
      ],
    }),
  ],
});

const limitRangeSpec = message('LimitRangeSpec', {
  1: [
    'limits',
    list(
      message('LimitRangeItem', {
        1: ['type', text],
        2: ['max', map(quantity)],
        3: ['min', map(quantity)],
        4: ['default', map(quantity)],
        5: ['defaultRequest', map(quantity)],
        6: ['maxLimitRequestRatio', map(quantity)],
      }),
    ),
  ],
});

const objectReference = message('ObjectReference', {
  1: ['kind', text],
  2: ['namespace', text],
  3: ['name', text],
  4: ['uid', text],
  5: ['apiVersion', text],
  6: ['resourceVersion', text],
  7: ['fieldPath', text],
});

const policyRule = message('PolicyRule', {
  1: ['verbs', list(text)],
  2: ['apiGroups', list(text)],
  3: ['resources', list(text)],
  4: ['resourceNames', list(text)],
  5: ['nonResourceURLs', list(text)],
});

const subject = message('Subject', {
  1: ['kind', text],
  2: ['apiGroup', text],
  3: ['name', text],
  4: ['namespace', text],
});

const roleRef = message('RoleRef', { 1: ['apiGroup', text], 2: ['kind', text], 3: ['name', text] });

/** Why something was refused, or a watch ended. */
export const status = message('Status', {
  1: ['metadata', ignored],
  2: ['status', text],
  3: ['message', text],
  4: ['reason', text],
  5: [
    'details',
    message('StatusDetails', {
      1: ['name', text],
      2: ['group', text],
      3: ['kind', text],
      4: [
        'causes',
        list(message('StatusCause', { 1: ['reason', text], 2: ['message', text], 3: ['field', text] })),
      ],
      5: ['retryAfterSeconds', integer],
      6: ['uid', text],
    }),
  ],
  6: ['code', integer],
});

/** By group, version and plural; the core group is empty. */
export const protobufResources: Readonly<Record<string, MessageType>> = {
  '/v1/namespaces': message('Namespace', {
    1: ['metadata', metadata],
    2: ['spec', shared(message('NamespaceSpec', { 1: ['finalizers', list(text)] }))],
    3: ['status', ignored],
  }),
  'networking.k8s.io/v1/networkpolicies': message('NetworkPolicy', {
    1: ['metadata', metadata],
    2: ['spec', shared(networkPolicySpec)],
  }),
  '/v1/resourcequotas': message('ResourceQuota', {
    1: ['metadata', metadata],
    2: ['spec', shared(resourceQuotaSpec)],
    3: ['status', ignored],
  }),
  '/v1/limitranges': message('LimitRange', {
    1: ['metadata', metadata],
    2: ['spec', shared(limitRangeSpec)],
  }),
  '/v1/serviceaccounts': message('ServiceAccount', {
    1: ['metadata', metadata],
    2: ['secrets', list(objectReference)],
    3: ['imagePullSecrets', list(message('LocalObjectReference', { 1: ['name', text] }))],
    4: ['automountServiceAccountToken', optionalBoolean],
  }),
  'rbac.authorization.k8s.io/v1/roles': message('Role', {
    1: ['metadata', metadata],
    2: ['rules', list(shared(policyRule))],
  }),
  'rbac.authorization.k8s.io/v1/rolebindings': message('RoleBinding', {
    1: ['metadata', metadata],
    2: ['subjects', list(subject)],
    3: ['roleRef', shared(roleRef)],
  }),
};
