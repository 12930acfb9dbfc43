import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ManagedKind, managedKindNames } from '../../../src/api/kinds.ts';
import type { KubernetesObject } from '../../../src/api/objects.ts';
import type { NetworkPolicySpec } from '../../../src/api/types.generated.ts';
import { Fingerprinter } from '../../../src/diff/fingerprint.ts';
import { collectGarbage } from '../collect-garbage.ts';

const metadata = {
  name: 'tenant.item',
  namespace: 'team-a',
  uid: 'uid-of-item',
  resourceVersion: '7',
  labels: {
    'app.kubernetes.io/managed-by': 'security-baseline-operator',
    'securitybaseline.io/baseline': 'tenant',
    'securitybaseline.io/baseline-uid': 'uid-of-tenant',
  },
  annotations: {
    'securitybaseline.io/justification': 'because',
    'securitybaseline.io/deletion-policy': 'Orphan',
  },
};

/** An object of each kind with every field that Kubernetes knows, each with a value that is not its default. */
const full: Readonly<Record<ManagedKind, KubernetesObject>> = {
  NetworkPolicy: {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata,
    spec: {
      podSelector: {
        matchLabels: { app: 'web' },
        matchExpressions: [{ key: 'tier', operator: 'In', values: ['a', 'b'] }],
      },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        {
          from: [
            {
              namespaceSelector: { matchLabels: { team: 'b' } },
              podSelector: { matchLabels: { app: 'client' } },
            },
            { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16', '10.2.0.0/16'] } },
          ],
          ports: [
            { protocol: 'UDP', port: 53 },
            { protocol: 'UDP', port: 8000, endPort: 8080 },
          ],
        },
        {
          from: [{ podSelector: { matchLabels: { app: 'other' } } }],
          ports: [{ protocol: 'SCTP', port: 'named' }],
        },
      ],
      egress: [
        { to: [{ podSelector: { matchLabels: { app: 'db' } } }], ports: [{ protocol: 'UDP', port: 5432 }] },
        { to: [{ ipBlock: { cidr: '192.0.2.0/24' } }], ports: [{ protocol: 'UDP', port: 443 }] },
      ],
    },
  },
  ResourceQuota: {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata,
    spec: {
      hard: { 'requests.cpu': '20', pods: '100' },
      scopes: ['NotTerminating', 'NotBestEffort'],
      scopeSelector: {
        matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high', 'low'] }],
      },
    },
  },
  LimitRange: {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata,
    spec: {
      limits: [
        {
          type: 'Container',
          max: { cpu: '4', memory: '4Gi' },
          min: { cpu: '100m', memory: '64Mi' },
          default: { cpu: '1', memory: '1Gi' },
          defaultRequest: { cpu: '500m', memory: '512Mi' },
          maxLimitRequestRatio: { cpu: '8', memory: '8' },
        },
        { type: 'Pod', max: { cpu: '8', memory: '8Gi' } },
      ],
    },
  },
  ServiceAccount: { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
  Role: {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata,
    rules: [
      {
        apiGroups: ['', 'apps'],
        resources: ['pods', 'configmaps'],
        verbs: ['get', 'list'],
        resourceNames: ['a', 'b'],
      },
      { apiGroups: ['batch'], resources: ['jobs', 'cronjobs'], verbs: ['create', 'delete'] },
    ],
  },
  RoleBinding: {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'tenant.item' },
    subjects: [
      { kind: 'ServiceAccount', name: 'item', namespace: 'team-a' },
      { kind: 'ServiceAccount', name: 'other', namespace: 'team-b' },
    ],
  },
};

function fingerprint(kind: ManagedKind, object: KubernetesObject): string {
  return new Fingerprinter().of(kind, object);
}

type Json = { [key: string]: Json } | Json[] | string | number | boolean;

/** Every object that differs in one place: a leaf changed or gone, an element of a list gone, a field added. */
function* mutations(value: Json, path = ''): Generator<readonly [path: string, mutated: Json]> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      yield [`${path}[${index}] gone`, value.toSpliced(index, 1)];
      for (const [where, mutated] of mutations(item, `${path}[${index}]`))
        yield [where, value.with(index, mutated)];
    }
  } else if (typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) {
      const { [key]: _, ...rest } = value;
      yield [`${path}.${key} gone`, rest];
      for (const [where, mutated] of mutations(item, `${path}.${key}`))
        yield [where, { ...value, [key]: mutated }];
    }
    yield [`${path}.unknown added`, { ...value, unknown: { field: 'value' } }];
  } else {
    yield [
      `${path} changed`,
      typeof value === 'string' ? `${value}9` : typeof value === 'number' ? value + 1 : !value,
    ];
  }
}

/** The parts by which an object is compared; its name and namespace are how it is found. */
function contentOf({ metadata: _, apiVersion: __, kind: ___, ...content }: KubernetesObject): Json {
  return content as unknown as Json;
}

/** Changes in one place that have no effect, each with the reason. */
const harmless: Partial<Record<ManagedKind, readonly string[]>> = {
  // The API server takes no subject without a namespace; what we write has its own filled in.
  RoleBinding: ['.subjects[0].namespace gone'],
  NetworkPolicy: [
    // Both directions are what a policy with egress rules is about when it does not say.
    '.spec.policyTypes gone',
  ],
};

describe.each(managedKindNames)('%s', (kind) => {
  const object = full[kind];
  const original = fingerprint(kind, object);

  test('every change in one place that has an effect changes the fingerprint', () => {
    const unseen: string[] = [];
    let seen = 0;
    for (const [path, mutated] of mutations(contentOf(object))) {
      const { apiVersion, kind: kindName } = object;
      const changed = { ...(mutated as Record<string, unknown>), apiVersion, kind: kindName, metadata };
      if (fingerprint(kind, changed) === original) unseen.push(path);
      else seen += 1;
    }
    // Other fields of a ServiceAccount belong to others.
    expect(unseen).toEqual(kind === 'ServiceAccount' ? ['.unknown added'] : (harmless[kind] ?? []));
    expect(seen).toBeGreaterThan(0);
  });

  test.each([
    ['our labels', { labels: {} }],
    ['one of our labels', { labels: { ...metadata.labels, 'securitybaseline.io/baseline-uid': 'other' } }],
    ['our annotations', { annotations: {} }],
    [
      'the justification',
      { annotations: { ...metadata.annotations, 'securitybaseline.io/justification': 'else' } },
    ],
  ])('a change of %s changes it', (_name, change) => {
    expect(fingerprint(kind, { ...object, metadata: { ...metadata, ...change } })).not.toBe(original);
  });

  test.runIf(kind !== 'ServiceAccount').each([
    [
      'an owner, by which it would be collected',
      { ownerReferences: [{ kind: 'ConfigMap', name: 'x', uid: 'y' }] },
    ],
    ['a finalizer, by which it would not go', { finalizers: ['example.com/hold'] }],
  ])('%s changes it', (_name, change) => {
    expect(fingerprint(kind, { ...object, metadata: { ...metadata, ...change } })).not.toBe(original);
  });

  test('what the API server keeps beside, and what others note down, does not change it', () => {
    const noted = {
      ...metadata,
      resourceVersion: '8',
      uid: 'another',
      generation: 3,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { ...metadata.labels, team: 'a' },
      annotations: { ...metadata.annotations, note: 'x' },
      managedFields: [{ manager: 'kubectl' }],
      ownerReferences: [],
      finalizers: [],
    };
    expect(fingerprint(kind, { ...object, metadata: noted, status: { used: {} } })).toBe(original);
  });

  test('is the same where parts are frozen, and remembered for them', () => {
    const one = new Fingerprinter();
    for (const [path, mutated] of mutations(contentOf(object))) {
      const changed = { ...(mutated as Record<string, unknown>), apiVersion: 'v1', kind, metadata };
      const expected = fingerprint(kind, changed);
      const parts = structuredClone(changed);
      for (const part of Object.values(parts)) Object.freeze(part);
      for (const round of [1, 2]) expect(one.of(kind, parts), `${path}, ${round}`).toBe(expected);
    }
  });

  test('the order of keys does not change it', () => {
    const reversed = JSON.parse(JSON.stringify(object), (_key, value: unknown) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).reverse())
        : value,
    ) as KubernetesObject;
    expect(fingerprint(kind, reversed)).toBe(original);
  });
});

/** Two ways to say the same, and two that only look so. */
const spec = (kind: ManagedKind, content: unknown): string =>
  fingerprint(kind, { apiVersion: 'v1', kind, metadata, spec: content });
const container = (limit: object): unknown => ({ limits: [{ type: 'Container', ...limit }] });
const ingress = (...rules: unknown[]): unknown => ({
  podSelector: {},
  policyTypes: ['Ingress'],
  ingress: rules,
});

describe('what the API server fills in or spells otherwise is the same', () => {
  test.each<[string, ManagedKind, unknown, unknown]>([
    [
      'the protocol of a port',
      'NetworkPolicy',
      ingress({ ports: [{ port: 80 }] }),
      ingress({ ports: [{ port: 80, protocol: 'TCP' }] }),
    ],
    [
      'policyTypes of a policy without egress',
      'NetworkPolicy',
      { podSelector: {}, ingress: [{}] },
      ingress({}),
    ],
    [
      'policyTypes of a policy with egress',
      'NetworkPolicy',
      { podSelector: {}, egress: [{}] },
      { podSelector: {}, egress: [{}], policyTypes: ['Ingress', 'Egress'] },
    ],
    [
      'the order of policyTypes',
      'NetworkPolicy',
      { podSelector: {}, policyTypes: ['Egress', 'Ingress'] },
      { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
    ],
    ['an empty list of rules', 'NetworkPolicy', ingress(), { podSelector: {}, policyTypes: ['Ingress'] }],
    ['empty lists in a rule', 'NetworkPolicy', ingress({ from: [], ports: [] }), ingress({})],
    [
      'empty parts of a selector',
      'NetworkPolicy',
      { podSelector: { matchLabels: {}, matchExpressions: [] }, policyTypes: ['Ingress'] },
      { podSelector: {}, policyTypes: ['Ingress'] },
    ],
    [
      'empty parts of a peer',
      'NetworkPolicy',
      ingress({ from: [{ podSelector: { matchLabels: {} } }] }),
      ingress({ from: [{ podSelector: {} }] }),
    ],
    [
      'a null',
      'NetworkPolicy',
      ingress({ from: null, ports: [{ port: 1, endPort: null }] }),
      ingress({ ports: [{ port: 1 }] }),
    ],
    [
      'quantities',
      'ResourceQuota',
      { hard: { cpu: '1', memory: '1Gi' } },
      { hard: { cpu: '1000m', memory: '1024Mi' } },
    ],
    ['a quantity given as a number', 'ResourceQuota', { hard: { pods: 10 } }, { hard: { pods: '10' } }],
    [
      'the order of scopes',
      'ResourceQuota',
      { hard: { pods: '1' }, scopes: ['BestEffort', 'Terminating'] },
      { hard: { pods: '1' }, scopes: ['Terminating', 'BestEffort'] },
    ],
    [
      'max, which gives default and defaultRequest',
      'LimitRange',
      container({ max: { cpu: '2' } }),
      container({ max: { cpu: '2' }, default: { cpu: '2' }, defaultRequest: { cpu: '2' } }),
    ],
    [
      'default, which gives defaultRequest',
      'LimitRange',
      container({ max: { cpu: '2' }, default: { cpu: '1' } }),
      container({ max: { cpu: '2' }, default: { cpu: '1' }, defaultRequest: { cpu: '1' } }),
    ],
    [
      'min, which gives defaultRequest where nothing else does',
      'LimitRange',
      container({ min: { cpu: '1' } }),
      container({ min: { cpu: '1' }, defaultRequest: { cpu: '1' } }),
    ],
    [
      'quantities of a limit',
      'LimitRange',
      container({ max: { cpu: '2' } }),
      container({ max: { cpu: '2000m' } }),
    ],
    [
      'empty maps of a limit',
      'LimitRange',
      container({ max: { cpu: '2' }, min: {} }),
      container({ max: { cpu: '2' } }),
    ],
    [
      'the order of types',
      'LimitRange',
      {
        limits: [
          { type: 'Pod', max: { cpu: '2' } },
          { type: 'Container', max: { cpu: '1' } },
        ],
      },
      {
        limits: [
          { type: 'Container', max: { cpu: '1' } },
          { type: 'Pod', max: { cpu: '2' } },
        ],
      },
    ],
  ])('%s', (_name, kind, a, b) => {
    expect(spec(kind, a)).toBe(spec(kind, b));
  });

  test('the namespace of a binding: its own is the same in every namespace', () => {
    const binding = (namespace: string, subject: string | undefined): string =>
      fingerprint('RoleBinding', {
        ...full.RoleBinding,
        metadata: { ...metadata, namespace },
        subjects: [
          { kind: 'ServiceAccount', name: 'app', ...(subject === undefined ? {} : { namespace: subject }) },
        ],
      });
    expect(binding('team-a', 'team-a')).toBe(binding('team-b', 'team-b'));
    expect(binding('team-a', 'team-a')).toBe(binding('team-a', undefined));
    expect(binding('team-a', 'team-b')).not.toBe(binding('team-a', 'team-a'));
  });

  test('a token mount that is not said is one', () => {
    const account = (automount: object): string =>
      fingerprint('ServiceAccount', { apiVersion: 'v1', kind: 'ServiceAccount', metadata, ...automount });
    expect(account({})).toBe(account({ automountServiceAccountToken: true }));
    expect(account({})).not.toBe(account({ automountServiceAccountToken: false }));
  });
});

describe('what only looks the same is not', () => {
  test.each<[string, ManagedKind, unknown, unknown]>([
    ['a rule that allows everybody, and no rule', 'NetworkPolicy', ingress({}), ingress()],
    [
      'every pod of the namespace, and everybody',
      'NetworkPolicy',
      ingress({ from: [{ podSelector: {} }] }),
      ingress({}),
    ],
    [
      'pods of this namespace, and of every',
      'NetworkPolicy',
      ingress({ from: [{ podSelector: {} }] }),
      ingress({ from: [{ podSelector: {}, namespaceSelector: {} }] }),
    ],
    [
      'a port by number and by name',
      'NetworkPolicy',
      ingress({ ports: [{ port: 80 }] }),
      ingress({ ports: [{ port: '80' }] }),
    ],
    [
      'no egress rules, and not about egress',
      'NetworkPolicy',
      { podSelector: {}, policyTypes: ['Egress'] },
      { podSelector: {} },
    ],
    [
      'an empty scope selector, and none',
      'ResourceQuota',
      { hard: { pods: '1' }, scopeSelector: {} },
      { hard: { pods: '1' } },
    ],
    [
      'a max of a Pod, which gives no default',
      'LimitRange',
      { limits: [{ type: 'Pod', max: { cpu: '1' } }] },
      { limits: [{ type: 'Pod', max: { cpu: '1' }, default: { cpu: '1' } }] },
    ],
    ['a tenth and ten', 'ResourceQuota', { hard: { cpu: '100m' } }, { hard: { cpu: '100M' } }],
  ])('%s', (_name, kind, a, b) => {
    expect(spec(kind, a)).not.toBe(spec(kind, b));
  });
});

test('a fingerprint remembered is the one computed', () => {
  const fingerprinter = new Fingerprinter();
  for (const kind of managedKindNames) {
    const first = fingerprinter.of(kind, full[kind]);
    expect(fingerprinter.of(kind, structuredClone(full[kind]))).toBe(first);
    expect(new Fingerprinter().of(kind, full[kind])).toBe(first);
  }
});

test('what was seen before never stands for something else', () => {
  // Few values, so that those that could be taken for each other meet.
  const label = fc.constantFrom('', ',', 'undefined');
  const labels = fc.dictionary(fc.constantFrom(...Object.keys(metadata.labels)), label);
  const value = fc.constantFrom<unknown>('', 'undefined', '[]', undefined, 0, '0', [], [[]], [''], {});
  const frozen = fc.record({ a: value }).map((each) => Object.freeze(each));
  const object = fc.oneof(
    fc.record({ kind: fc.constant('Role' as const), labels, fields: fc.constant({}) }),
    fc.record({
      kind: fc.constantFrom('Role' as const, 'NetworkPolicy' as const),
      labels: fc.constant({}),
      fields: fc.record({ spec: fc.oneof(value, frozen) }),
    }),
  );
  fc.assert(
    fc.property(fc.array(object, { minLength: 50, maxLength: 100 }), (objects) => {
      const one = new Fingerprinter();
      for (const { kind, labels: ofIt, fields } of objects) {
        const each = { apiVersion: 'v1', kind, metadata: { ...metadata, labels: ofIt }, ...fields };
        expect(one.of(kind, each)).toBe(fingerprint(kind, each));
      }
    }),
  );
});

test('what is not frozen may change, and is looked at again', () => {
  const fingerprinter = new Fingerprinter();
  const object = structuredClone(full.LimitRange) as {
    spec: { limits: { type: string }[] };
  } & KubernetesObject;
  const before = fingerprinter.of('LimitRange', object);
  object.spec.limits.pop();
  expect(fingerprinter.of('LimitRange', object)).not.toBe(before);
});

describe('what is remembered', () => {
  /** A policy of about 160 kB as JSON, like no other. */
  const large = (port: number): NetworkPolicySpec => ({
    podSelector: {},
    policyTypes: ['Egress'],
    egress: [
      {
        to: Array.from({ length: 4000 }, (_, i) => ({ ipBlock: { cidr: `10.${i >> 8}.${i & 255}.0/24` } })),
        ports: [{ port }],
      },
    ],
  });
  const see = (fingerprinter: Fingerprinter, policySpec: NetworkPolicySpec) =>
    fingerprinter.share(
      fingerprinter.of('NetworkPolicy', { ...full.NetworkPolicy, spec: policySpec }),
      policySpec,
    );

  test('of a large policy that is changed again and again is next to nothing', async () => {
    const fingerprinter = new Fingerprinter();
    see(fingerprinter, large(0));
    await collectGarbage();
    const before = process.memoryUsage().heapUsed;
    for (let port = 1; port <= 100; port += 1) see(fingerprinter, large(port));
    await collectGarbage();
    // Kept whole they would be about 60 MiB.
    expect((process.memoryUsage().heapUsed - before) / 2 ** 20).toBeLessThan(4);
    see(fingerprinter, large(0));
  });

  test('is one spec for all equal policies, however large, and however many others were seen between', async () => {
    const fingerprinter = new Fingerprinter();
    const kept = see(fingerprinter, large(0));
    for (let port = 1; port <= 5000; port += 1)
      see(fingerprinter, { podSelector: {}, egress: [{ ports: [{ port }] }] });
    await collectGarbage();
    expect(see(fingerprinter, large(0))).toBe(kept);
    expect(kept).toEqual(large(0));
  });

  test('of a policy without a spec is nothing', () => {
    const fingerprinter = new Fingerprinter();
    const { spec: _, ...bare } = full.NetworkPolicy;
    expect(fingerprinter.share(fingerprinter.of('NetworkPolicy', bare), undefined)).toBeUndefined();
  });
});
