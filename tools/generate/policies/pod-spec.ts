/** What pods, and the templates that make pods, may contain. */
import { exceptionsAnnotation, hardenedAnnotation } from '../../../src/api/labels.ts';
import type { BaselinePolicy, Rule } from './policy.ts';
import { namespaceAnnotation, type Variable } from './selection.ts';

const exceptionHint = 'or ask for a BaselineException';

/** CEL of a list: the containers of a pod spec of every kind. */
function containersOf(spec: string): string {
  return `(${spec}.containers + ${spec}.?initContainers.orValue([]) + ${spec}.?ephemeralContainers.orValue([]))`;
}

function imagesOf(spec: string): string {
  return `${containersOf(spec)}.map(c, c.?image.orValue('')) +
${spec}.?volumes.orValue([]).filter(v, has(v.image)).map(v, v.image.?reference.orValue(''))`;
}

/**
 * An image's name as container runtimes read it: with registry, library/, and the tag latest where there is neither tag
 * nor digest. Upper case is kept: in a host's place it makes the first part a host, and it equals no registry that is listed.
 * Source: https://pkg.go.dev/github.com/distribution/reference#ParseDockerRef
 */
const normalised = `.filter(i, i != '' && !(i in variables.oldImages))
.map(i, !i.split('@')[0].contains('/') ? 'docker.io/library/' + i :
  i.split('/')[0].matches('[.:A-Z]|^localhost$') ? i : 'docker.io/' + i)
.map(i, i.startsWith('index.docker.io/') ? i.substring(6) : i)
.map(i, i.split('@')[0].matches('^docker[.]io/[^/]+$') ? 'docker.io/library/' + i.substring(10) : i)
.map(i, i.contains('@') || i.matches(':[^/]*$') ? i : i + ':latest')`;

/**
 * CEL of a list: when the request was made. CEL has no clock. A new object has the API server's time; in an update, whoever
 * brings an image changes a field, and gets the time stamped on the fields that are theirs. Where others' times have been tampered with it
 * is still among them, so that an exception counts only if all are before its end; without managed fields there is no time to go by.
 * Source: https://github.com/kubernetes/apimachinery/blob/v0.36.3/pkg/util/managedfields/internal/managedfieldsupdater.go
 */
const requestTimes = `oldObject == null ? [timestamp(object.metadata.creationTimestamp)] :
dyn(object).metadata.?managedFields.orValue([]).filter(m, has(m.time)).map(m, timestamp(m.time))`;

function imageVariables(): readonly Variable[] {
  return [
    { name: 'oldImages', expression: `oldObject == null ? [] : ${imagesOf('variables.oldSpec')}` },
    { name: 'times', expression: requestTimes },
    {
      name: 'excepted',
      expression: `${namespaceAnnotation(exceptionsAnnotation)}.split(';')
.filter(e, e.startsWith('Images ') && variables.times.size() > 0 &&
  variables.times.all(time, time < timestamp(e.split(' ')[1]))).map(e, e.split(' ')[2])`,
    },
    {
      // The images that this request brings: what was there before it does not get worse.
      name: 'images',
      expression: `(${imagesOf('variables.spec')})
${normalised}
.filter(i, !variables.excepted.exists(from, from.endsWith('/') ? i.startsWith(from) :
  i.startsWith(from + ':') || i.startsWith(from + '@')))`,
    },
    {
      name: 'foreignImages',
      expression: `!has(params.spec.admission.images.registries) ? [] :
variables.images.filter(i, !params.spec.admission.images.registries.exists(from,
  from.endsWith('/') ? i.startsWith(from) : i.startsWith(from + ':') || i.startsWith(from + '@')))`,
    },
    {
      name: 'undigestedImages',
      expression: `!params.spec.admission.images.?requireDigest.orValue(false) ? [] :
variables.images.filter(i, !i.matches('@sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$'))`,
    },
    {
      name: 'taggedImages',
      expression: `variables.images.filter(i, params.spec.admission.images.?forbidTags.orValue([])
  .exists(tag, i.split('@')[0].endsWith(':' + tag)))`,
    },
  ];
}

const imageRules: readonly Rule[] = [
  {
    name: 'admission.images.registries',
    holds: '!has(params.spec.admission.images) || variables.foreignImages.size() == 0',
    found: `variables.foreignImages.join(', ') + ' not from ' + params.spec.admission.images.registries.join(', ')`,
    fix: `use an image from there, ${exceptionHint} of kind Images`,
  },
  {
    name: 'admission.images.requireDigest',
    holds: '!has(params.spec.admission.images) || variables.undigestedImages.size() == 0',
    found: `variables.undigestedImages.join(', ') + ' without a digest'`,
    fix: `write name@sha256:<digest>, ${exceptionHint} of kind Images`,
  },
  {
    name: 'admission.images.forbidTags',
    holds: '!has(params.spec.admission.images) || variables.taggedImages.size() == 0',
    found: `variables.taggedImages.join(', ') + ' with one of the tags ' + params.spec.admission.images.forbidTags.join(', ')`,
    fix: `use another tag (an image without one is latest), ${exceptionHint} of kind Images`,
  },
];

function exposureOf(spec: string): string {
  return `(${spec}.?hostNetwork.orValue(false) ? ['HostNetwork'] : []) +
${containersOf(spec)}.filter(c, c.?ports.orValue([]).exists(p, p.?hostPort.orValue(0) != 0)).map(c,
  'HostPort ' + c.ports.filter(p, p.?hostPort.orValue(0) != 0).map(p, string(p.hostPort)).join(' ') + ' of container ' + c.name)`;
}

const exposureVariables: readonly Variable[] = [
  {
    name: 'exposed',
    expression: `(${exposureOf('variables.spec')}).filter(f,
  f.split(' ')[0] in params.spec.admission.exposure.?forbid.orValue([]) &&
  (oldObject == null || !(f in (${exposureOf('variables.oldSpec')}))))`,
  },
];

const exposureRules: readonly Rule[] = [
  {
    name: 'admission.exposure.forbid',
    holds: '!has(params.spec.admission.exposure) || variables.exposed.size() == 0',
    found: `variables.exposed.join(', ')`,
    fix: 'leave out hostNetwork and hostPort, and reach the pod through a Service',
  },
];

/** CEL of a list: containers that lack requests or limits, as `<container>: requests.cpu`. Ephemeral ones can have none. */
function missingResources(spec: string, isDefaulted: (kind: string, resource: string) => string): string {
  const containers = `(${spec}.containers + ${spec}.?initContainers.orValue([]))`;
  const terms = ['requests', 'limits'].flatMap((kind) =>
    ['cpu', 'memory'].map((resource) => {
      // The API server takes a missing request from the limit; in a template it has not done so yet.
      const kinds = kind === 'requests' ? ['requests', 'limits'] : ['limits'];
      const has = (owner: string): string =>
        kinds.map((k) => `'${resource}' in ${owner}.?resources.?${k}.orValue({})`).join(' || ');
      const others = [has(spec), isDefaulted(kind, resource)].filter((text) => text !== '').join(' || ');
      return `(${others} ? [] : ${containers}.filter(c, !(${has('c')})).map(c, c.name + ': ${kind}.${resource}'))`;
    }),
  );
  return terms.join(' +\n');
}

/** In a pod the LimitRange's defaults are there already; what this baseline's will add to a template is not missing. */
function defaultedByLimitRange(kind: string, resource: string): string {
  // The API server takes a missing default from max, and a missing defaultRequest from default or min.
  const sources = kind === 'limits' ? ['default', 'max'] : ['defaultRequest', 'default', 'max', 'min'];
  const given = sources.map((source) => `'${resource}' in limit[?'${source}'].orValue({})`).join(' || ');
  return `params.spec.?limitRanges.orValue([]).exists(item, item.spec.limits.exists(limit, limit.type == 'Container' && (${given})))`;
}

function workloadVariables(isPod: boolean): readonly Variable[] {
  const missing = (spec: string): string => missingResources(spec, isPod ? () => '' : defaultedByLimitRange);
  return [
    {
      name: 'lacking',
      expression: `!params.spec.admission.workloads.?requireRequestsAndLimits.orValue(false) ? [] :
oldObject == null ? ${missing('variables.spec')} :
(${missing('variables.spec')}).filter(f, !(f in (${missing('variables.oldSpec')})))`,
    },
    {
      name: 'usesDefaultAccount',
      expression: `variables.spec.?serviceAccountName.orValue('') in ['', 'default'] &&
(oldObject == null || !(variables.oldSpec.?serviceAccountName.orValue('') in ['', 'default']))`,
    },
  ];
}

const workloadRules: readonly Rule[] = [
  {
    name: 'admission.workloads.forbidDefaultServiceAccount',
    holds: `!params.spec.admission.?workloads.?forbidDefaultServiceAccount.orValue(false) || !variables.usesDefaultAccount`,
    found: `'the ServiceAccount default (also when none is given)'`,
    fix: "set serviceAccountName to an account of the application's own",
  },
  {
    name: 'admission.workloads.requireRequestsAndLimits',
    holds: '!has(params.spec.admission.workloads) || variables.lacking.size() == 0',
    found: `variables.lacking.join(', ') + ' missing'`,
    fix: 'set resources.requests and resources.limits for cpu and memory',
  },
];

/** The ServiceAccount plugin names the volume so, where the token was not asked for but given by default. */
const tokenRule: Rule = {
  name: 'admission.workloads.forbidUnrequestedToken',
  holds: `!params.spec.admission.?workloads.?forbidUnrequestedToken.orValue(false) || request.operation != 'CREATE' ||
variables.spec.?automountServiceAccountToken.orValue(false) ||
!variables.spec.?volumes.orValue([]).exists(v, v.name.startsWith('kube-api-access-') && has(v.projected))`,
  found: `'an API token that the pod did not ask for'`,
  fix: 'set automountServiceAccountToken to false, or to true where the pod talks to the API server',
};

const holdRule: Rule = {
  name: 'admission.holdPodsUntilHardened',
  holds: `!params.spec.admission.?holdPodsUntilHardened.orValue(false) || request.operation != 'CREATE' ||
params.metadata.uid in ${namespaceAnnotation(hardenedAnnotation)}.split(',') && !has(namespaceObject.metadata.deletionTimestamp)`,
  found: `'namespace ' + request.namespace + ' is not hardened yet'`,
  fix: 'Deployments, Jobs and the like try again by themselves; if it lasts, see the events in the namespace and `kubectl describe securitybaseline`',
};

function specVariables(path: (object: string) => string): readonly Variable[] {
  return [
    { name: 'spec', expression: path('object') },
    { name: 'oldSpec', expression: `oldObject == null ? dyn({'containers': []}) : ${path('oldObject')}` },
  ];
}

const concernsTemplates =
  '(has(params.spec.admission.images) || has(params.spec.admission.exposure) || has(params.spec.admission.workloads))';

/** Pods: held until their namespace is hardened, and what they contain. */
export const pods: BaselinePolicy = {
  name: 'pods',
  about:
    'Pods: held until their namespace is hardened (admission.holdPodsUntilHardened), and admission.images, .exposure and .workloads.',
  concerns: 'has(params.spec.admission)',
  rules: [
    { apiGroups: [''], operations: ['CREATE', 'UPDATE'], resources: ['pods'] },
    { apiGroups: [''], operations: ['UPDATE'], resources: ['pods/ephemeralcontainers'] },
  ],
  variables: [
    ...specVariables((object) => `dyn(${object}.spec)`),
    ...imageVariables(),
    ...exposureVariables,
    ...workloadVariables(true),
  ],
  validations: [holdRule, ...imageRules, ...exposureRules, ...workloadRules, tokenRule],
};

/** What makes pods: refused where its author sees it, rather than in the events of a controller. */
export const templates: BaselinePolicy = {
  name: 'templates',
  about:
    'What makes pods, so that its author sees the refusal: admission.images, .exposure and .workloads on the pod templates.',
  concerns: `has(params.spec.admission) && ${concernsTemplates}`,
  rules: [
    {
      apiGroups: ['apps'],
      operations: ['CREATE', 'UPDATE'],
      resources: ['deployments', 'statefulsets', 'daemonsets', 'replicasets'],
    },
    { apiGroups: ['batch'], operations: ['CREATE', 'UPDATE'], resources: ['jobs', 'cronjobs'] },
  ],
  variables: [
    ...specVariables(
      (object) =>
        `request.kind.kind == 'CronJob' ? dyn(${object}).spec.jobTemplate.spec.template.spec : dyn(${object}).spec.template.spec`,
    ),
    ...imageVariables(),
    ...exposureVariables,
    ...workloadVariables(false),
  ],
  validations: [...imageRules, ...exposureRules, ...workloadRules],
};
