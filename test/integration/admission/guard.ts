import { beforeAll, describe, expect, it } from 'vitest';
import {
  admissionLabel,
  allowDeletionAnnotation,
  exceptionsAnnotation,
  hardenedAnnotation,
  podSecurityAnnotation,
} from '../../../src/api/labels.ts';
import {
  admin,
  apply,
  type Body,
  baselineMeta,
  baselines,
  breakGlass,
  type Call,
  create,
  dryRun,
  get,
  mergePatch,
  operator,
  remove,
  replace,
  tenant,
} from './cluster.ts';
import { type ClusterOf, type Row, tryEach } from './table.ts';

const managedLabels = {
  'app.kubernetes.io/managed-by': 'security-baseline-operator',
  'securitybaseline.io/baseline': 'tenant',
  'securitybaseline.io/baseline-uid': '11111111-1111-1111-1111-111111111111',
};
const guarded = /guard: \w+ guard\/\S* belongs to baseline tenant; only the operator may change it/;

interface Managed {
  readonly kind: string;
  readonly root: string;
  readonly plural: string;
  readonly content: Body;
  /** A change that opens something. */
  readonly hole: Body;
}

const rule = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
const kinds: readonly Managed[] = [
  {
    kind: 'NetworkPolicy',
    root: '/apis/networking.k8s.io/v1',
    plural: 'networkpolicies',
    content: { spec: { podSelector: {} } },
    hole: { spec: { ingress: [{}] } },
  },
  {
    kind: 'ResourceQuota',
    root: '/api/v1',
    plural: 'resourcequotas',
    content: { spec: { hard: { pods: '10' } } },
    hole: { spec: { hard: { pods: '99' } } },
  },
  {
    kind: 'LimitRange',
    root: '/api/v1',
    plural: 'limitranges',
    content: { spec: { limits: [{ type: 'Container', max: { cpu: '1' } }] } },
    hole: { spec: { limits: [] } },
  },
  {
    kind: 'ServiceAccount',
    root: '/api/v1',
    plural: 'serviceaccounts',
    content: { automountServiceAccountToken: false },
    hole: { automountServiceAccountToken: true },
  },
  {
    kind: 'Role',
    root: '/apis/rbac.authorization.k8s.io/v1',
    plural: 'roles',
    content: { rules: [rule] },
    hole: { rules: [{ ...rule, verbs: ['get', 'list'] }] },
  },
  {
    kind: 'RoleBinding',
    root: '/apis/rbac.authorization.k8s.io/v1',
    plural: 'rolebindings',
    content: {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'managed' },
      subjects: [],
    },
    hole: { subjects: [{ kind: 'User', name: 'tess', apiGroup: 'rbac.authorization.k8s.io' }] },
  },
];

const collection = ({ root, plural }: Managed): string => `${root}/namespaces/guard/${plural}`;
const apiVersionOf = ({ root }: Managed): string => root.replace(/^\/apis?\//, '');

function managed(kind: Managed, name: string, labels: Body = managedLabels): Call {
  return create(collection(kind), { metadata: { name, labels }, ...kind.content });
}

/** What nobody but the operator may do to an object of one kind. */
function rowsFor(kind: Managed): readonly Row[] {
  const object = `${collection(kind)}/managed`;
  const unlabelled = Object.fromEntries(Object.keys(managedLabels).map((key) => [key, null]));
  const applied = (fields: Body): Body => ({
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: { name: 'managed' },
    ...fields,
  });
  const own = `${collection(kind)}/own`;
  return [
    ['is changed', mergePatch(object, kind.hole), guarded],
    [
      'is replaced',
      replace(object, {
        metadata: { name: 'managed', labels: managedLabels },
        ...kind.content,
        ...kind.hole,
      }),
      guarded,
    ],
    [
      'is changed by server-side apply of another manager',
      apply(object, applied({ ...kind.content, ...kind.hole })),
      guarded,
    ],
    ['loses all our labels', mergePatch(object, { metadata: { labels: unlabelled } }), guarded],
    [
      'loses one label',
      mergePatch(object, { metadata: { labels: { 'app.kubernetes.io/managed-by': null } } }),
      guarded,
    ],
    [
      'is given an owner, whose end would be its own',
      mergePatch(object, {
        metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'x' }] },
      }),
      guarded,
    ],
    ['is given a finalizer', mergePatch(object, { metadata: { finalizers: ['example.com/keep'] } }), guarded],
    ['is deleted (also the first step of replace --force)', remove(object), guarded],
    ['is deleted with the collection', remove(collection(kind)), guarded],
    ['is changed by an administrator', mergePatch(object, kind.hole), guarded, admin],
    ['is changed by the operator', mergePatch(object, kind.hole), 'allowed', operator],
    ['is deleted by the operator', remove(object), 'allowed', operator],
    ['is patched with nothing', mergePatch(object, {}), 'allowed'],
    ['claims our labels as it is created', managed(kind, 'claim'), guarded],
    ['of the tenant claims our labels', mergePatch(own, { metadata: { labels: managedLabels } }), guarded],
    ['of the tenant is changed', mergePatch(own, kind.hole), 'allowed'],
    ['of the tenant is deleted', remove(own), 'allowed'],
  ];
}

/** Managed objects, marks, and baselines that cover many namespaces. */
export function guardTests(cluster: ClusterOf): void {
  describe('guarding managed objects', () => {
    beforeAll(async () => {
      await cluster().namespace('guard');
      for (const kind of kinds) {
        await cluster().do(operator, managed(kind, 'managed'));
        await cluster().do(admin, managed(kind, 'own', {}));
      }
      await cluster().untilDenied(
        tenant,
        dryRun(remove('/api/v1/namespaces/guard/limitranges/managed')),
        guarded,
      );
    });

    for (const kind of kinds) {
      describe(`a ${kind.kind} that`, () => tryEach(cluster, rowsFor(kind)));
    }

    const status = '/api/v1/namespaces/guard/resourcequotas/managed/status';
    tryEach(cluster, [
      ['quota status', mergePatch(status, { status: { used: { pods: '1' } } }), 'allowed'],
      ['a collection without managed objects', remove('/api/v1/namespaces/default/limitranges'), 'allowed'],
      [
        'labels through quota status',
        mergePatch(status, { metadata: { labels: { 'securitybaseline.io/baseline': null } } }),
        guarded,
      ],
    ]);

    it('lets the quota controller keep the status of a managed quota', async () => {
      const { status: kept } = await cluster().do(
        admin,
        get('/api/v1/namespaces/guard/resourcequotas/managed'),
      );
      expect(kept).toMatchObject({ hard: { pods: '10' } });
    });
  });

  describe('guarding what the operator tells admission', () => {
    const marks = { [hardenedAnnotation]: 'a-uid', [podSecurityAnnotation]: 'enforce' };
    const levels = {
      'pod-security.kubernetes.io/enforce': 'restricted',
      'pod-security.kubernetes.io/enforce-version': 'latest',
      'pod-security.kubernetes.io/warn': 'restricted',
    };
    const namespace = '/api/v1/namespaces/marked';
    const annotate = (annotations: Body, path = namespace): Call =>
      mergePatch(path, { metadata: { annotations } });
    const label = (labels: Body, path = namespace): Call => mergePatch(path, { metadata: { labels } });
    const marked = /guard: namespace \S+ with a change of securitybaseline\.io\//;
    const level =
      /guard: namespace marked with a change of pod-security\.kubernetes\.io\/enforce; the Pod Security level comes/;
    const subresource = /guard: a change of labels of namespace marked through its subresource/;
    const annotatedNamespace = { metadata: { name: 'copy', annotations: { [hardenedAnnotation]: 'a-uid' } } };

    beforeAll(async () => {
      await cluster().do(
        operator,
        create('/api/v1/namespaces', { metadata: { name: 'marked', annotations: marks, labels: levels } }),
      );
      await cluster().do(admin, create('/api/v1/namespaces', { metadata: { name: 'unmarked' } }));
      await cluster().untilDenied(tenant, dryRun(annotate({ [hardenedAnnotation]: 'forged' })), marked);
    });

    tryEach(cluster, [
      [
        'a mark is forged',
        annotate({ [hardenedAnnotation]: 'forged' }, '/api/v1/namespaces/unmarked'),
        marked,
      ],
      ['a mark is changed', annotate({ [hardenedAnnotation]: 'a-uid,b-uid' }), marked],
      ['a mark is removed', annotate({ [hardenedAnnotation]: null }), marked],
      ['an exception is forged', annotate({ [exceptionsAnnotation]: 'Egress 2199-01-01T00:00:00Z' }), marked],
      ['any annotation of ours', annotate({ 'securitybaseline.io/other': 'x' }), marked],
      [
        'a mark is forged through /status',
        annotate({ [hardenedAnnotation]: 'forged' }, `${namespace}/status`),
        marked,
      ],
      [
        'a mark is changed by server-side apply',
        apply(namespace, {
          apiVersion: 'v1',
          kind: 'Namespace',
          metadata: { name: 'marked', annotations: { [hardenedAnnotation]: 'forged' } },
        }),
        marked,
      ],
      ['a namespace is created with a mark', create('/api/v1/namespaces', annotatedNamespace), marked],
      [
        'a namespace with a generated name is created with a mark',
        create('/api/v1/namespaces', {
          metadata: { generateName: 'copy-', annotations: annotatedNamespace.metadata.annotations },
        }),
        marked,
      ],
      ['a mark is forged by an administrator', annotate({ [hardenedAnnotation]: 'forged' }), marked, admin],
      ['the operator sets a mark', annotate({ [hardenedAnnotation]: 'b-uid' }), 'allowed', operator],
      ['the operator clears a mark', annotate({ [hardenedAnnotation]: null }), 'allowed', operator],
      ['another annotation', annotate({ 'example.com/team': 'a' }), 'allowed'],
      [
        'a namespace is created without marks',
        create('/api/v1/namespaces', { metadata: { name: 'plain' } }),
        'allowed',
      ],
      [
        'our Pod Security level is weakened',
        label({ 'pod-security.kubernetes.io/enforce': 'privileged' }),
        level,
      ],
      ['our Pod Security level is removed', label({ 'pod-security.kubernetes.io/enforce': null }), level],
      [
        'our Pod Security version is pinned',
        label({ 'pod-security.kubernetes.io/enforce-version': 'v1.0' }),
        level,
      ],
      ['a level that is not ours', label({ 'pod-security.kubernetes.io/warn': 'baseline' }), 'allowed'],
      [
        'a level where none is ours',
        label({ 'pod-security.kubernetes.io/enforce': 'baseline' }, '/api/v1/namespaces/unmarked'),
        'allowed',
      ],
      [
        'the operator sets the level',
        label({ 'pod-security.kubernetes.io/enforce': 'baseline' }),
        'allowed',
        operator,
      ],
      ['another label', label({ team: 'a' }), 'allowed'],
      ['a label through /status', label({ team: 'a' }, `${namespace}/status`), subresource],
      ['nothing through /status', mergePatch(`${namespace}/status`, {}), 'allowed'],
    ]);

    it('denied: a label through /finalize', async () => {
      const current = await cluster().do(admin, get(namespace));
      const metadata = current.metadata as Body;
      const call = (labels: Body): Call =>
        dryRun(replace(`${namespace}/finalize`, { ...current, metadata: { ...metadata, labels } }));
      expect(await cluster().outcome(tenant, call({ ...levels, team: 'a' }))).toMatch(subresource);
      expect(await cluster().outcome(tenant, call(metadata.labels as Body))).toBe('allowed');
      expect(await cluster().outcome(breakGlass, call({ ...levels, team: 'a' }))).toBe('allowed');
    });
  });

  describe('guarding the label by which admission passes baselines over', () => {
    const lies =
      /guard: baseline \S+ with the label securitybaseline\.io\/admission: \w+, which is not what its spec says/;
    const nothing = { namespaceSelector: {}, podSecurity: { warn: 'baseline' } };
    const pods = { ...nothing, admission: { images: { requireDigest: true } } };
    const policies = {
      ...nothing,
      networkPolicy: { defaultDeny: ['Ingress'], tenantPolicies: 'Restrict' },
    };
    const audit = { ...pods, mode: 'Audit' };
    const labelled = (value: string, spec: Body, name = 'hint'): Call =>
      create(baselines, { ...baselineMeta(name, { [admissionLabel]: value }), spec });
    const there = `${baselines}/there`;

    beforeAll(async () => {
      await cluster().do(admin, labelled('none', { ...nothing, excludeNamespaces: ['*'] }, 'there'));
      await cluster().untilDenied(admin, dryRun(labelled('none', pods)), lies);
    });

    tryEach(cluster, [
      ['none where pods are concerned', labelled('none', pods), lies, admin],
      ["none where tenants' policies are", labelled('none', policies), lies, admin],
      ['none where nothing is', labelled('none', nothing), 'allowed', admin],
      ['enforce in mode Enforce', labelled('enforce', pods), 'allowed', admin],
      ['enforce in mode Audit', labelled('enforce', audit), lies, admin],
      ['audit in mode Audit', labelled('audit', audit), 'allowed', admin],
      ['audit in mode Enforce', labelled('audit', pods), lies, admin],
      ['anything else', labelled('off', pods), lies, admin],
      [
        'a spec that no longer says it',
        mergePatch(there, { spec: { admission: { images: { requireDigest: true } } } }),
        lies,
        admin,
      ],
      [
        'a spec that no longer says it, without the label',
        mergePatch(there, {
          metadata: { labels: { [admissionLabel]: null } },
          spec: { admission: { images: { requireDigest: true } } },
        }),
        'allowed',
        admin,
      ],
      [
        'a label that the spec does not say',
        mergePatch(there, { metadata: { labels: { [admissionLabel]: 'audit' } } }),
        lies,
        admin,
      ],
    ]);
  });

  describe('guarding baselines that cover many namespaces', () => {
    const wide = `${baselines}/wide`;
    const refused =
      /baseline wide covers 11 namespaces, which would lose its protection, and is at generation 1; .*allow-deletion/;

    beforeAll(async () => {
      for (const [name, selected] of [
        ['wide', 11],
        ['narrow', 10],
        ['unseen', undefined],
      ] as const) {
        const spec = {
          namespaceSelector: { matchLabels: { wide: name } },
          podSecurity: { warn: 'baseline' },
        };
        await cluster().baseline(name, spec);
        if (selected !== undefined) {
          await cluster().do(
            operator,
            mergePatch(`${baselines}/${name}/status`, { status: { namespaces: { selected } } }),
          );
        }
      }
      await cluster().untilDenied(admin, dryRun(remove(wide)), refused);
    });

    tryEach(cluster, [
      ['a wide baseline is deleted', remove(wide), refused, admin],
      ['a wide baseline is deleted with the collection', remove(baselines), refused, admin],
      ['a narrow baseline is deleted', remove(`${baselines}/narrow`), 'allowed', admin],
      ['a baseline without status is deleted', remove(`${baselines}/unseen`), 'allowed', admin],
    ]);

    it('denied: a wide baseline whose annotation names another generation; allowed: this one', async () => {
      const permit = (generation: string): Call =>
        mergePatch(wide, { metadata: { annotations: { [allowDeletionAnnotation]: generation } } });
      await cluster().do(admin, permit('1'));
      expect(await cluster().outcome(admin, dryRun(remove(wide)))).toBe('allowed');
      await cluster().do(admin, mergePatch(wide, { spec: { priority: 7 } }));
      expect(await cluster().outcome(admin, dryRun(remove(wide)))).toMatch(/at generation 2/);
      await cluster().do(admin, permit('2'));
      expect(await cluster().outcome(admin, dryRun(remove(wide)))).toBe('allowed');
    });
  });
}
